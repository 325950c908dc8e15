"""One number over agents, environments and vendors: what its calls come to, as far as the reader's scope reaches."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, Max, Min, Sum, When
from django.utils import timezone

from portal.lib.phones import readings, written
from reports.measures import outcome
from reports.queries.calls import masked
from reports.queries.chosen import Filters
from reports.queries.contact_ids import contact_digits_of, contact_id
from reports.queries.filters import Reach, resolve
from reports.rollups.loop import PROVIDERS, rules
from reports.rollups.rings import Attempt, Rung, join
from reports.scope import Scope
from sync.taxonomy import Direction, Outcome

MOST_JOINED = 2_000  # calls of one number that returns are looked for among


class NoContact(LookupError):
    """No call of such a contact is the reader's to see. A foreign id and one that is none are told apart by nobody."""


@dataclass(frozen=True, slots=True)
class Contact:
    """Test calls count in ``test_calls`` alone. ``callbacks`` are inbound calls that answer outbound ones, as the
    callbacks page joins them; None for a number with more calls than are joined.
    """

    id: str
    number: str  # masked as the scope demands
    calls: int
    outbound: int
    inbound: int
    outcomes: dict[str, int]
    talk_seconds: float
    callbacks: int | None
    test_calls: int
    first_seen: datetime
    last_seen: datetime
    agents: int
    environments: tuple[str, ...]

    @property
    def connected(self) -> int:
        return self.outcomes[Outcome.CONNECTED]


def contact(public_id: str, scope: Scope, *, now: datetime | None = None) -> Contact:
    """Raises NoContact. The wall of the scope's tenant must be open."""
    digits = contact_digits_of(public_id, scope)
    if not digits:
        raise NoContact
    return _contact(digits, scope, now or timezone.now())


def contacts_of_number(number: str, scope: Scope, *, now: datetime | None = None) -> list[Contact]:
    """The contact of a whole number as anybody writes it; none when no call of it may be seen.

    One that lacks the country code may be of two: as it stands, and in Brazil.
    """
    found = []
    for digits in readings(number):
        with suppress(NoContact):
            found.append(_contact(digits, scope, now or timezone.now()))
    return found


def _contact(digits: str, scope: Scope, now: datetime) -> Contact:
    told = contact_id(digits, scope)
    reach = resolve(Filters(contact=told, testing="include"), scope, now=now)
    rows = reach.calls().annotate(result=outcome(reach.providers, now))
    kinds = list(
        rows.values("environment_id", "agent_id", "direction", "result", "is_test").annotate(
            n=Count("pk"),
            talk=Sum(Case(When(result=Outcome.CONNECTED.value, then="duration_ms"))),
            first=Min("started_at"),
            last=Max("started_at"),
        )
    )
    if not kinds:
        raise NoContact
    real = [kind for kind in kinds if not kind["is_test"]]
    outcomes: Counter[str] = Counter({word.value: 0 for word in Outcome})
    directions: Counter[str] = Counter()
    for kind in real:
        outcomes[kind["result"]] += kind["n"]
        directions[kind["direction"]] += kind["n"]
    return Contact(
        id=told,
        number=masked(written(digits), scope),
        calls=sum(directions.values()),
        outbound=directions[Direction.OUTBOUND],
        inbound=directions[Direction.INBOUND],
        outcomes=dict(outcomes),
        talk_seconds=sum(kind["talk"] or 0 for kind in real) / 1000,
        callbacks=_callbacks(rows.filter(is_test=False), reach) if sum(directions.values()) <= MOST_JOINED else None,
        test_calls=sum(kind["n"] for kind in kinds if kind["is_test"]),
        first_seen=min(kind["first"] for kind in kinds),
        last_seen=max(kind["last"] for kind in kinds),
        agents=len({kind["agent_id"] for kind in kinds} - {None}),
        environments=tuple(
            sorted({reach.environments[kind["environment_id"]].name for kind in kinds}, key=str.casefold)
        ),
    )


def _callbacks(rows: Any, reach: Reach) -> int:
    """How many inbound calls of the contact answer outbound ones, by the loop's own join."""
    homes = [row for row in reach.environments.values() if row.provider in PROVIDERS]
    if not homes:
        return 0
    known = rules(homes)
    if not known.all_routes.catchers:
        return 0
    rings, attempts = [], []
    columns = ("environment_id", "pk", "agent_id", "contact", "started_at", "direction", "result")
    for home, call, agent, who, at, direction, result in (
        rows.filter(environment_id__in=[row.pk for row in homes], agent__isnull=False)
        .order_by("started_at", "id")
        .values_list(*columns)
    ):
        if direction == Direction.INBOUND:
            rings.append(Rung(home, call, agent, who, at))
        elif direction == Direction.OUTBOUND:
            attempts.append(Attempt(home, call, agent, who, at, result == Outcome.UNREACHED))
    return sum(ring.answers is not None for ring in join(rings, attempts, known.all_routes, known.window))
