"""Who is still waiting: contacts whose call was missed, and with whom nobody has connected since.

The list closes itself: a contact leaves it with the next connected call, whoever placed it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, TypedDict

from reports.bundle import Bundle, Later
from reports.definitions.measures import Microseconds
from reports.definitions.periods import at_of
from reports.queries.callbacks.lists import MAX_PAGE, CallbackQuestion, LoopList, LoopPage, ask_agent_names, loop_of
from reports.queries.callbacks.loop import Loop, Place, calls_at
from reports.queries.calls.lists import masked
from reports.queries.contacts.ids import contact_id
from reports.queries.cursor import Cursor, edges
from reports.queries.scope import Scope
from reports.queries.seen import seen
from reports.queries.selector import Selector
from sync.models.calls import Call
from sync.taxonomy import Direction


def missed_contacts(loop: Loop) -> int:
    """How many contacts had a missed call, whatever came after."""
    ((number,),) = loop.run(loop.missed().by_contact("SELECT count(*) FROM contacts"))
    return int(number)


class WaitingRow(TypedDict):
    """One contact still waiting, as plain values."""

    contact_id: str  # opaque
    number: str  # masked as the scope demands
    environment: str  # public id
    environment_name: str
    last_missed_at: datetime
    call: str  # id of the last one missed
    agent: str | None  # public id
    agent_name: str
    missed: int  # how many calls
    attempts_since: int  # of ours, after the last missed one


class _Waiting(NamedTuple):
    """A contact of one environment, with its last missed call, as column files have them."""

    started_us: int
    environment: int
    number: int  # among the calls of that microsecond
    agent: int | None
    contact: int
    missed: int

    @property
    def place(self) -> Place:
        return self.environment, self.started_us, self.number


_COLUMNS = "started_us, environment, place, agent, contact, calls"
_ORDER = "started_us {way}, environment {way}, place {way}"


def still_open(question: CallbackQuestion, scope: Scope, *, cursor: str = "", size: int = 50) -> LoopPage[WaitingRow]:
    """As :func:`still_open_of` of a question's loop."""
    with loop_of(question, scope) as loop:
        return still_open_of(loop, cursor=cursor, size=size)


def still_open_of(loop: Loop, *, cursor: str = "", size: int = 50) -> LoopPage[WaitingRow]:
    """A page of contacts still waiting, who waits longest first; ``count`` is how many there are in all."""
    mark = Cursor.read(cursor, "open")
    size = max(1, min(size, MAX_PAGE))
    waiting = _in_order(loop, mark, size + 1)
    more, waiting = len(waiting) > size, waiting[:size]
    if mark is not None and mark.back:
        waiting.reverse()
    ((count,),) = loop.run(loop.missed().by_contact("SELECT count(*) FROM contacts WHERE waits"))
    following, previous = edges("open", [loop.mark_of(each.place) for each in waiting], mark, more=more)
    return LoopPage(_rows(waiting, loop.selector), following, previous, int(count), loop.missing_since)


def every_open(question: CallbackQuestion, scope: Scope, *, now: datetime | None = None) -> LoopList[WaitingRow]:
    """All contacts that wait, rows and order as :func:`still_open` gives them.

    Who waits is known as a whole; what else is told of them is looked up some hundred at a time.
    """
    with loop_of(question, scope, now=now) as loop:
        waiting = _in_order(loop)
    return LoopList(len(waiting), _every(waiting, loop.selector), loop.missing_since)


def _every(waiting: list[_Waiting], selector: Selector) -> Iterator[WaitingRow]:
    for start in range(0, len(waiting), MAX_PAGE):
        yield from _rows(waiting[start : start + MAX_PAGE], selector)


def _in_order(loop: Loop, mark: Cursor | None = None, size: int | None = None) -> list[_Waiting]:
    """The first ``size`` contacts after the mark, all by default."""
    where, back = "", mark is not None and mark.back
    if mark is not None:
        environment, started, number = loop.place_at(mark)
        sign = "<" if back else ">"
        where = f" AND (started_us, environment, place) {sign} ({started}, {environment}, {number})"
    limit = "" if size is None else f" LIMIT {size}"
    order = _ORDER.format(way="DESC" if back else "ASC")
    select = f"SELECT {_COLUMNS} FROM contacts WHERE waits{where} ORDER BY {order}{limit}"
    return [_Waiting(*row) for row in loop.run(loop.missed().by_contact(select))]


def _rows(waiting: Sequence[_Waiting], selector: Selector) -> list[WaitingRow]:
    """The rows of contacts; without those whose call stands in column files and is no longer what these say."""
    scope = selector.scope
    ids = calls_at({each.place: (each.agent, each.contact) for each in waiting}, scope)
    calls = seen(Call, scope).filter(pk__in=ids.values()).values_list("pk", "contact", "from_number")
    numbers = {pk: (contact, number) for pk, contact, number in calls}
    shown = [(each, ids[each.place], *numbers[ids[each.place]]) for each in waiting if ids.get(each.place) in numbers]
    bundle = Bundle()
    agents = ask_agent_names(bundle, {each.agent for each, *_call in shown}, scope)
    last = {(each.environment, contact): at_of(each.started_us) for each, _call, contact, _number in shown}
    attempts = _ask_attempts_since(bundle, last, scope)
    bundle.fetch()
    names, since = agents(), attempts()
    rows: list[WaitingRow] = []
    for each, call, contact, number in shown:
        environment, agent = selector.environments[each.environment], names.get(each.agent)
        rows.append(
            {
                "contact_id": contact_id(contact, scope),
                "number": masked(number, scope),
                "environment": str(environment.public_id),
                "environment_name": environment.name,
                "last_missed_at": at_of(each.started_us),
                "call": str(call),
                "agent": agent[0] if agent else None,
                "agent_name": agent[1] if agent else "",
                "missed": each.missed,
                "attempts_since": since[each.environment, contact],
            }
        )
    return rows


def _ask_attempts_since(
    bundle: Bundle, last: Mapping[tuple[int, str], datetime], scope: Scope
) -> Later[Counter[tuple[int, str]]]:
    """Our calls to contacts of environments after a moment each, of the agents the reader may see."""
    if not last:
        return Counter
    rows = seen(Call, scope, {environment for environment, _contact in last}).filter(
        contact__in={contact for _environment, contact in last},
        started_at__gt=min(last.values()),
        direction=Direction.OUTBOUND,
        is_test=False,
    )
    got = bundle.add(rows, "environment_id", "contact", Microseconds("started_at"))

    def read() -> Counter[tuple[int, str]]:
        counts: Counter[tuple[int, str]] = Counter()
        for environment, contact, at in got.rows:
            if (environment, contact) in last and at_of(at) > last[environment, contact]:
                counts[environment, contact] += 1
        return counts

    return read
