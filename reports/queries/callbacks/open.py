"""Who is still waiting: contacts whose call was missed, and with whom nobody has connected since.

The list closes itself: a contact leaves it with the next connected call, whoever placed it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from reports.bundle import Bundle, Later
from reports.definitions.measures import Microseconds
from reports.definitions.periods import at_of
from reports.queries.callbacks.lists import MAX_PAGE, CallbackQuestion, LoopList, LoopPage, ask_agent_names, loop_of
from reports.queries.callbacks.loop import Loop, Place, calls_at, place_of
from reports.queries.calls.lists import masked
from reports.queries.contacts.ids import contact_id
from reports.queries.cursor import Cursor, edges
from reports.queries.scope import Scope
from reports.queries.selector import Selector
from sync.models.calls import Call
from sync.taxonomy import Direction


def missed_contacts(loop: Loop) -> int:
    """How many contacts had a missed call, whatever came after."""
    select = "SELECT count(*) FROM (SELECT DISTINCT environment, contact FROM missed)"
    ((number,),) = loop.run(loop.missed().statement(select))
    return int(number)


@dataclass(slots=True)
class _Waiting:
    """A contact of one environment. ``at``, ``call`` and ``agent`` are of the last call missed."""

    environment: int
    code: int  # of the contact, in column files
    started: int
    at_place: int
    agent: int | None
    missed: int
    call: UUID | None = None
    contact: str = ""

    @property
    def at(self) -> datetime:
        return at_of(self.started)

    @property
    def place(self) -> Place:
        return self.environment, self.started, self.at_place

    @property
    def order(self) -> tuple[int, int, int]:
        return self.started, self.environment, self.at_place


def still_open(question: CallbackQuestion, scope: Scope, *, cursor: str = "", size: int = 50) -> LoopPage:
    """As :func:`still_open_of` of a question's loop."""
    with loop_of(question, scope) as loop:
        return still_open_of(loop, cursor=cursor, size=size)


def still_open_of(loop: Loop, *, cursor: str = "", size: int = 50) -> LoopPage:
    """A page of contacts still waiting, who waits longest first; ``count`` is how many there are in all.

    Keys: contact_id, number (masked as the scope demands), environment, environment_name, last_missed_at, call (the
    last one missed), agent, agent_name, missed (how many calls), attempts_since (of ours, after the last missed one).
    """
    waiting = _in_order(loop)
    mark = Cursor.read(cursor, "open")
    size = max(1, min(size, MAX_PAGE))
    count = len(waiting)
    marked = _order_of(mark)
    if mark is not None and mark.back:
        before = [each for each in waiting if each.order < marked]
        more, shown = len(before) > size, before[-size:]
    else:
        after = [each for each in waiting if each.order > marked]
        more, shown = len(after) > size, after[:size]
    rows = _rows(shown, loop.selector)
    following, previous = edges("open", [(each.at, each.call) for each in shown if each.call], mark, more=more)
    return LoopPage(rows, following, previous, count, loop.missing_since)


def _order_of(mark: Cursor | None) -> tuple[int, int, int]:
    """The place in the list of the contact that a page begins after; before all others without one."""
    place = None if mark is None else place_of(mark.key)
    if place is None:
        return (-1, 0, 0)
    environment, started, at_place = place
    return started, environment, at_place


def every_open(question: CallbackQuestion, scope: Scope, *, now: datetime | None = None) -> LoopList:
    """All contacts that wait, rows and order as :func:`still_open` gives them.

    Who waits is known as a whole, as it is for a page; what else is told of them is looked up some hundred at a time.
    """
    with loop_of(question, scope, now=now) as loop:
        waiting = _in_order(loop)
    return LoopList(len(waiting), _every(waiting, loop.selector), loop.missing_since)


def _every(waiting: list[_Waiting], selector: Selector) -> Iterator[dict[str, Any]]:
    for start in range(0, len(waiting), MAX_PAGE):
        yield from _rows(waiting[start : start + MAX_PAGE], selector)


def _in_order(loop: Loop) -> list[_Waiting]:
    select = (
        "SELECT environment, contact, max(started_us), argMax(place, (started_us, place)),"
        " argMax(agent, (started_us, place)), count(*) FROM waiting GROUP BY environment, contact"
    )
    rows = loop.run(loop.missed().statement(select))
    return sorted((_Waiting(*row) for row in rows), key=lambda each: each.order)


def _rows(waiting: list[_Waiting], selector: Selector) -> list[dict[str, Any]]:
    scope = selector.scope
    bundle = Bundle()
    ids = calls_at(each.place for each in waiting)
    calls = Call.objects.filter(pk__in=ids.values()).values_list("pk", "contact", "from_number")
    contacts = {pk: (contact, number) for pk, contact, number in calls}
    for each in waiting:
        each.call = ids.get(each.place)
        each.contact = contacts[each.call][0] if each.call in contacts else ""
    waiting = [each for each in waiting if each.call in contacts]
    agents = ask_agent_names(bundle, {each.agent for each in waiting})
    attempts = _ask_attempts_since(bundle, waiting, scope)
    bundle.fetch()
    names, since = agents(), attempts()
    rows = []
    for each in waiting:
        environment, agent = selector.environments[each.environment], names.get(each.agent)
        rows.append(
            {
                "contact_id": contact_id(each.contact, scope),
                "number": masked(contacts[each.call][1] if each.call else "", scope),
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
    return rows


def _ask_attempts_since(bundle: Bundle, waiting: list[_Waiting], scope: Scope) -> Later[Counter[tuple[int, str]]]:
    """Our calls to each contact since, of the agents the reader may see."""
    last = {(each.environment, each.contact): each.at for each in waiting}
    if not waiting:
        return Counter
    rows = Call.objects.filter(
        environment_id__in={each.environment for each in waiting},
        contact__in={each.contact for each in waiting},
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
