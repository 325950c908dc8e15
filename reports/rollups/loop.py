"""Keeping the callback loop: the calls of settled days joined once, and again whenever calls they depend on changed.

A day's returns depend on its own calls and on those of the tenant's callback hours before them. So a day holds while no
dirty day waits among these, and while hours, agents' sources and zone are those it was joined under.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from portal.tenants.models.tenants import Environment
from reports.dimensions import Clock
from reports.measures import outcome
from reports.periods import day_number, day_start, local_date
from reports.rollups.days import between, first_day, runs
from reports.rollups.loop_contacts import missed_rows, unreached_rows
from reports.rollups.loop_models import LoopDay, MissedCall, ReturnedAttempt, Ring, UnreachedDay
from reports.rollups.rings import Attempt, Routes, Rung, join
from reports.rollups.trust import last_settled, trusted_days
from reports.written import Written
from sync.models.agents import Agent
from sync.models.calls import Call
from sync.models.changes import DirtyDay
from sync.taxonomy import Direction, Outcome

PROVIDERS = frozenset({"talkover"})  # whose agents' callback roles are known
CHUNK = 92  # days joined in one transaction
Instants = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the join of some environments goes by: hours of the tenant, routes by environment."""

    hours: int
    routes: dict[int, Routes]
    providers: dict[int, str]

    @property
    def window(self) -> timedelta:
        return timedelta(hours=self.hours)

    @property
    def all_routes(self) -> Routes:
        """Agents are of one environment each, so their routes together are no wider."""
        return Routes({catcher: sources for each in self.routes.values() for catcher, sources in each.sources.items()})

    def of(self, environment: int) -> str:
        return self.routes[environment].rules(self.hours)


AGENT_COLUMNS = ("pk", "environment_id", "external_id", "takes_callbacks", "callback_sources")


def rules(environments: Iterable[Environment]) -> Rules:
    """Today's rules of those of the environments whose callbacks can be told. One query, and one for the tenant."""
    able = able_environments(environments)
    return rules_told(able, Agent.objects.filter(environment_id__in=able).values_list(*AGENT_COLUMNS))


def able_environments(environments: Iterable[Environment]) -> dict[int, Environment]:
    return {row.pk: row for row in environments if row.provider in PROVIDERS}


def rules_told(able: Mapping[int, Environment], agents: Iterable[Sequence[Any]]) -> Rules:
    """As :func:`rules`, from :data:`AGENT_COLUMNS` of the environments' agents."""
    keys: dict[tuple[int, str], int] = {}
    taking: list[tuple[int, int, list[str]]] = []
    for pk, environment, key, takes, sources in agents:
        keys[environment, key] = pk
        if takes:
            taking.append((pk, environment, sources or []))
    routes: dict[int, dict[int, frozenset[int]]] = {key: {} for key in able}
    for pk, environment, sources in taking:
        known = (keys.get((environment, str(source))) for source in sources)
        routes[environment][pk] = frozenset(source for source in known if source is not None)
    hours = next((row.tenant.callback_hours for row in able.values()), 0)
    return Rules(
        hours,
        {key: Routes(found) for key, found in routes.items()},
        {key: environment.provider for key, environment in able.items()},
    )


# --- Reading the calls --------------------------------------------------------------------------------------------


def read_rings(rules: Rules, spans: dict[Instants, frozenset[int]], now: datetime) -> list[Rung]:
    """The rings of some instants of some environments, joined. Two queries."""
    if not spans or not rules.all_routes.catchers:
        return []
    rows, tries = loop_calls(rules, spans, now)
    rings = [Rung(*row) for row in rows.values_list(*RING_COLUMNS)]
    attempts = (
        Attempt(environment, call, agent, contact, at, result == Outcome.UNREACHED)
        for environment, call, agent, contact, at, result in tries.values_list(*RING_COLUMNS, "result").iterator()
    )
    return joined(rules, spans, rings, attempts)


RING_COLUMNS = ("environment_id", "pk", "agent_id", "contact", "started_at")


def loop_calls(
    rules: Rules, spans: dict[Instants, frozenset[int]], now: datetime
) -> tuple[QuerySet[Call], QuerySet[Call]]:
    """The calls to callback agents, and the attempts they may answer, with their outcome as ``result``."""
    routes = rules.all_routes
    lying = during(spans, before=rules.window)
    rings: QuerySet[Call] = Call.objects.filter(
        lying, direction=Direction.INBOUND, is_test=False, agent_id__in=sorted(routes.catchers)
    ).order_by()
    tries: QuerySet[Call] = Call.objects.filter(
        lying,
        direction=Direction.OUTBOUND,
        is_test=False,
        agent_id__in=sorted(routes.covered),
        contact__in=rings.exclude(contact="").values("contact"),
    ).order_by()
    return rings, tries.annotate(result=_outcome(rules, now))


def joined(
    rules: Rules, spans: dict[Instants, frozenset[int]], rings: Iterable[Rung], attempts: Iterable[Attempt]
) -> list[Rung]:
    """The rings of the spans, joined; rings and attempts of the window before them are there too."""
    found = join(rings, attempts, rules.all_routes, rules.window)
    return [ring for ring in found if _lies_in(ring.environment, ring.at, spans)]


def missed_calls(rules: Rules, spans: dict[Instants, frozenset[int]], now: datetime) -> QuerySet[Call]:
    """The inbound calls of known contacts that did not connect, of some instants of some environments."""
    rows: QuerySet[Call] = Call.objects.filter(
        during(spans), direction=Direction.INBOUND, is_test=False, contact__gt=""
    )
    return rows.order_by().alias(missed=_outcome(rules, now)).filter(missed=Outcome.UNREACHED.value)


def connected_calls(rules: Rules, spans: dict[Instants, frozenset[int]], now: datetime) -> QuerySet[Call]:
    """The connected calls with known contacts, in any direction, of some instants of some environments."""
    rows: QuerySet[Call] = Call.objects.filter(during(spans), is_test=False, contact__gt="")
    return rows.order_by().alias(met=_outcome(rules, now)).filter(met=Outcome.CONNECTED.value)


def unreached_calls(rules: Rules, calls: QuerySet[Call], now: datetime) -> QuerySet[Call]:
    """Of some calls those that the return rate is of: attempts that reached nobody, of agents with a callback agent."""
    rows = calls.filter(
        direction=Direction.OUTBOUND, is_test=False, agent_id__in=sorted(rules.all_routes.covered), contact__gt=""
    )
    return rows.order_by().alias(sought=_outcome(rules, now)).filter(sought=Outcome.UNREACHED.value)


def _outcome(rules: Rules, now: datetime) -> Written:
    return outcome(rules.providers, now)


def during(spans: dict[Instants, frozenset[int]], column: str = "started_at", *, before: timedelta = timedelta()) -> Q:
    """That a column lies in one of the spans, or so long before it, in one of its environments."""
    parts = [
        Q(environment_id__in=sorted(environments), **{f"{column}__gte": start - before, f"{column}__lt": end})
        for (start, end), environments in spans.items()
        if environments and start < end
    ]
    return reduce(or_, parts) if parts else Q(pk__in=())


def _lies_in(environment: int, at: datetime, spans: dict[Instants, frozenset[int]]) -> bool:
    return any(start <= at < end and environment in environments for (start, end), environments in spans.items())


# --- Keeping them -------------------------------------------------------------------------------------------------


def refresh_loop(environment: Environment) -> int:
    """Join the settled days that do not hold; returns how many there were. After the days' own rollups are fresh."""
    known = rules([environment])
    first = first_day(environment)
    if not known.routes or first is None:
        return 0
    zone, now = environment.tenant.zone, timezone.now()
    last = last_settled(zone, now)
    held = _held(known, zone, (first, last), now)[environment.pk]
    days = [day for day in between(first, last) if day not in held]
    for run in runs(days, CHUNK):
        _join_run(environment, run, known)
    return len(days)


def forget(environment: Environment, days: Collection[date]) -> None:
    """Have the days joined anew that depend on ``days``. In the transaction that takes their marks away.

    Rows are made where there are none yet, so that a join under way is waited for.
    """
    if environment.provider not in PROVIDERS or not days:
        return
    reach = _back(environment.tenant.callback_hours).days
    ahead = sorted({day + timedelta(days=n) for day in days for n in range(reach + 1)})
    rows = _locked(environment, ahead)
    LoopDay.objects.filter(pk__in=[row.pk for row in rows if row.joined_at is not None]).update(joined_at=None)


def _locked(environment: Environment, days: list[date]) -> list[LoopDay]:
    keys = {"tenant_id": environment.tenant_id, "environment_id": environment.pk}
    LoopDay.objects.bulk_create([LoopDay(**keys, day=day) for day in days], ignore_conflicts=True)
    return list(LoopDay.objects.filter(**keys, day__in=days).order_by("day").select_for_update())


def _join_run(environment: Environment, days: list[date], known: Rules) -> None:
    zone = environment.tenant.zone
    keys = {"tenant_id": environment.tenant_id, "environment_id": environment.pk}
    start, end = day_start(days[0], zone), day_start(days[-1] + timedelta(days=1), zone)
    spans = {(start, end): frozenset({environment.pk})}
    with transaction.atomic():
        ledger = _locked(environment, days)
        now = timezone.now()
        Ring.objects.filter(**keys, started_at__gte=start, started_at__lt=end).delete()
        ReturnedAttempt.objects.filter(**keys, returned_at__gte=start, returned_at__lt=end).delete()
        MissedCall.objects.filter(**keys, started_at__gte=start, started_at__lt=end).delete()
        UnreachedDay.objects.filter(**keys, day__gte=day_number(days[0]), day__lte=day_number(days[-1])).delete()
        rings = read_rings(known, spans, now)
        Ring.objects.bulk_create([_ring(environment, ring) for ring in rings], batch_size=500)
        ReturnedAttempt.objects.bulk_create(
            [_returned(environment, ring, attempt) for ring in rings for attempt in ring.given], batch_size=500
        )
        clock = Clock(start, end, zone)
        missed = missed_rows(environment, missed_calls(known, spans, now), connected_calls(known, spans, now), clock)
        MissedCall.objects.bulk_create(missed, batch_size=500)
        unreached = unreached_calls(known, Call.objects.filter(during(spans)), now)
        UnreachedDay.objects.bulk_create(unreached_rows(environment, unreached, clock), batch_size=500)
        LoopDay.objects.filter(pk__in=[row.pk for row in ledger]).update(
            zone=zone, rules=known.of(environment.pk), joined_at=now
        )


def _ring(environment: Environment, ring: Rung) -> Ring:
    answered = ring.answers
    return Ring(
        tenant_id=environment.tenant_id,
        environment_id=environment.pk,
        call_id=ring.call,
        agent_id=ring.agent,
        contact=ring.contact,
        started_at=ring.at,
        answers_id=answered.call if answered else None,
        source_id=answered.agent if answered else None,
        answered_started_at=answered.at if answered else None,
        attempts=len(ring.given),
        waited_ms=ring.waited_ms,
        waited_first_ms=ring.waited_first_ms,
        again=ring.again,
    )


def _returned(environment: Environment, ring: Rung, attempt: Attempt) -> ReturnedAttempt:
    return ReturnedAttempt(
        tenant_id=environment.tenant_id,
        environment_id=environment.pk,
        call_id=attempt.call,
        agent_id=attempt.agent,
        contact=attempt.contact,
        started_at=attempt.at,
        returned_at=ring.at,
        unreached=attempt.unreached,
    )


# --- Trust --------------------------------------------------------------------------------------------------------


def held_days(known: Rules, zone: str, span: Instants, now: datetime) -> dict[int, set[date]]:
    """The local days of ``zone``, the tenant's, that hold and touch the span, by environment. Two queries."""
    start, end = span
    return _held(known, zone, (local_date(start, zone), local_date(end, zone)), now)


def _held(known: Rules, zone: str, days: tuple[date, date], now: datetime) -> dict[int, set[date]]:
    ledger, waiting = trust_rows(known.routes, zone, days, hours=known.hours)
    return held_told(
        known,
        zone,
        ledger.values_list("environment_id", "day", "rules", "joined_at"),
        waiting.values_list("environment_id", "day"),
        now,
    )


def trust_rows(
    environments: Collection[int], zone: str, days: tuple[date, date], *, hours: int
) -> tuple[QuerySet[LoopDay], QuerySet[DirtyDay]]:
    """The days that were joined, from the first to the last, and the dirty ones that these may depend on."""
    first, last = days
    waiting = DirtyDay.objects.filter(
        environment_id__in=environments, day__gte=first - _back(hours), day__lte=last
    ).order_by()
    ledger = LoopDay.objects.filter(
        environment_id__in=environments, zone=zone, day__gte=first, day__lte=last, joined_at__isnull=False
    ).order_by()
    return ledger, waiting


def held_told(
    known: Rules,
    zone: str,
    ledger: Iterable[tuple[int, date, str, datetime | None]],
    waiting: Iterable[tuple[int, date]],
    now: datetime,
) -> dict[int, set[date]]:
    """The days that hold, by environment, from the columns of :func:`trust_rows`."""
    dirty: dict[int, set[date]] = defaultdict(set)
    for environment, day in waiting:
        dirty[environment] |= set(between(day, day + _back(known.hours)))
    said = {key: known.of(key) for key in known.routes}
    rows = (
        (environment, day, joined_at)
        for environment, day, under, joined_at in ledger
        if joined_at is not None and under == said[environment] and day not in dirty[environment]
    )
    return {key: set() for key in known.routes} | trusted_days(rows, zone, now)


def _back(hours: int) -> timedelta:
    """How many days before a day its returns may depend on. A day of 23 hours is why there is one to spare."""
    return timedelta(days=-(-hours // 24) + 1)
