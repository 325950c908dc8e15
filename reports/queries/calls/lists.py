"""Calls one by one: the list behind a figure, its pages, and a single call."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from heapq import merge
from operator import itemgetter
from typing import Any, Literal, TypedDict, get_args
from uuid import UUID

from django.db.models import Q, QuerySet

from portal.lib import phones
from reports.definitions.measures import outcome
from reports.definitions.periods import day_start
from reports.queries.calls import orders, walk
from reports.queries.calls.masks import hide_in
from reports.queries.calls.orders import check_ordering
from reports.queries.contacts.ids import contact_id
from reports.queries.cursor import Cursor, edges
from reports.queries.question import CallQuestion, Filters
from reports.queries.scope import Scope
from reports.queries.seen import seen
from reports.queries.selector import Selector, resolve
from sync.models.calls import Call

MAX_PAGE = 500
STREAMED = 4_000  # rows in memory while a list is streamed
STREAMED_KEYS = 100_000  # and keys of rows, where it is sorted


class _CallColumns(TypedDict):
    """The columns that a row is made of; ``result`` is the outcome."""

    id: UUID
    environment_id: int
    agent_id: int | None
    agent__public_id: UUID | None
    agent__label: str | None
    agent__name: str | None
    agent__external_id: str | None
    external_id: str
    sid: str
    direction: str
    status: str
    result: str
    is_test: bool
    started_at: datetime
    started_guessed: bool
    answered_at: datetime | None
    ended_at: datetime | None
    duration_ms: int | None
    billed_ms: int | None
    from_number: str
    to_number: str
    contact: str
    hangup_cause: str
    hangup_source: str
    changed_at: datetime
    missing_since: datetime | None


_COLUMNS = tuple(_CallColumns.__annotations__)


class CallRow(TypedDict):
    """One call as plain values."""

    id: str
    environment: str  # public id
    environment_name: str
    agent: str | None  # public id
    agent_name: str
    external_id: str
    sid: str
    direction: str
    status: str
    outcome: str
    is_test: bool
    started_at: datetime
    started_guessed: bool
    answered_at: datetime | None
    ended_at: datetime | None
    duration: float | None  # seconds
    billed: float | None  # seconds
    from_number: str  # masked as the scope demands
    to_number: str
    contact: str  # digits, "" for who may not see numbers
    contact_id: str  # opaque
    hangup_cause: str
    hangup_source: str
    changed_at: datetime
    missing_since: datetime | None


@dataclass(frozen=True, slots=True)
class CallPage:
    """``next`` and ``previous`` are cursors, "" where there is nothing more."""

    rows: list[CallRow]
    next: str
    previous: str


def calls(question: CallQuestion, scope: Scope) -> QuerySet[Call]:
    """The calls in question, newest first. The wall of the scope's tenant must be open."""
    rows = _filtered(question, resolve(question.filters, scope))
    return rows.order_by("-started_at", "-id")


def call(public_id: UUID | str, scope: Scope) -> Call:
    """One call with its agent and environment; raises Call.DoesNotExist for a foreign id as for an absent one."""
    return seen(Call, scope).select_related("agent", "environment").get(pk=_id(public_id))


def row_of(public_id: UUID | str, scope: Scope) -> CallRow:
    """One call as a row of a page, see :class:`CallRow`; raises Call.DoesNotExist as :func:`call` does."""
    selector = resolve(Filters(), scope)
    rows = seen(Call, scope).filter(pk=_id(public_id)).annotate(result=outcome(selector.providers, selector.now))
    stored: Any = rows.values(*_COLUMNS).get()
    return _row(stored, selector)


def _id(written: UUID | str) -> UUID:
    try:
        return UUID(str(written))
    except ValueError:
        raise Call.DoesNotExist from None


def stream(question: CallQuestion, scope: Scope, *, ordering: str = "-started_at") -> Iterator[CallRow]:
    """The same calls as :func:`calls`, in any of ORDERINGS, each as a row of a page, in constant memory.

    Read by key, some thousand at a time, each environment along its own index: nothing is sorted, and no transaction
    or cursor stays open however long the taker needs. A row that changes meanwhile is told as it is when it is reached.
    """
    check_ordering(ordering, scope)
    selector = resolve(question.filters, scope)
    if ordering not in orders.TIMES:
        _demand_sortable(question, selector)
        return (_row(row, selector) for row in _sorted_steps(question, selector, ordering))
    rows = _filtered(question, selector)
    size = max(200, STREAMED // max(1, len(selector.environments)))
    column, descending = ordering.lstrip("-"), ordering.startswith("-")
    parts = [_steps(rows.filter(environment_id=key), selector, ordering, size) for key in selector.environments]
    ordered = parts[0] if len(parts) == 1 else merge(*parts, key=itemgetter(column, "id"), reverse=descending)
    return (_row(row, selector) for row in ordered)


def _steps(rows: QuerySet[Call], selector: Selector, ordering: str, size: int) -> Iterator[_CallColumns]:
    """The rows of one environment in order, ``size`` to a query."""
    column, descending = ordering.lstrip("-"), ordering.startswith("-")
    order = (f"-{column}", "-id") if descending else (column, "id")
    rows = rows.annotate(result=outcome(selector.providers, selector.now)).order_by(*order)
    batch: list[Any] = list(rows.values(*_COLUMNS)[:size])
    while batch:
        yield from batch
        if len(batch) < size:
            return
        last = Cursor(ordering, False, batch[-1][column], batch[-1]["id"])
        batch = list(rows.filter(_after(last, column, descending=descending)).values(*_COLUMNS)[:size])


def _sorted_steps(question: CallQuestion, selector: Selector, ordering: str) -> Iterator[_CallColumns]:
    """The rows in the order of a column: their keys some ten thousand to a query, each of which looks through all."""
    rows = _counted(_filtered(question, selector), selector)
    ordered = orders.in_order(rows, ordering).values_list("pk", flat=True)
    keys = list(ordered[:STREAMED_KEYS])
    while keys:
        for place in range(0, len(keys), STREAMED):
            yield from _told(keys[place : place + STREAMED], selector)
        if len(keys) < STREAMED_KEYS:
            return
        last = Cursor(ordering, False, selector.now, keys[-1])
        beyond = orders.from_place(rows, ordering, last, _counted(seen(Call, selector.scope), selector))
        keys = list(orders.in_order(beyond, ordering).values_list("pk", flat=True)[:STREAMED_KEYS])


def masked(number: str, scope: Scope) -> str:
    """A number as the reader may see it."""
    return number if scope.sees_numbers and not phones.is_erased(number) else phones.masked(number)


_Word = Literal["external_id", "sid", "status", "direction", "agent_name", "hangup_cause", "hangup_source"]
_WORDS: tuple[_Word, ...] = get_args(_Word)


@dataclass(frozen=True, slots=True)
class Leaf:
    """Which part of a list to show, and in which order."""

    cursor: str = ""
    size: int = 50
    ordering: str = "-started_at"
    changed_since: datetime | None = None


def page(
    question: CallQuestion,
    scope: Scope,
    *,
    cursor: str = "",
    size: int = 50,
    ordering: str = "-started_at",
    changed_since: datetime | None = None,
) -> CallPage:
    """A page of the list, found by key: as quick deep in the list as at its start.

    Raises QuestionError for an order that is unknown or not for this reader or for so many calls, and for a cursor of
    another list.
    """
    return page_within(question, resolve(question.filters, scope), Leaf(cursor, size, ordering, changed_since))


def page_within(question: CallQuestion, selector: Selector, leaf: Leaf) -> CallPage:
    """As :func:`page`, for a scope and filters already looked up."""
    ordering, size = leaf.ordering, max(1, min(leaf.size, MAX_PAGE))
    check_ordering(ordering, selector.scope)
    start = Cursor.read(leaf.cursor, ordering)
    timely = ordering in orders.TIMES
    found = (_timely_page if timely else _sorted_page)(question, selector, replace(leaf, size=size), start)
    more, listed = len(found) > size, found[:size]
    if start is not None and start.back:
        listed.reverse()

    column: Literal["changed_at", "started_at"] = "changed_at" if ordering.endswith("changed_at") else "started_at"
    following, previous = edges(ordering, [(row[column], row["id"]) for row in listed], start, more=more)
    return CallPage([_row(row, selector) for row in listed], next=following, previous=previous)


def _timely_page(question: CallQuestion, selector: Selector, leaf: Leaf, start: Cursor | None) -> list[_CallColumns]:
    """The rows from a place on in an order of time, one more than asked for."""
    column = leaf.ordering.lstrip("-")
    descending = leaf.ordering.startswith("-") != (start is not None and start.back)
    parts = []
    for rows in _parts(question, selector, column):
        if leaf.changed_since is not None:
            rows = rows.filter(changed_at__gte=leaf.changed_since)
        if start is not None:
            rows = rows.filter(_after(start, column, descending=descending))
        parts.append(_counted(rows, selector))
    return walk.first_rows(parts, column, descending=descending, size=leaf.size + 1, columns=_COLUMNS)


def _sorted_page(question: CallQuestion, selector: Selector, leaf: Leaf, start: Cursor | None) -> list[_CallColumns]:
    """The rows from a place on in the order of a column, one more than asked for."""
    _demand_sortable(question, selector)
    rows = _counted(_filtered(question, selector), selector)
    if leaf.changed_since is not None:
        rows = rows.filter(changed_at__gte=leaf.changed_since)
    if start is not None:
        rows = orders.from_place(rows, leaf.ordering, start, _counted(seen(Call, selector.scope), selector))
    ordered = orders.in_order(rows, leaf.ordering, back=start is not None and start.back)
    return _told(list(ordered.values_list("pk", flat=True)[: leaf.size + 1]), selector)


def _told(keys: list[UUID], selector: Selector) -> list[_CallColumns]:
    """The calls of some keys, in the order of these."""
    rows = _counted(seen(Call, selector.scope).filter(pk__in=keys), selector)
    told: dict[UUID, Any] = {row["id"]: row for row in rows.values(*_COLUMNS)}
    return [told[key] for key in keys if key in told]


def _counted(rows: QuerySet[Call], selector: Selector) -> QuerySet[Call]:
    """Each call with what it counts as."""
    return rows.annotate(result=outcome(selector.providers, selector.now))


def _demand_sortable(question: CallQuestion, selector: Selector) -> None:
    """Raise QuestionError where too many calls would be looked through."""
    if walk.names_few_calls(selector, dated=question.date_from is not None):
        return
    bare = selector.unsifted()
    if count_up_to(replace(question, filters=bare.filters), bare, orders.MOST_SORTED) > orders.MOST_SORTED:
        raise orders.too_many_to_sort()


def beside(row: CallRow, question: CallQuestion, scope: Scope, *, ordering: str = "-started_at") -> tuple[str, str]:
    """The ids of the calls above and below ``row`` in a list, "" at its ends. Raises QuestionError for an ordering."""
    check_ordering(ordering, scope)
    selector = resolve(question.filters, scope)
    at = row["changed_at"] if ordering.endswith("changed_at") else row["started_at"]

    def next_one(*, back: bool) -> str:
        cursor = Cursor(ordering, back, at, UUID(row["id"]))
        rows = page_within(question, selector, Leaf(cursor.text(), 1, ordering)).rows
        return rows[0]["id"] if rows else ""

    return next_one(back=True), next_one(back=False)


def count_up_to(question: CallQuestion, selector: Selector, most: int) -> int:
    """How many calls there are, or ``most + 1`` for more: counting stops there."""
    return walk.count(list(_parts(question, selector, "started_at")), "started_at", most + 1)


def _parts(question: CallQuestion, selector: Selector, column: str) -> Iterator[QuerySet[Call]]:
    """The calls in question in parts, each with one index to walk in the order of ``column``."""
    for part in walk.branches(selector, dated=question.date_from is not None):
        yield _filtered(question, selector, **part)


def _filtered(question: CallQuestion, selector: Selector, **part: Any) -> QuerySet[Call]:
    zone = question.zone or selector.scope.zone
    start = None if question.date_from is None else day_start(question.date_from, zone)
    end = None if question.date_to is None else day_start(question.date_to + timedelta(days=1), zone)
    rows = selector.calls(start=start, end=end, **part)
    if start is not None:
        rows = rows.filter(started_at__gte=start)
    return rows if end is None else rows.filter(started_at__lt=end)


def _after(cursor: Cursor, column: str, *, descending: bool) -> Q:
    """Rows after the cursor's. The outer comparison bounds the index; the inner one settles equal times."""
    if descending:
        return Q(**{f"{column}__lte": cursor.at}) & (Q(**{f"{column}__lt": cursor.at}) | Q(pk__lt=cursor.key))
    return Q(**{f"{column}__gte": cursor.at}) & (Q(**{f"{column}__gt": cursor.at}) | Q(pk__gt=cursor.key))


def _row(row: _CallColumns, selector: Selector) -> CallRow:
    environment, scope = selector.environments[row["environment_id"]], selector.scope
    shown: CallRow = {
        "id": str(row["id"]),
        "environment": str(environment.public_id),
        "environment_name": environment.name,
        "agent": None if row["agent_id"] is None else str(row["agent__public_id"]),
        "agent_name": row["agent__label"] or row["agent__name"] or row["agent__external_id"] or "",
        "external_id": row["external_id"],
        "sid": row["sid"],
        "direction": row["direction"],
        "status": row["status"],
        "outcome": row["result"],
        "is_test": row["is_test"],
        "started_at": row["started_at"],
        "started_guessed": row["started_guessed"],
        "answered_at": row["answered_at"],
        "ended_at": row["ended_at"],
        "duration": _seconds(row["duration_ms"]),
        "billed": _seconds(row["billed_ms"]),
        "from_number": masked(row["from_number"], scope),
        "to_number": masked(row["to_number"], scope),
        "contact": row["contact"] if scope.sees_numbers else "",
        "contact_id": contact_id(row["contact"], scope),
        "hangup_cause": row["hangup_cause"],
        "hangup_source": row["hangup_source"],
        "changed_at": row["changed_at"],
        "missing_since": row["missing_since"],
    }
    if not scope.sees_numbers:  # some vendors make their ids of the number
        numbers = (row["from_number"], row["to_number"])
        for key in _WORDS:
            shown[key] = hide_in(shown[key], numbers)
    return shown


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
