"""The callback loop one by one: returns with the calls they answer, newest first, found by key."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Min

from reports.bundle import Bundle, Later
from reports.columns.sources import Missing
from reports.definitions.filters import Filters, write_filters
from reports.definitions.measures import outcome
from reports.definitions.periods import at_of, day_start
from reports.queries.answer import Completeness
from reports.queries.callbacks.loop import Loop, calls_at, opened, place_of
from reports.queries.calls.lists import masked
from reports.queries.completeness.freshness import behind_within
from reports.queries.completeness.uncounted import with_uncounted
from reports.queries.contacts.ids import contact_id
from reports.queries.cursor import Cursor, edges
from reports.queries.params import ParamReader
from reports.queries.question import CallQuestion
from reports.queries.scope import Scope
from reports.queries.selector import Selector, resolve
from sync.models.agents import Agent
from sync.models.calls import Call

MAX_PAGE = 500


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


@dataclass(frozen=True, slots=True)
class LoopPage:
    """``next`` and ``previous`` are cursors, "" where there is nothing more; rows are dicts of plain values.

    ``missing`` are the days that could not be looked through: with some the list is not complete.
    """

    rows: list[dict[str, Any]]
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
    firsts = [
        Call.objects.filter(environment_id=key).aggregate(first=Min("started_at"))["first"]
        for key in selector.environments
    ]
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
) -> LoopPage:
    """As :func:`returns_of` of a question's loop."""
    with loop_of(question, scope) as loop:
        return returns_of(loop, cursor=cursor, size=size, count=count)


def returns_of(loop: Loop, *, cursor: str = "", size: int = 50, count: bool = False) -> LoopPage:
    """A page of returns, newest first, each with the call it answers; counted only if asked.

    Keys: id (of the return call), environment, environment_name, agent, agent_name, started_at, status, outcome,
    number (masked as the scope demands), contact_id, answers, source, source_name and answered_started_at (None for a
    call of an agent the reader may not see), attempts, waited and waited_first (seconds).
    """
    mark = Cursor.read(cursor, "returns")
    size = max(1, min(size, MAX_PAGE))
    back = mark is not None and mark.back
    rows = _returned(loop, mark, size + 1)
    number = _count(loop) if count else None
    more, rows = len(rows) > size, rows[:size]
    if back:
        rows.reverse()
    following, previous = edges("returns", [(row["at"], row["id"]) for row in rows], mark, more=more)
    return LoopPage(_rows(rows, loop.selector), following, previous, number, loop.missing)


@dataclass(frozen=True, slots=True)
class LoopList:
    """All rows of a list, how many there are, and the days that could not be looked through."""

    count: int
    rows: Iterator[dict[str, Any]]
    missing: tuple[Missing, ...]


def every_return(question: CallbackQuestion, scope: Scope) -> LoopList:
    """All returns, rows and order as :func:`returns` gives them.

    They are read by key, a page at a time: so few stand in memory, and nothing stays open for however long the taker
    needs.
    """
    first = returns(question, scope, size=1, count=True)
    return LoopList(first.count or 0, _every(question, scope), first.missing)


def _every(question: CallbackQuestion, scope: Scope) -> Iterator[dict[str, Any]]:
    cursor, more = "", True
    while more:
        page = returns(question, scope, cursor=cursor, size=MAX_PAGE)
        yield from page.rows
        cursor, more = page.next, bool(page.next)


_COLUMNS = "environment, agent, started_us, place, source, last_us, last_place, attempts, waited_ms, waited_first_ms"


def _count(loop: Loop) -> int:
    if not loop.routes.sources:
        return 0
    ((number,),) = loop.run(loop.join().statement("SELECT count(*) FROM returned"))
    return int(number)


def _returned(loop: Loop, mark: Cursor | None, size: int) -> list[dict[str, Any]]:
    """The first ``size`` returns after the mark. Returns of one microsecond are in the order of their environments."""
    if not loop.routes.sources:
        return []
    back = mark is not None and mark.back
    where = ""
    if mark is not None:
        place = place_of(mark.key)
        if place is None:
            return []
        environment, started, at = place
        sign = ">" if back else "<"
        where = f" WHERE (started_us, environment, place) {sign} ({started}, {environment}, {at})"
    direction = "ASC" if back else "DESC"
    order = ", ".join(f"{name} {direction}" for name in ("started_us", "environment", "place"))
    rows = loop.run(loop.join().statement(f"SELECT {_COLUMNS} FROM returned{where} ORDER BY {order} LIMIT {size}"))
    places = {(row[0], row[2], row[3]) for row in rows} | {(row[0], row[5], row[6]) for row in rows}
    calls = calls_at(places)
    return [
        {
            "id": calls[environment, started, place],
            "environment": environment,
            "agent": agent,
            "at": at_of(started),
            "answers": calls[environment, last, last_place],
            "source": source,
            "answered_at": at_of(last),
            "attempts": attempts,
            "waited": waited,
            "waited_first": waited_first,
        }
        for environment, agent, started, place, source, last, last_place, attempts, waited, waited_first in rows
        if (environment, started, place) in calls and (environment, last, last_place) in calls
    ]


def _rows(returned: list[dict[str, Any]], selector: Selector) -> list[dict[str, Any]]:
    scope = selector.scope
    bundle = Bundle()
    agents = ask_agent_names(bundle, {key for row in returned for key in (row["agent"], row["source"])})
    calls = Call.objects.filter(pk__in=[row["id"] for row in returned]).annotate(
        result=outcome(selector.providers, selector.now)
    )
    listed = bundle.add(calls, "pk", "from_number", "contact", "status", "result")
    bundle.fetch()
    names = agents()
    heard = {UUID(call): rest for call, *rest in listed.rows}
    rows = []
    for row in returned:
        environment = selector.environments[row["environment"]]
        number, contact, status, result = heard.get(row["id"], ("", "", "", ""))
        seen = scope.agent_ids is None or row["source"] in scope.agent_ids
        agent, source = names.get(row["agent"]), names.get(row["source"]) if seen else None
        rows.append(
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
                "contact_id": contact_id(contact, scope),
                "answers": str(row["answers"]) if seen else None,
                "source": source[0] if source else None,
                "source_name": source[1] if source else "",
                "answered_started_at": row["answered_at"] if seen else None,
                "attempts": row["attempts"],
                "waited": row["waited"] / 1000,
                "waited_first": row["waited_first"] / 1000,
            }
        )
    return rows


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
