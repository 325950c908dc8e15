"""The callback loop one by one: returns with the calls they answer, newest first, found by key."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from json import dumps, loads
from typing import Any
from uuid import UUID

from django.db.models import Min, Q
from django.utils.translation import gettext as _

from reports.measures import Microseconds, outcome
from reports.periods import day_start
from reports.queries.bundle import Bundle, Later, at_of
from reports.queries.calls import masked
from reports.queries.chosen import Filters, QuestionError, write_filters
from reports.queries.contact_ids import contact_id
from reports.queries.filters import Reach, resolve
from reports.queries.params import ParamReader
from reports.queries.returns.rows import Rows, rows_of
from reports.rollups.loop_models import Ring
from reports.scope import Scope
from sync.models.agents import Agent
from sync.models.calls import Call

MAX_PAGE = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """Which part of a list: days in the scope's zone, both included, any by default; ids are public ids."""

    date_from: date | None = None
    date_to: date | None = None
    environments: tuple[UUID, ...] = ()
    agents: tuple[UUID, ...] = ()

    @property
    def filters(self) -> Filters:
        return Filters(environments=self.environments, agents=self.agents)


def read_asked(params: Mapping[str, str], scope: Scope) -> Asked:
    """The part that parameters ask for; raises QuestionError that names every bad one."""
    reader = ParamReader(params, scope)
    first, last = reader.days()
    asked = Asked(first, last, reader.ids("environment"), reader.ids("agent"))
    reader.finish()
    return asked


def write_asked(asked: Asked) -> dict[str, str]:
    """The parameters that ask for it; :func:`read_asked` reads the same part back."""
    days = {"date_from": asked.date_from, "date_to": asked.date_to}
    return {name: day.isoformat() for name, day in days.items() if day} | write_filters(asked.filters)


@dataclass(frozen=True, slots=True)
class LoopPage:
    """``next`` and ``previous`` are cursors, "" where there is nothing more; rows are dicts of plain values."""

    rows: list[dict[str, Any]]
    next: str
    previous: str
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """The row a page begins after, and whether it goes back from there."""

    of: str
    back: bool
    at: datetime
    call: UUID

    @property
    def place(self) -> tuple[datetime, UUID]:
        return self.at, self.call

    def text(self) -> str:
        said = [self.of, int(self.back), self.at.isoformat(), self.call.hex]
        return urlsafe_b64encode(dumps(said, separators=(",", ":")).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, of: str) -> "Mark | None":
        """None without a text; raises QuestionError for one that is no cursor of this list."""
        if not text:
            return None
        try:
            said, back, at, call = loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            mark = cls(said, back == 1, datetime.fromisoformat(at).astimezone(UTC), UUID(call))
        except (ValueError, TypeError, AttributeError, OverflowError):
            raise QuestionError({"cursor": _("This is no cursor of a page.")}) from None
        if mark.of != of:
            raise QuestionError({"cursor": _("This cursor is of another list.")})
        return mark


def edges(of: str, places: list[tuple[datetime, UUID]], mark: Mark | None, *, more: bool) -> tuple[str, str]:
    """The cursors of the next and the previous page of a page with these rows."""
    if not places:
        return "", ""
    back = mark is not None and mark.back
    ahead, behind = (mark is not None, more) if back else (more, mark is not None)
    following = Mark(of, False, *places[-1]).text() if ahead else ""
    return following, Mark(of, True, *places[0]).text() if behind else ""


def span(asked: Asked, reach: Reach) -> tuple[datetime, datetime]:
    """The instants asked for: from the first call there is up to now, where no day says otherwise."""
    zone = reach.scope.zone
    end = reach.now + timedelta(days=1)
    if asked.date_to is not None:
        end = min(day_start(asked.date_to + timedelta(days=1), zone), end)
    if asked.date_from is not None:
        return day_start(asked.date_from, zone), end
    firsts = [
        Call.objects.filter(environment_id=key).aggregate(first=Min("started_at"))["first"]
        for key in reach.environments
    ]
    return min((first for first in firsts if first is not None), default=end), end


def returns(
    asked: Asked, scope: Scope, *, cursor: str = "", size: int = 50, count: bool = False, reach: Reach | None = None
) -> LoopPage:
    """A page of returns, newest first, each with the call it answers; counted only if asked. ``reach`` is that of the
    filters and the scope, where it was looked up already.

    Keys: id (of the return call), environment, environment_name, agent, agent_name, started_at, status, outcome,
    number (masked as the scope demands), contact_id, answers, source, source_name and answered_started_at (None for a
    call of an agent the reader may not see), attempts, waited and waited_first (seconds).
    """
    reach = reach or resolve(asked.filters, scope)
    rows = rows_of(reach, *span(asked, reach), reach.now)
    mark = Mark.read(cursor, "returns")
    size = max(1, min(size, MAX_PAGE))
    back = mark is not None and mark.back
    found = sorted(
        [*_kept(rows, mark, size + 1), *_live(rows, mark)], key=lambda row: (row["at"], row["id"]), reverse=not back
    )
    more, found = len(found) > size, found[:size]
    if back:
        found.reverse()
    following, previous = edges("returns", [(row["at"], row["id"]) for row in found], mark, more=more)
    number = None
    if count:
        kept = rows.kept_rings().filter(answers__isnull=False).count()
        number = kept + sum(ring.answers is not None for ring in rows.live_rings())
    return LoopPage(_told(found, reach), following, previous, number)


def every_return(asked: Asked, scope: Scope, *, reach: Reach | None = None) -> tuple[int, Iterator[dict[str, Any]]]:
    """How many returns there are, and all of them, rows and order as :func:`returns` gives them.

    They are read by key, a page at a time: so few stand in memory, and nothing stays open for however long the taker
    needs.
    """
    reach = reach or resolve(asked.filters, scope)
    count = returns(asked, scope, size=1, count=True, reach=reach).count or 0
    return count, _every(asked, reach)


def _every(asked: Asked, reach: Reach) -> Iterator[dict[str, Any]]:
    cursor, more = "", True
    while more:
        page = returns(asked, reach.scope, cursor=cursor, size=MAX_PAGE, reach=reach)
        yield from page.rows
        cursor, more = page.next, bool(page.next)


_COLUMNS: dict[str, Any] = {
    "id": "call_id",
    "environment": "environment_id",
    "agent": "agent_id",
    "contact": "contact",
    "at": Microseconds("started_at"),
    "answers": "answers_id",
    "source": "source_id",
    "answered_at": Microseconds("answered_started_at"),
    "attempts": "attempts",
    "waited": "waited_ms",
    "waited_first": "waited_first_ms",
}


def _kept(rows: Rows, mark: Mark | None, size: int) -> Iterable[dict[str, Any]]:
    """The first rows of each environment, which has an index in the list's order. One query."""
    kept = rows.kept_rings().filter(answers__isnull=False)
    order = ("-started_at", "-call_id")
    if mark is not None and mark.back:
        order = ("started_at", "call_id")
        kept = kept.filter(Q(started_at__gte=mark.at) & (Q(started_at__gt=mark.at) | Q(call_id__gt=mark.call)))
    elif mark is not None:
        kept = kept.filter(Q(started_at__lte=mark.at) & (Q(started_at__lt=mark.at) | Q(call_id__lt=mark.call)))
    bundle = Bundle()
    told = []
    for environment in {key for keys in rows.kept.values() for key in keys}:
        first = kept.filter(environment_id=environment).order_by(*order).values("pk")[:size]
        told.append(bundle.add(Ring.objects.filter(pk__in=first), *_COLUMNS.values()))
    bundle.fetch()
    for part in told:
        for values in part.rows:
            row = dict(zip(_COLUMNS, values, strict=True))
            yield row | {
                "id": UUID(row["id"]),
                "answers": UUID(row["answers"]),
                "at": at_of(row["at"]),
                "answered_at": at_of(row["answered_at"]),
            }


def _live(rows: Rows, mark: Mark | None) -> Iterable[dict[str, Any]]:
    for ring in rows.live_rings():
        place = (ring.at, ring.call)
        if ring.answers is None or (mark is not None and (place <= mark.place if mark.back else place >= mark.place)):
            continue
        yield {
            "id": ring.call,
            "environment": ring.environment,
            "agent": ring.agent,
            "contact": ring.contact,
            "at": ring.at,
            "answers": ring.answers.call,
            "source": ring.answers.agent,
            "answered_at": ring.answers.at,
            "attempts": len(ring.given),
            "waited": ring.waited_ms,
            "waited_first": ring.waited_first_ms,
        }


def _told(found: list[dict[str, Any]], reach: Reach) -> list[dict[str, Any]]:
    scope = reach.scope
    bundle = Bundle()
    agents = ask_agent_names(bundle, {key for row in found for key in (row["agent"], row["source"])})
    calls = Call.objects.filter(pk__in=[row["id"] for row in found]).annotate(
        result=outcome(reach.providers, reach.now)
    )
    listed = bundle.add(calls, "pk", "from_number", "status", "result")
    bundle.fetch()
    names = agents()
    heard = {UUID(call): rest for call, *rest in listed.rows}
    told = []
    for row in found:
        environment = reach.environments[row["environment"]]
        number, status, result = heard.get(row["id"], ("", "", ""))
        seen = scope.agent_ids is None or row["source"] in scope.agent_ids
        agent, source = names.get(row["agent"]), names.get(row["source"]) if seen else None
        told.append(
            {
                "id": str(row["id"]),
                "environment": str(environment.public_id),
                "environment_name": environment.name,
                "agent": agent[0] if agent else None,
                "agent_name": agent[1] if agent else "",
                "started_at": row["at"],
                "status": status,
                "outcome": result,
                "number": masked(number, scope),
                "contact_id": contact_id(row["contact"], scope),
                "answers": str(row["answers"]) if seen else None,
                "source": source[0] if source else None,
                "source_name": source[1] if source else "",
                "answered_started_at": row["answered_at"] if seen else None,
                "attempts": row["attempts"],
                "waited": row["waited"] / 1000,
                "waited_first": row["waited_first"] / 1000,
            }
        )
    return told


def agent_names(keys: Collection[int | None]) -> dict[int | None, tuple[str, str]]:
    """Public id and name of agents by primary key. One query."""
    bundle = Bundle()
    names = ask_agent_names(bundle, keys)
    bundle.fetch()
    return names()


def ask_agent_names(bundle: Bundle, keys: Collection[int | None]) -> Later[dict[int | None, tuple[str, str]]]:
    rows = Agent.objects.filter(pk__in=[key for key in keys if key is not None])
    got = bundle.add(rows, "pk", "public_id", "label", "name", "external_id")
    return lambda: {
        pk: (str(UUID(public_id)), label or name or external_id) for pk, public_id, label, name, external_id in got.rows
    }
