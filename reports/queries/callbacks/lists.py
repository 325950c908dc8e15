"""The callback loop one by one: returns with the calls they answer, newest first, found by key."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Generic, NamedTuple, TypedDict, TypeVar
from uuid import UUID

from django.db.models import Min

from reports.bundle import Bundle, Later
from reports.columns.sources import Missing
from reports.definitions.filters import Filters, write_filters
from reports.definitions.measures import outcome
from reports.definitions.periods import at_of, between, day_start
from reports.queries.answer import Completeness
from reports.queries.callbacks.loop import Loop, Place, calls_at, opened
from reports.queries.calls.lists import masked
from reports.queries.completeness.freshness import behind_within
from reports.queries.completeness.uncounted import with_uncounted
from reports.queries.contacts.ids import contact_id
from reports.queries.cursor import Cursor, edges
from reports.queries.params import ParamReader
from reports.queries.question import CallQuestion
from reports.queries.run import NotNow
from reports.queries.scope import Scope
from reports.queries.seen import seen
from reports.queries.selector import Selector, resolve
from sync.models.agents import Agent
from sync.models.calls import Call

MAX_PAGE = 500
Row = TypeVar("Row", covariant=True)


@dataclass(frozen=True, slots=True)
class CallbackQuestion:
    """Which part of a list: days in the scope's zone, both included, any by default; ids are public ids.

    ``agents`` are those that contacts rang, ``source_agents`` those that had called them before.
    """

    date_from: date | None = None
    date_to: date | None = None
    environments: tuple[UUID, ...] = ()
    agents: tuple[UUID, ...] = ()
    source_agents: tuple[UUID, ...] = ()

    @property
    def filters(self) -> Filters:
        return Filters(environments=self.environments, agents=self.agents, source_agents=self.source_agents)


def read_callback_question(params: Mapping[str, str], scope: Scope) -> CallbackQuestion:
    """The part that parameters ask for; raises QuestionError that names every bad one."""
    reader = ParamReader(params, scope)
    first, last = reader.days()
    question = CallbackQuestion(first, last, reader.ids("environment"), reader.ids("agent"), reader.ids("source_agent"))
    reader.finish()
    return question


def write_callback_question(question: CallbackQuestion) -> dict[str, str]:
    """The parameters that ask for it; :func:`read_callback_question` reads the same part back."""
    days = {"date_from": question.date_from, "date_to": question.date_to}
    return {name: day.isoformat() for name, day in days.items() if day} | write_filters(question.filters)


class ReturnRow(TypedDict):
    """One return as plain values. Who had called, and when, is None or "" for an agent the reader may not see."""

    id: str  # of the return call
    environment: str  # public id
    environment_name: str
    agent: str | None  # public id
    agent_name: str
    started_at: datetime
    status: str
    outcome: str
    number: str  # masked as the scope demands
    contact_id: str  # opaque
    answers: str | None  # id of the call it answers
    source: str | None  # public id of the agent that had called
    source_name: str
    answered_started_at: datetime | None
    attempts: int
    waited: float  # seconds
    waited_first: float  # seconds


@dataclass(frozen=True, slots=True)
class LoopPage(Generic[Row]):
    """``next`` and ``previous`` are cursors, "" where there is nothing more.

    ``missing`` are the days that could not be looked through: with some the list is not complete.
    """

    rows: Sequence[Row]
    next: str
    previous: str
    count: int | None = None
    missing: tuple[Missing, ...] = ()


def span(question: CallbackQuestion, selector: Selector) -> tuple[datetime, datetime]:
    """The instants asked for: from the first call there is up to now, where no day says otherwise."""
    zone = selector.scope.zone
    end = selector.now + timedelta(days=1)
    if question.date_to is not None:
        end = min(day_start(question.date_to + timedelta(days=1), zone), end)
    if question.date_from is not None:
        return day_start(question.date_from, zone), end
    everyone = selector.scope.whatever_agent()
    firsts = [seen(Call, everyone, [key]).aggregate(first=Min("started_at"))["first"] for key in selector.environments]
    return min((first for first in firsts if first is not None), default=end), end


def standing(question: CallbackQuestion, selector: Selector, missing: Iterable[Missing]) -> Completeness:
    """How complete the calls are that a list is found among; ``missing`` is what the list could not look through."""
    calls = CallQuestion(question.date_from, question.date_to, selector.scope.zone, question.filters)
    return with_uncounted(
        behind_within(calls, selector, now=selector.now), missing, selector.environments, selector.now
    )


@contextmanager
def loop_of(question: CallbackQuestion, scope: Scope, *, now: datetime | None = None) -> Iterator[Loop]:
    """The loop of the part that a question names."""
    selector = resolve(question.filters, scope, now=now)
    with opened(selector, *span(question, selector)) as loop:
        yield loop


def returns(
    question: CallbackQuestion, scope: Scope, *, cursor: str = "", size: int = 50, count: bool = False
) -> LoopPage[ReturnRow]:
    """As :func:`returns_of` of a question's loop."""
    with loop_of(question, scope) as loop:
        return returns_of(loop, cursor=cursor, size=size, count=count)


def returns_of(loop: Loop, *, cursor: str = "", size: int = 50, count: bool = False) -> LoopPage[ReturnRow]:
    """A page of returns, newest first, each with the call it answers; counted only if asked."""
    mark = Cursor.read(cursor, "returns")
    size = max(1, min(size, MAX_PAGE))
    joined = _joined(loop, mark, size + 1)
    number = _count(loop) if count else None
    more, joined = len(joined) > size, joined[:size]
    if mark is not None and mark.back:
        joined.reverse()
    following, previous = edges("returns", [loop.mark_of(each.place) for each in joined], mark, more=more)
    return LoopPage(_rows(joined, loop.selector), following, previous, number, loop.missing)


@dataclass(frozen=True, slots=True)
class LoopList(Generic[Row]):
    """All rows of a list, how many there are, and the days that could not be looked through."""

    count: int
    rows: Iterator[Row]
    missing: tuple[Missing, ...]


def every_return(question: CallbackQuestion, scope: Scope) -> LoopList[ReturnRow]:
    """All returns, rows and order as :func:`returns` gives them.

    They are read by key, a page at a time: so few stand in memory, and nothing stays open for however long the taker
    needs. Taking them raises NotNow where days can no longer be looked through that could be at first.
    """
    first = returns(question, scope, size=1, count=True)
    return LoopList(first.count or 0, _every(question, scope, first.missing), first.missing)


def _every(question: CallbackQuestion, scope: Scope, missing: Collection[Missing]) -> Iterator[ReturnRow]:
    cursor, more = "", True
    while more:
        page = returns(question, scope, cursor=cursor, size=MAX_PAGE)
        if not _days(page.missing) <= _days(missing):
            raise NotNow
        yield from page.rows
        cursor, more = page.next, bool(page.next)


def _days(missing: Iterable[Missing]) -> set[tuple[int, date]]:
    return {(each.environment, day) for each in missing for day in between(each.first, each.last)}


class _Return(NamedTuple):
    """A return with the call it answers, as column files have them."""

    environment: int
    agent: int | None
    contact: int
    started_us: int
    number: int  # among the calls of that microsecond
    source: int | None
    last_us: int
    last_number: int
    attempts: int
    waited_ms: int
    waited_first_ms: int

    @property
    def place(self) -> Place:
        return self.environment, self.started_us, self.number

    @property
    def answers(self) -> Place:
        return self.environment, self.last_us, self.last_number


_COLUMNS = (
    "environment, agent, contact, started_us, place, source, last_us, last_place, attempts, waited_ms, waited_first_ms"
)


def _count(loop: Loop) -> int:
    if not loop.routes.sources:
        return 0
    ((number,),) = loop.run(loop.join().statement("SELECT count(*) FROM returned"))
    return int(number)


def _joined(loop: Loop, mark: Cursor | None, size: int) -> list[_Return]:
    """The first ``size`` returns after the mark. Returns of one microsecond are in the order of their environments."""
    if not loop.routes.sources:
        return []
    where, direction = "", "DESC"
    if mark is not None:
        direction = "ASC" if mark.back else "DESC"
        environment, started, number = loop.place_at(mark)
        sign = ">" if mark.back else "<"
        where = f" WHERE (started_us, environment, place) {sign} ({started}, {environment}, {number})"
    order = ", ".join(f"{name} {direction}" for name in ("started_us", "environment", "place"))
    rows = loop.run(loop.join().statement(f"SELECT {_COLUMNS} FROM returned{where} ORDER BY {order} LIMIT {size}"))
    return [_Return(*row) for row in rows]


def _rows(joined: Sequence[_Return], selector: Selector) -> list[ReturnRow]:
    """The rows of returns; without those that stand in column files and are no longer what these say."""
    scope = selector.scope
    ids = calls_at(
        {each.place: (each.agent, each.contact) for each in joined}
        | {each.answers: (each.source, each.contact) for each in joined},
        scope,
    )
    joined = [each for each in joined if each.place in ids and each.answers in ids]
    bundle = Bundle()
    agents = ask_agent_names(bundle, {key for each in joined for key in (each.agent, each.source)}, scope)
    calls = (
        seen(Call, scope)
        .filter(pk__in=[ids[each.place] for each in joined])
        .annotate(result=outcome(selector.providers, selector.now))
    )
    listed = bundle.add(calls, "pk", "from_number", "contact", "status", "result")
    bundle.fetch()
    names = agents()
    details = {UUID(call): rest for call, *rest in listed.rows}
    rows: list[ReturnRow] = []
    for each in joined:
        environment = selector.environments[each.environment]
        number, contact, status, result = details.get(ids[each.place], ("", "", "", ""))
        agent, source = names.get(each.agent), names.get(each.source)
        rows.append(
            {
                "id": str(ids[each.place]),
                "environment": str(environment.public_id),
                "environment_name": environment.name,
                "agent": agent[0] if agent else None,
                "agent_name": agent[1] if agent else "",
                "started_at": at_of(each.started_us),
                "status": status,
                "outcome": result,
                "number": masked(number, scope),
                "contact_id": contact_id(contact, scope),
                "answers": str(ids[each.answers]) if source else None,
                "source": source[0] if source else None,
                "source_name": source[1] if source else "",
                "answered_started_at": at_of(each.last_us) if source else None,
                "attempts": each.attempts,
                "waited": each.waited_ms / 1000,
                "waited_first": each.waited_first_ms / 1000,
            }
        )
    return rows


def agent_names(keys: Collection[int | None], scope: Scope) -> dict[int | None, tuple[str, str]]:
    """Public id and name of agents by primary key, of those that the reader may see. One query."""
    bundle = Bundle()
    names = ask_agent_names(bundle, keys, scope)
    bundle.fetch()
    return names()


def ask_agent_names(
    bundle: Bundle, keys: Collection[int | None], scope: Scope
) -> Later[dict[int | None, tuple[str, str]]]:
    rows = seen(Agent, scope).filter(pk__in=[key for key in keys if key is not None])
    got = bundle.add(rows, "pk", "public_id", "label", "name", "external_id")
    return lambda: {
        pk: (str(UUID(public_id)), label or name or external_id) for pk, public_id, label, name, external_id in got.rows
    }
