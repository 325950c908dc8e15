"""Calls one by one: the list behind a figure, its pages, and a single call."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from json import dumps, loads
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from portal.lib import phones
from portal.tenants import wall
from reports.measures import outcome
from reports.periods import day_start
from reports.queries import quiet, walk
from reports.queries.contact_ids import contact_id
from reports.queries.filters import Reach, resolve
from reports.queries.question import CallQuestion, Filters, QuestionError
from reports.scope import Scope
from sync.models.calls import Call

ORDERINGS = ("-started_at", "started_at", "-changed_at", "changed_at")
MAX_PAGE = 500
STREAMED = 4_000  # rows in memory while a list is streamed
_COLUMNS = (
    "id",
    "environment_id",
    "agent_id",
    "agent__public_id",
    "agent__label",
    "agent__name",
    "agent__external_id",
    "external_id",
    "sid",
    "direction",
    "status",
    "result",
    "is_test",
    "started_at",
    "started_guessed",
    "answered_at",
    "ended_at",
    "duration_ms",
    "billed_ms",
    "from_number",
    "to_number",
    "contact",
    "hangup_cause",
    "hangup_source",
    "changed_at",
    "missing_since",
)


@dataclass(frozen=True, slots=True)
class CallPage:
    """``next`` and ``previous`` are cursors, "" where there is nothing more; rows are dicts of plain values.

    Keys: id, environment, environment_name, agent, agent_name, external_id, sid, direction, status, outcome, is_test,
    started_at, started_guessed, answered_at, ended_at, duration and billed (seconds), from_number, to_number (masked as
    the scope demands), contact (digits, "" for who may not see numbers), contact_id (opaque), hangup_cause,
    hangup_source, changed_at, missing_since.
    """

    rows: list[dict[str, Any]]
    next: str
    previous: str


@dataclass(frozen=True, slots=True)
class _Cursor:
    """The row a page begins after, and whether it goes back from there."""

    ordering: str
    back: bool
    at: datetime
    pk: UUID

    def text(self) -> str:
        said = [self.ordering, int(self.back), self.at.isoformat(), self.pk.hex]
        return urlsafe_b64encode(dumps(said, separators=(",", ":")).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, ordering: str) -> "_Cursor":
        try:
            said, back, at, pk = loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            cursor = cls(said, back == 1, datetime.fromisoformat(at).astimezone(UTC), UUID(pk))
        except (ValueError, TypeError, AttributeError, OverflowError):
            raise QuestionError({"cursor": _("This is no cursor of a page.")}) from None
        if cursor.ordering != ordering:
            raise QuestionError({"cursor": _("This cursor is of a list in another order.")})
        return cursor


def calls(question: CallQuestion, scope: Scope) -> QuerySet[Call]:
    """The calls in question, newest first. The wall of the scope's tenant must be open."""
    rows = _asked(question, resolve(question.filters, scope))
    return rows.order_by("-started_at", "-id")


def call(public_id: UUID | str, scope: Scope) -> Call:
    """One call with its agent and environment; raises Call.DoesNotExist for a foreign id as for an absent one."""
    wall.demand(scope.tenant_id)
    try:
        wanted = UUID(str(public_id))
    except ValueError:
        raise Call.DoesNotExist from None
    rows: QuerySet[Call] = Call.objects.filter(environment_id__in=scope.environment_ids)
    if scope.agent_ids is not None:
        rows = rows.filter(agent_id__in=scope.agent_ids)
    return rows.select_related("agent", "environment").get(pk=wanted)


def told(public_id: UUID | str, scope: Scope) -> dict[str, Any]:
    """One call as a row of a page, see :class:`CallPage`; raises Call.DoesNotExist as :func:`call` does."""
    found = call(public_id, scope)
    reach = resolve(Filters(), scope)
    rows = Call.objects.filter(pk=found.pk).annotate(result=outcome(reach.providers, reach.now))
    return _told(rows.values(*_COLUMNS).get(), reach)


def stream(question: CallQuestion, scope: Scope, *, ordering: str = "-started_at") -> Iterator[dict[str, Any]]:
    """The same calls as :func:`calls`, in any of ORDERINGS, each as a row of a page, in constant memory.

    Read by key, some thousand at a time, each environment along its own index: nothing is sorted, and no transaction
    or cursor stays open however long the taker needs. A row that changes meanwhile is told as it is when it is reached.
    """
    check_ordering(ordering)
    reach = resolve(question.filters, scope)
    rows = _asked(question, reach)
    size = max(200, STREAMED // max(1, len(reach.environments)))
    column, descending = ordering.lstrip("-"), ordering.startswith("-")
    parts = [_steps(rows.filter(environment_id=key), reach, ordering, size) for key in reach.environments]
    ordered = (
        parts[0] if len(parts) == 1 else merge(*parts, key=lambda row: (row[column], row["id"]), reverse=descending)
    )
    return (_told(row, reach) for row in ordered)


def _steps(rows: QuerySet[Call], reach: Reach, ordering: str, size: int) -> Iterator[dict[str, Any]]:
    """The rows of one environment in order, ``size`` to a query."""
    column, descending = ordering.lstrip("-"), ordering.startswith("-")
    order = (f"-{column}", "-id") if descending else (column, "id")
    rows = rows.annotate(result=outcome(reach.providers, reach.now)).order_by(*order)
    found = list(rows.values(*_COLUMNS)[:size])
    while found:
        yield from found
        if len(found) < size:
            return
        last = _Cursor(ordering, False, found[-1][column], found[-1]["id"])
        found = list(rows.filter(_after(last, column, descending=descending)).values(*_COLUMNS)[:size])


def masked(number: str, scope: Scope) -> str:
    """A number as the reader may see it."""
    return number if scope.sees_numbers else phones.masked(number)


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

    Raises QuestionError for an unknown ordering and for a cursor of another list.
    """
    return page_within(question, resolve(question.filters, scope), Leaf(cursor, size, ordering, changed_since))


def page_within(question: CallQuestion, reach: Reach, leaf: Leaf) -> CallPage:
    """As :func:`page`, for a scope and filters already looked up."""
    ordering = leaf.ordering
    check_ordering(ordering)
    size = max(1, min(leaf.size, MAX_PAGE))
    start = _Cursor.read(leaf.cursor, ordering) if leaf.cursor else None
    back = start is not None and start.back
    column, descending = ordering.lstrip("-"), ordering.startswith("-") != back
    result = outcome(reach.providers, reach.now)
    parts = []
    for rows in _parts(question, reach, column):
        if leaf.changed_since is not None:
            rows = rows.filter(changed_at__gte=leaf.changed_since)
        if start is not None:
            rows = rows.filter(_after(start, column, descending=descending))
        parts.append(rows.annotate(result=result))
    found = walk.first_rows(parts, column, descending=descending, size=size + 1, columns=_COLUMNS)
    more, found = len(found) > size, found[:size]
    if back:
        found.reverse()

    def edge(row: dict[str, Any], *, back: bool) -> str:
        return _Cursor(ordering, back, row[column], row["id"]).text()

    behind = more if back else start is not None
    ahead = start is not None if back else more
    return CallPage(
        [_told(row, reach) for row in found],
        next=edge(found[-1], back=False) if found and ahead else "",
        previous=edge(found[0], back=True) if found and behind else "",
    )


def beside(
    row: dict[str, Any], question: CallQuestion, scope: Scope, *, ordering: str = "-started_at"
) -> tuple[str, str]:
    """The ids of the calls above and below ``row`` in a list, "" at its ends. Raises QuestionError for an ordering."""
    check_ordering(ordering)
    reach, column = resolve(question.filters, scope), ordering.lstrip("-")

    def next_one(*, back: bool) -> str:
        cursor = _Cursor(ordering, back, row[column], UUID(row["id"]))
        found = page_within(question, reach, Leaf(cursor.text(), 1, ordering)).rows
        return str(found[0]["id"]) if found else ""

    return next_one(back=True), next_one(back=False)


def count_up_to(question: CallQuestion, reach: Reach, most: int) -> int:
    """How many calls there are, or ``most + 1`` for more: counting stops there."""
    return walk.count(list(_parts(question, reach, "started_at")), "started_at", most + 1)


def _parts(question: CallQuestion, reach: Reach, column: str) -> Iterator[QuerySet[Call]]:
    """The calls in question in parts, each with one index to walk in the order of ``column``."""
    for part in walk.branches(reach, dated=question.date_from is not None):
        rows = _asked(question, reach, **part)
        where = quiet.EVERYWHERE
        if column == "started_at" and "environments" in part:
            where = quiet.stretches(reach, part["environments"][0])
        for stretch in where:
            here = rows if stretch.start is None else rows.filter(started_at__gte=stretch.start)
            yield here if stretch.end is None else here.filter(started_at__lt=stretch.end)


def check_ordering(ordering: str) -> None:
    """Raise QuestionError unless calls can be listed in that order."""
    if ordering not in ORDERINGS:
        text = _("“%(word)s” is none of %(choices)s.")
        raise QuestionError({"ordering": text % {"word": ordering, "choices": ", ".join(ORDERINGS)}})


def _asked(question: CallQuestion, reach: Reach, **part: Any) -> QuerySet[Call]:
    zone = question.zone or reach.scope.zone
    start = None if question.date_from is None else day_start(question.date_from, zone)
    end = None if question.date_to is None else day_start(question.date_to + timedelta(days=1), zone)
    rows = reach.calls(start=start, end=end, **part)
    if start is not None:
        rows = rows.filter(started_at__gte=start)
    return rows if end is None else rows.filter(started_at__lt=end)


def _after(cursor: _Cursor, column: str, *, descending: bool) -> Q:
    """Rows after the cursor's. The outer comparison bounds the index; the inner one settles equal times."""
    if descending:
        return Q(**{f"{column}__lte": cursor.at}) & (Q(**{f"{column}__lt": cursor.at}) | Q(pk__lt=cursor.pk))
    return Q(**{f"{column}__gte": cursor.at}) & (Q(**{f"{column}__gt": cursor.at}) | Q(pk__gt=cursor.pk))


def _told(row: dict[str, Any], reach: Reach) -> dict[str, Any]:
    environment, scope = reach.environments[row["environment_id"]], reach.scope
    return {
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


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
