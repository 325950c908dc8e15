"""Who is still waiting: contacts whose call was missed, and with whom nobody has connected since.

The list closes itself: a contact leaves it with the next connected call, whoever placed it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from reports.measures import Microseconds
from reports.queries.bundle import Bundle, Later, at_of
from reports.queries.calls import masked
from reports.queries.contact_ids import contact_id
from reports.queries.filters import Reach, resolve
from reports.queries.returns.lists import MAX_PAGE, Asked, LoopPage, Mark, ask_agent_names, edges, span
from reports.queries.returns.rows import Rows, rows_of
from reports.queries.returns.waiting import ask_waiting
from reports.scope import Scope
from sync.models.calls import Call
from sync.taxonomy import Direction


def missed_contacts(asked: Asked, scope: Scope, *, reach: Reach | None = None) -> int:
    """How many contacts had a missed call, whatever came after. ``reach`` may be shared, see :func:`still_open`."""
    reach = reach or resolve(asked.filters, scope)
    rows = rows_of(reach, *span(asked, reach), reach.now)
    columns = ("environment_id", "contact")
    bundle = Bundle()
    kept = bundle.add(rows.kept_missed().values(*columns).distinct(), *columns)
    live = bundle.add(rows.live_missed().values(*columns).distinct(), *columns)
    bundle.fetch()
    return len({tuple(row) for row in (*kept.rows, *live.rows)})


@dataclass(slots=True)
class _Waiting:
    """A contact of one environment. ``at``, ``call`` and ``agent`` are of the last call missed."""

    environment: int
    contact: str
    at: datetime
    call: UUID
    agent: int | None
    missed: int

    @property
    def place(self) -> tuple[datetime, UUID]:
        return self.at, self.call


def still_open(asked: Asked, scope: Scope, *, cursor: str = "", size: int = 50, reach: Reach | None = None) -> LoopPage:
    """A page of contacts still waiting, who waits longest first; ``count`` is how many there are in all.

    ``reach`` is that of the filters and the scope, where it was looked up already: what is asked of the loop of one
    reach is asked once.

    Keys: contact_id, number (masked as the scope demands), environment, environment_name, last_missed_at, call (the
    last one missed), agent, agent_name, missed (how many calls), attempts_since (of ours, after the last missed one).
    """
    reach = reach or resolve(asked.filters, scope)
    waiting = _in_order(asked, reach)
    mark = Mark.read(cursor, "open")
    size = max(1, min(size, MAX_PAGE))
    count = len(waiting)
    if mark is not None and mark.back:
        before = [each for each in waiting if each.place < mark.place]
        more, found = len(before) > size, before[-size:]
    else:
        after = [each for each in waiting if mark is None or each.place > mark.place]
        more, found = len(after) > size, after[:size]
    following, previous = edges("open", [each.place for each in found], mark, more=more)
    return LoopPage(_told(found, reach), following, previous, count)


def every_open(asked: Asked, scope: Scope, *, reach: Reach | None = None) -> tuple[int, Iterator[dict[str, Any]]]:
    """How many contacts wait, and all of them, rows and order as :func:`still_open` gives them.

    Who waits is known as a whole, as it is for a page; what else is told of them is looked up some hundred at a time.
    """
    reach = reach or resolve(asked.filters, scope)
    waiting = _in_order(asked, reach)
    return len(waiting), _every(waiting, reach)


def _every(waiting: list[_Waiting], reach: Reach) -> Iterator[dict[str, Any]]:
    for start in range(0, len(waiting), MAX_PAGE):
        yield from _told(waiting[start : start + MAX_PAGE], reach)


def _in_order(asked: Asked, reach: Reach) -> list[_Waiting]:
    start, until = span(asked, reach)
    return sorted(_waiting(rows_of(reach, start, until, reach.now), until), key=lambda each: each.place)


def _waiting(rows: Rows, until: datetime) -> list[_Waiting]:
    bundle = Bundle()

    def told(missed: QuerySet[Any]) -> tuple[QuerySet[Any], tuple[Any, ...]]:
        return missed, ("pk" if missed.model is Call else "call_id", Microseconds("started_at"), "agent_id")

    waiting = ask_waiting(bundle, rows, until, told)
    bundle.fetch()
    found: dict[tuple[int, str], _Waiting] = {}
    for environment, contact, call, started, agent in waiting():
        at, key = at_of(started), UUID(call)
        known = found.get((environment, contact))
        if known is None:
            found[environment, contact] = _Waiting(environment, contact, at, key, agent, 1)
            continue
        known.missed += 1
        if (at, key) > known.place:
            known.at, known.call, known.agent = at, key, agent
    return list(found.values())


def _told(found: list[_Waiting], reach: Reach) -> list[dict[str, Any]]:
    scope = reach.scope
    bundle = Bundle()
    agents = ask_agent_names(bundle, {each.agent for each in found})
    calls = bundle.add(Call.objects.filter(pk__in=[each.call for each in found]), "pk", "from_number")
    attempts = _ask_attempts_since(bundle, found, scope)
    bundle.fetch()
    names, since = agents(), attempts()
    numbers = {UUID(call): number for call, number in calls.rows}
    told = []
    for each in found:
        environment, agent = reach.environments[each.environment], names.get(each.agent)
        told.append(
            {
                "contact_id": contact_id(each.contact, scope),
                "number": masked(numbers.get(each.call, ""), scope),
                "environment": str(environment.public_id),
                "environment_name": environment.name,
                "last_missed_at": each.at,
                "call": str(each.call),
                "agent": agent[0] if agent else None,
                "agent_name": agent[1] if agent else "",
                "missed": each.missed,
                "attempts_since": since[each.environment, each.contact],
            }
        )
    return told


def _ask_attempts_since(bundle: Bundle, found: list[_Waiting], scope: Scope) -> Later[Counter[tuple[int, str]]]:
    """Our calls to each contact since, of the agents the reader may see."""
    last = {(each.environment, each.contact): each.at for each in found}
    if not found:
        return Counter
    rows = Call.objects.filter(
        environment_id__in={each.environment for each in found},
        contact__in={each.contact for each in found},
        started_at__gt=min(last.values()),
        direction=Direction.OUTBOUND,
        is_test=False,
    )
    if scope.agent_ids is not None:
        rows = rows.filter(agent_id__in=sorted(scope.agent_ids))
    got = bundle.add(rows, "environment_id", "contact", Microseconds("started_at"))

    def read() -> Counter[tuple[int, str]]:
        counts: Counter[tuple[int, str]] = Counter()
        for environment, contact, at in got.rows:
            if (environment, contact) in last and at_of(at) > last[environment, contact]:
                counts[environment, contact] += 1
        return counts

    return read
