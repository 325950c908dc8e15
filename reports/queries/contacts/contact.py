"""One number over agents, environments and vendors: what its calls come to, as far as the reader's scope reaches."""

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db.models import Case, Count, Max, Min, Sum, When
from django.utils import timezone

from portal.lib.phones import readings, written
from reports.columns.schema import contact_code
from reports.columns.sources import Missing
from reports.definitions.conditions import Condition
from reports.definitions.filters import Filters
from reports.definitions.measures import outcome
from reports.queries.answer import Completeness
from reports.queries.callbacks.loop import opened
from reports.queries.calls.lists import masked
from reports.queries.completeness.freshness import behind_within
from reports.queries.completeness.uncounted import with_uncounted
from reports.queries.contacts.ids import contact_digits_of, contact_id
from reports.queries.question import CallQuestion
from reports.queries.refused import demand_allowed
from reports.queries.scope import Scope
from reports.queries.selector import Selector, resolve
from sync.taxonomy import Direction, Outcome


class NoContact(LookupError):
    """No call of such a contact is the reader's to see. A foreign id and one that is none are told apart by nobody."""


@dataclass(frozen=True, slots=True)
class Contact:
    """Test calls count in ``test_calls`` alone. ``callbacks`` are inbound calls that answer outbound ones, as the
    callbacks page joins them, None where that is not known: ``missing`` are days that could not be looked through.
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
    missing: tuple[Missing, ...] = ()
    last_missed: datetime | None = None  # the latest inbound call that did not connect
    waits: bool = False  # whether nobody has connected since, in an environment where it was missed

    @property
    def connected(self) -> int:
        return self.outcomes[Outcome.CONNECTED]


def contact(public_id: str, scope: Scope, *, now: datetime | None = None) -> Contact:
    """Raises NoContact. The wall of the scope's tenant must be open."""
    digits = contact_digits_of(public_id, scope)
    if not digits:
        raise NoContact
    return _contact(digits, scope, now or timezone.now())


def latest_call(public_id: str, scope: Scope) -> str:
    """The id of the contact's latest call in reach; "" where there is none."""
    if not contact_digits_of(public_id, scope):
        return ""
    rows = resolve(Filters(contact=public_id, testing="include"), scope).calls()
    call = rows.order_by("-started_at", "-pk").values_list("pk", flat=True).first()
    return "" if call is None else str(call)


def calls_with(shown: Contact) -> CallQuestion:
    """Every call of the contact, test calls included."""
    return CallQuestion(filters=Filters(contact=shown.id, testing="include"))


def behind_contact(shown: Contact, scope: Scope, *, now: datetime) -> Completeness:
    """What stands under a contact's figures and calls."""
    question = calls_with(shown)
    selector = resolve(question.filters, scope, now=now)
    return with_uncounted(behind_within(question, selector, now=now), shown.missing, selector.environments, now)


def contacts_of_number(number: str, scope: Scope, *, now: datetime | None = None) -> list[Contact]:
    """The contact of a whole number as anybody writes it; none when no call of it may be seen.

    One that lacks the country code may be of two: as it stands, and in Brazil. Raises QuestionError for who may not see
    numbers.
    """
    demand_allowed(Filters(number=number), scope)
    contacts = []
    for digits in readings(number):
        with suppress(NoContact):
            contacts.append(_contact(digits, scope, now or timezone.now()))
    return contacts


class _CallGroup(NamedTuple):
    """The calls of one environment, agent, direction and outcome; test calls are a kind apart."""

    environment: int
    agent: int | None
    direction: str
    outcome: str
    is_test: bool
    n: int
    talk_ms: int | None
    first: datetime
    last: datetime

    @property
    def is_missed(self) -> bool:
        return self.direction == Direction.INBOUND and self.outcome == Outcome.UNREACHED


def _contact(digits: str, scope: Scope, now: datetime) -> Contact:
    public_id = contact_id(digits, scope)
    selector = resolve(Filters(contact=public_id, testing="include"), scope, now=now)
    rows = selector.calls().annotate(result=outcome(selector.providers, now))
    counted = rows.values_list("environment_id", "agent_id", "direction", "result", "is_test").annotate(
        n=Count("pk"),
        talk=Sum(Case(When(result=Outcome.CONNECTED.value, then="duration_ms"))),
        first=Min("started_at"),
        last=Max("started_at"),
    )
    groups = [_CallGroup(*row) for row in counted]
    if not groups:
        raise NoContact
    real = [group for group in groups if not group.is_test]
    outcomes: Counter[str] = Counter({word.value: 0 for word in Outcome})
    directions: Counter[str] = Counter()
    for group in real:
        outcomes[group.outcome] += group.n
        directions[group.direction] += group.n
    first, last = min(group.first for group in groups), max(group.last for group in groups)
    callbacks, missing = _callbacks(digits, selector, first, last)
    last_missed = _last_of([group for group in real if group.is_missed])
    met = _last_met(digits, last_missed, scope)
    return Contact(
        id=public_id,
        number=masked(written(digits), scope),
        calls=sum(directions.values()),
        outbound=directions[Direction.OUTBOUND],
        inbound=directions[Direction.INBOUND],
        outcomes=dict(outcomes),
        talk_seconds=sum(group.talk_ms or 0 for group in real) / 1000,
        callbacks=None if missing else callbacks,
        test_calls=sum(group.n for group in groups if group.is_test),
        first_seen=first,
        last_seen=last,
        agents=len({group.agent for group in groups} - {None}),
        environments=tuple(
            sorted({selector.environments[group.environment].name for group in groups}, key=str.casefold)
        ),
        missing=missing,
        last_missed=max(last_missed.values(), default=None),
        waits=any(home not in met or met[home] <= at for home, at in last_missed.items()),
    )


def _last_of(groups: Iterable[_CallGroup]) -> dict[int, datetime]:
    """The latest start in each environment."""
    latest: dict[int, datetime] = {}
    for group in groups:
        latest[group.environment] = max(group.last, latest.get(group.environment, group.last))
    return latest


def _last_met(digits: str, missed: Mapping[int, datetime], scope: Scope) -> dict[int, datetime]:
    """When the contact was last connected with in the environments where it was missed, whoever's call that was: so
    does the list of who still waits.
    """
    if not missed:
        return {}
    whoever = scope.whatever_agent()
    selector = resolve(Filters(contact=contact_id(digits, whoever)), whoever)
    rows = selector.calls().filter(environment_id__in=missed).annotate(result=outcome(selector.providers, selector.now))
    connected = rows.filter(result=Outcome.CONNECTED.value).values_list("environment_id")
    return dict(connected.annotate(last=Max("started_at")))


def _callbacks(digits: str, selector: Selector, first: datetime, last: datetime) -> tuple[int, tuple[Missing, ...]]:
    """How many inbound calls of the contact answer outbound ones, by the loop's own join, and the days that could not
    be looked through.
    """
    with opened(selector, first, last + timedelta(seconds=1)) as loop:
        if not loop.routes.sources:
            return 0, ()
        join = loop.join(narrowed=Condition(f"contact = {contact_code(digits)}"))
        ((number,),) = loop.run(join.statement("SELECT count(*) FROM returned"))
    return int(number), loop.missing
