"""The join of calls that come back to the calls they answer. Pure; ``loop`` keeps its result for settled days.

An *attempt* is an outbound call to a contact, a *ring* an inbound call of a contact to an agent that takes callbacks.
Test calls are neither. Each attempt is given to the first ring after it, within the tenant's hours, of the same contact
in the same environment, to an agent that takes the callbacks of the agent who dialled; whether the attempt connected
does not matter. A ring that is given an attempt is a *return* and answers the last attempt given to it. So an attempt
is answered once at most, and a second ring with no new attempt in between is no return.

Equal times: an attempt lies before a ring only if it is earlier; among rings, as among attempts, the smaller id is the
earlier one, which is how the list of calls sorts them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from uuid import UUID

VERSION = 2  # raise it when the join or what is kept of it changes: every day is then joined anew


@dataclass(frozen=True, slots=True)
class Routes:
    """Which agents take whose callbacks, by primary key: ``sources`` maps an agent to those it answers for."""

    sources: Mapping[int, frozenset[int]]

    @property
    def catchers(self) -> frozenset[int]:
        """The agents that take callbacks."""
        return frozenset(self.sources)

    @property
    def covered(self) -> frozenset[int]:
        """The agents whose callbacks somebody takes."""
        return frozenset().union(*self.sources.values())

    def rules(self, hours: int) -> str:
        """A digest of all that the join depends on besides the calls."""
        said = sorted((catcher, sorted(sources)) for catcher, sources in self.sources.items())
        return blake2b(f"{VERSION}/{hours}/{said}".encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Attempt:
    environment: int
    call: UUID
    agent: int
    contact: str
    at: datetime
    unreached: bool


@dataclass(slots=True)
class Rung:
    """A ring and the attempts given to it, oldest first. ``again``: the contact had rung for its attempts before."""

    environment: int
    call: UUID
    agent: int
    contact: str  # "" when withheld: such a ring answers nothing
    at: datetime
    given: list[Attempt] = field(default_factory=list)
    again: bool = False

    @property
    def answers(self) -> Attempt | None:
        return self.given[-1] if self.given else None

    @property
    def waited_ms(self) -> int | None:
        """From the attempt it answers."""
        return _milliseconds(self.at - self.given[-1].at) if self.given else None

    @property
    def waited_first_ms(self) -> int | None:
        """From the first of the attempts given to it."""
        return _milliseconds(self.at - self.given[0].at) if self.given else None


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


def join(rings: Iterable[Rung], attempts: Iterable[Attempt], routes: Routes, window: timedelta) -> list[Rung]:
    """Give every attempt to the ring it belongs to; returns the rings in the order of their time.

    A ring is judged rightly when all rings and attempts of the window before it are there.
    """
    tried: dict[tuple[int, str], list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        tried[attempt.environment, attempt.contact].append(attempt)
    in_order = sorted(rings, key=lambda ring: (ring.at, ring.call))
    rung: dict[tuple[int, str], list[Rung]] = defaultdict(list)
    for ring in in_order:
        if ring.contact:
            rung[ring.environment, ring.contact].append(ring)
    for key, of_contact in rung.items():
        if key in tried:
            _give(of_contact, sorted(tried[key], key=lambda each: (each.at, each.call)), routes, window)
    return in_order


def _give(rings: list[Rung], attempts: list[Attempt], routes: Routes, window: timedelta) -> None:
    waiting: list[Attempt] = []
    taken: list[Attempt] = []
    upcoming = 0
    for ring in rings:
        while upcoming < len(attempts) and attempts[upcoming].at < ring.at:
            waiting.append(attempts[upcoming])
            upcoming += 1
        sources = routes.sources.get(ring.agent, frozenset())
        oldest = ring.at - window
        waiting = [attempt for attempt in waiting if attempt.at >= oldest]
        ring.given = [attempt for attempt in waiting if attempt.agent in sources]
        ring.again = not ring.given and any(each.agent in sources and each.at >= oldest for each in taken)
        waiting = [attempt for attempt in waiting if attempt.agent not in sources]
        taken += ring.given
