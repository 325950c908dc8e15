"""Mails that were sent, changes of calls, and elements that nobody could read: rows by their age."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import Model, QuerySet

from portal.outbox.models import Enclosure, Message
from portal.outbox.post import ENDED
from reports.privacy.retention.rounds import Round
from sync.models.calls import Unplaced
from sync.models.changes import CallChange
from sync.models.quarantine import Quarantine

_UNREADABLE = (Quarantine, Unplaced)


def mails(since: datetime) -> QuerySet[Message]:
    """Those that ended, are of before ``since`` and still have their text."""
    return Message.objects.filter(created_at__lt=since, state__in=ENDED).exclude(text="", html="")


def changes(since: datetime) -> QuerySet[CallChange]:
    return CallChange.objects.filter(at__lt=since)


def unreadable(since: datetime, *, after: datetime | None = None) -> list[QuerySet[Any]]:
    """Texts of elements that were first seen before ``since``, and not before ``after``."""
    tables = [model._default_manager.exclude(raw="").filter(first_seen_at__lt=since) for model in _UNREADABLE]
    return [rows if after is None else rows.filter(first_seen_at__gte=after) for rows in tables]


def take_mails(round_: Round) -> None:
    """Their texts and what was enclosed; that they were sent, to whom and with which subject stays."""

    def take(keys: Sequence[Any]) -> None:
        Enclosure.objects.filter(message_id__in=keys).update(content=b"")
        Message.objects.filter(pk__in=keys).update(text="", html="")

    round_.each(mails(round_.since), take)


def take_changes(round_: Round) -> None:
    round_.each(changes(round_.since), lambda keys: CallChange.objects.filter(pk__in=keys).delete())


def take_unreadable(round_: Round) -> None:
    for rows in unreadable(round_.since):
        round_.each(rows, partial(_blank, rows.model))


def _blank(model: type[Model], keys: Sequence[Any]) -> None:
    model._default_manager.filter(pk__in=keys).update(raw="")
