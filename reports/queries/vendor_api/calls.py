"""Calls for the vendors' own form: the last payload of each, as text, newest first.

Payloads are never decoded here. Pages are found in the narrow table of calls first, so that an OFFSET skips keys and
not documents.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.db.models.functions import Collate

from portal.lib import phones
from reports.queries.calls.masks import hide_in
from reports.queries.contacts.ids import contact_digits_of
from reports.queries.scope import Scope
from reports.queries.seen import seen
from sync.models.agents import Agent
from sync.models.calls import Call, Payload, Unplaced

_BATCH = 100
_PHONE_CHARACTERS = frozenset("0123456789 +()-.")


class HiddenNumberError(ValueError):
    """What is not the whole telephony id of a call was searched by somebody who may not see numbers: whatever may be a
    number, or a part of one, would be told from those that are none.
    """


@dataclass(frozen=True, slots=True)
class VendorFilter:
    """``agent`` is the vendor's id; the days are UTC days, both inclusive; ``contact`` is an
    opaque id. Empty means no restriction.
    """

    status: str = ""
    direction: str = ""
    agent: str = ""
    date_from: date | None = None
    date_to: date | None = None
    search: str = ""
    contact: str = ""


class AgentKeys(NamedTuple):
    """Our keys of a vendor's agent, within and without."""

    pk: int
    public_id: UUID


def agent_keys(scope: Scope, external_id: str) -> AgentKeys | None:
    """Those of the vendor's agent, None when there is none the scope may see."""
    keys = seen(Agent, scope).filter(external_id=_stored(external_id)).values_list("pk", "public_id").first()
    return None if keys is None else AgentKeys(*keys)


def calls(scope: Scope, filters: VendorFilter) -> QuerySet[Call]:
    """The calls asked for, in no order. Raises HiddenNumberError."""
    rows = mine = seen(Call, scope)
    if filters.agent:
        agent = agent_keys(scope, filters.agent)
        rows = seen(Call, scope, agents={agent.pk}) if agent else rows.none()
    if filters.contact:
        rows = rows.filter(contact=contact_digits_of(filters.contact, scope)).exclude(contact="")
    if filters.status:
        rows = rows.filter(status=filters.status)
    if filters.direction:
        rows = rows.filter(direction=filters.direction)
    if filters.date_from:
        rows = rows.filter(started_at__gte=_midnight(filters.date_from))
    if filters.date_to and filters.date_to < date.max:
        rows = rows.filter(started_at__lt=_midnight(filters.date_to + timedelta(days=1)))
    return rows.filter(_search(filters.search.strip(), scope, mine)) if filters.search.strip() else rows


def page(scope: Scope, rows: QuerySet[Call], *, offset: int, size: int) -> list[str]:
    """``size`` payloads from ``offset`` on. Two queries."""
    keys = list(rows.order_by(*newest_first()).values_list("pk", flat=True)[offset : offset + size])
    return _raws(scope, keys)


def history(scope: Scope, agent_id: int, agent: str) -> Iterator[str]:
    """Every payload of an agent, then the elements without a call id, a few at a time."""
    rows = seen(Call, scope, agents={agent_id})
    keys = rows.order_by(*newest_first()).values_list("pk", flat=True).iterator(chunk_size=2_000)
    while batch := list(islice(keys, _BATCH)):
        yield from _raws(scope, batch)
    unplaced = seen(Unplaced, scope).filter(agent_key=agent).exclude(raw="")  # erased
    yield from unplaced.order_by("-first_seen_at", "-pk").values_list("raw", flat=True).iterator(chunk_size=_BATCH)


def newest_first() -> tuple[OrderBy, OrderBy]:
    """By start, then by the vendor's id, compared character by character on either database."""
    key = F("external_id").desc()
    if connection.vendor == "postgresql":
        key = Collate("external_id", "C").desc()
    return F("started_at").desc(), key


def _raws(scope: Scope, keys: Iterable[UUID]) -> list[str]:
    wanted = list(keys)
    payloads: dict[Any, str] = dict(seen(Payload, scope).filter(call_id__in=wanted).values_list("call_id", "raw"))
    return [payloads[key] for key in wanted if payloads.get(key)]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _stored(text: str) -> str:
    """Text as a column may hold it: PostgreSQL refuses NUL, and no stored id has one."""
    return text if "\0" not in text else ""


def _is_shown(sid: str, mine: QuerySet[Call]) -> bool:
    """Whether there is such a call whose telephony id stands unmasked in it: some are made of the number called."""
    numbers = mine.filter(sid=sid).values_list("from_number", "to_number")[:_BATCH]
    return bool(numbers) and all(hide_in(sid, pair) == sid for pair in numbers)


def _search(text: str, scope: Scope, mine: QuerySet[Call]) -> Q:
    """In both numbers and the telephony id. ``mine`` are the calls that the scope leaves."""
    text = _stored(text)
    digits = phones.digits(text)
    numeric = bool(digits) and set(text) <= _PHONE_CHARACTERS
    if not scope.sees_numbers:
        if not text or numeric or not _is_shown(text, mine):
            raise HiddenNumberError
        return Q(sid=text)
    if not text:
        return Q(pk__in=())
    # "(11) 98765" is searched as its digits, for a stored number has no such signs.
    number = digits if numeric and not text.startswith("+") else text
    return Q(from_number__contains=number) | Q(to_number__contains=number) | Q(sid__icontains=text)
