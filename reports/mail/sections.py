"""The parts of a mail that a plan chooses and orders. What frames them always stands: the highlights above, and below
how complete the figures are, what they cover, and how to leave.

To add one: a name here, its words in :mod:`reports.mail.compose`, and two templates in ``mail/sections``.
"""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

LABELS = {
    "headlines": _("Main figures"),
    "days": _("Day by day"),
    "hours": _("Calls by hour and weekday"),
    "agents": _("Agents, worst change first"),
    "callbacks": _("Callbacks, by the agent that had called"),
    "short_calls": _("Short calls"),
}
LONGEST_SUBJECT, LONGEST_NOTE = 120, 2000  # of an author's own, in characters
SECTIONS = tuple(LABELS)  # in their usual order


def chosen(names: Iterable[str]) -> tuple[str, ...]:
    """The names in their order, each once; one that is no section any more is passed over."""
    return tuple(dict.fromkeys(name for name in names if name in LABELS))
