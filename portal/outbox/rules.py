"""Who is asked, just before a message leaves, whether it still may: ``OUTBOX_RULES`` of the settings names each."""

from collections.abc import Callable

from django.conf import settings
from django.utils.module_loading import import_string

from portal.outbox.models import Letter

Rule = Callable[[Letter], str]  # why the message may not leave any more, or ""


def demand_known(name: str) -> None:
    """Raise ValueError for a rule that the settings do not name: a message held to it could never leave."""
    if name and name not in settings.OUTBOX_RULES:
        raise ValueError(f"There is no rule {name!r} for messages.")


def objection(message: Letter) -> str:
    """Why the message may not leave any more, or "". One held to a rule that is not known here stays."""
    if not message.rule:
        return ""
    if message.rule not in settings.OUTBOX_RULES:
        return "unknown rule"
    rule: Rule = import_string(settings.OUTBOX_RULES[message.rule])
    return rule(message)
