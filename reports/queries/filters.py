"""From scope and filters to the calls they leave: the one place where a reader's limits meet the tables."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Left
from django.utils import timezone

from portal.lib.phones import AREA_CODES
from portal.tenants import wall
from portal.tenants.models.tenants import Environment
from reports.dimensions import AREA_PARTS, DIMENSIONS, Clock
from reports.measures import outcome
from reports.queries.chosen import NONE, Filters
from reports.queries.contact_ids import contact_digits_of
from reports.queries.named_calls import of_campaigns
from reports.queries.numbers import (
    Wanted,
    asked_number,
    contacts_like,
    is_looked_up,
    lines_like,
    of_contacts,
    of_lines,
)
from reports.scope import Scope
from reports.sides import side_in_sql
from sync.models.agents import Agent
from sync.models.calls import Call
from sync.taxonomy import UNRESOLVED_HOURS, Outcome

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # no call is older


@dataclass(frozen=True, slots=True)
class Reach:
    """Scope and filters together, looked up once. ``agent_ids`` is None when agents are not restricted.

    ``now`` is the moment that decides which calls are still open. ``found`` remembers what was looked up for it.
    """

    scope: Scope
    filters: Filters
    environments: dict[int, Environment]
    agent_ids: frozenset[int] | None
    now: datetime = field(default_factory=timezone.now)
    found: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def providers(self) -> dict[int, str]:
        return {key: environment.provider for key, environment in self.environments.items()}

    @property
    def empty(self) -> bool:
        return not self.environments or self.agent_ids == frozenset()

    @property
    def beyond_rollups(self) -> bool:
        """Whether a filter asks for what only the calls themselves know."""
        return self._about_single_calls or self.filters.testing != "exclude"

    @property
    def whatever_calls(self) -> bool:
        """Whether no filter chooses among the calls of the environments and agents."""
        chosen = self.filters
        return not (chosen.statuses or chosen.direction or self._about_single_calls) and chosen.testing != "only"

    @property
    def whole_environments(self) -> bool:
        """Whether every call of the environments counts: only then may the vendor's own totals stand beside them."""
        return self.agent_ids is None and self.whatever_calls

    @property
    def _about_single_calls(self) -> bool:
        chosen = self.filters
        return (
            bool(chosen.number or chosen.contact or chosen.line or chosen.campaigns)
            or bool(chosen.outcomes or chosen.causes or chosen.sides or chosen.area_codes)
            or bool(chosen.weekdays or chosen.hours)
            or chosen.min_duration is not None
            or chosen.max_duration is not None
        )

    @property
    def sifts(self) -> bool:
        """Whether calls are compared one by one, and it may be few that are left."""
        chosen = self.filters
        looked_up = bool(chosen.contact or chosen.number)
        return not looked_up and bool(chosen.statuses or chosen.direction or self._about_single_calls)

    def calls(
        self,
        environments: Iterable[int] | None = None,
        *,
        agent: int | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> QuerySet[Call]:
        """The calls of some of the environments, all by default, or of one agent that the scope leaves, that the
        filters leave.

        ``start`` and ``end`` restrict nothing: they say what the caller restricts, so that the clock of weekdays and
        hours need not know every change of a zone's rules, and a part of a number is walked for where that is quick.
        """
        keys = sorted(self.environments if environments is None else environments)
        known = ("calls", *keys, agent, start, end)
        if known not in self.found:
            self.found[known] = self._calls(keys, agent, start, end)
        rows: QuerySet[Call] = self.found[known]
        return rows.all()

    def _calls(
        self, keys: list[int], agent: int | None, start: datetime | None, end: datetime | None
    ) -> QuerySet[Call]:
        rows: QuerySet[Call] = Call.objects.filter(environment_id__in=keys)
        if len(keys) == 1:  # an equation lets the database walk its index in order
            rows = Call.objects.filter(environment_id=keys[0])
        if agent is not None:
            rows = rows.filter(agent_id=agent)
        elif self.agent_ids is not None:
            rows = rows.filter(agent_id__in=sorted(self.agent_ids))
        rows = self._told(self._filtered(rows), keys)
        if self.filters.number:
            rows = self._numbered(rows, keys, dated=start is not None)
        if self.filters.weekdays or self.filters.hours:
            rows = self._clocked(rows, start or _BEGINNING, end or datetime(self.now.year + 2, 1, 1, tzinfo=UTC))
        return rows

    def _filtered(self, rows: QuerySet[Call]) -> QuerySet[Call]:
        chosen = self.filters
        if chosen.testing != "include":
            rows = rows.filter(is_test=chosen.testing == "only")
        if chosen.statuses:
            rows = rows.filter(status__in=chosen.statuses)
        if chosen.direction:
            rows = rows.filter(direction=chosen.direction)
        if chosen.min_duration is not None:
            rows = rows.filter(duration_ms__gte=round(chosen.min_duration * 1000))
        if chosen.max_duration is not None:
            rows = rows.filter(duration_ms__lte=round(chosen.max_duration * 1000))
        return rows

    def _told(self, rows: QuerySet[Call], keys: list[int]) -> QuerySet[Call]:
        """By what a call counts as, why it ended and whose numbers it is between; rows are of environments ``keys``."""
        chosen = self.filters
        if chosen.outcomes:
            rows = rows.alias(asked_outcome=outcome(self.providers, self.now))
            rows = rows.filter(asked_outcome__in=chosen.outcomes)
            if set(chosen.outcomes) <= {Outcome.OPEN}:  # so that the index of time is walked no further
                rows = rows.filter(started_at__gte=self.now - timedelta(hours=UNRESOLVED_HOURS))
        if chosen.causes:
            rows = rows.filter(hangup_cause__in=["" if word == NONE else word for word in chosen.causes])
        if chosen.sides:
            rows = rows.alias(asked_side=side_in_sql()).filter(asked_side__in=chosen.sides)
        if chosen.area_codes:
            rows = _of_areas(rows, chosen.area_codes)
        if chosen.campaigns:
            rows = of_campaigns(rows, chosen.campaigns, self.scope)
        if chosen.contact:
            contact = contact_digits_of(chosen.contact, self.scope)
            rows = rows.filter(contact=contact) if contact else rows.none()
        if chosen.line:
            rows = self._of_line(rows, keys)
        return rows

    def _clocked(self, rows: QuerySet[Call], start: datetime, end: datetime) -> QuerySet[Call]:
        chosen, clock = self.filters, Clock(start, end, self.filters.zone or self.scope.zone)
        if chosen.weekdays:
            rows = rows.alias(asked_weekday=DIMENSIONS["weekday"].sql(clock)).filter(asked_weekday__in=chosen.weekdays)
        if chosen.hours:
            rows = rows.alias(asked_hour=DIMENSIONS["hour_of_day"].sql(clock)).filter(asked_hour__in=chosen.hours)
        return rows

    def _of_line(self, rows: QuerySet[Call], keys: list[int]) -> QuerySet[Call]:
        line = self.filters.line
        wanted = line if line.isdecimal() else contact_digits_of(line, self.scope)
        lines = self.lines((wanted,), "exact", keys) if wanted else []
        return rows.filter(of_lines(lines)) if lines else rows.none()

    def _numbered(self, rows: QuerySet[Call], keys: list[int], *, dated: bool) -> QuerySet[Call]:
        wanted, match = asked_number(self.filters, self.scope)
        if not wanted:
            return rows.none()
        contacts, lines = self.contacts(dated=dated), self.lines(wanted, match, keys)
        found = of_contacts(rows, wanted, match, contacts)
        return found if not lines else found | rows.filter(of_lines(lines))

    def contacts(self, *, dated: bool) -> list[str] | None:
        """The contacts that match the number, where these are looked up first and are few; looked up once."""
        wanted, match = asked_number(self.filters, self.scope)
        if not is_looked_up(wanted, match, dated=dated):
            return None
        if "contacts" not in self.found:
            self.found["contacts"] = contacts_like(wanted, match)
        found: list[str] | None = self.found["contacts"]
        return found

    def lines(self, wanted: Wanted, match: str, environments: Iterable[int] | None = None) -> list[str]:
        """Our own numbers that match, of some of the environments or of all; looked up once.

        Where an environment has none, its calls need not be walked for them.
        """
        key = ("lines", wanted, match)
        if key not in self.found:
            self.found[key] = lines_like(wanted, match, sorted(self.environments))
        known: dict[int, set[str]] = self.found[key]
        return sorted(set().union(*(known.get(each, ()) for each in environments or self.environments)))

    def homes(self) -> dict[int, int]:
        """The environment of each agent, where agents are restricted; looked up once."""
        if "homes" not in self.found:
            agents = Agent.objects.filter(pk__in=self.agent_ids or (), environment_id__in=self.environments)
            self.found["homes"] = dict(agents.values_list("pk", "environment_id"))
        found: dict[int, int] = self.found["homes"]
        return found


def _of_areas(rows: QuerySet[Call], codes: Iterable[str]) -> QuerySet[Call]:
    """Said by length and parts of the contact, not by its beginning: an area is too much for an index of contacts."""
    rows = rows.alias(**AREA_PARTS, contact_country=Left("contact", 2))
    brazilian = Q(contact_country="55", contact_length__in=(12, 13))

    def among(wanted: Iterable[str]) -> Q:
        return brazilian & Q(contact_area__in=sorted(wanted))

    named = set(codes) - {NONE}
    condition = among(named) if named else Q(pk__in=())
    return rows.filter(condition | ~among(AREA_CODES) if NONE in codes else condition)


def resolve(filters: Filters, scope: Scope, *, now: datetime | None = None) -> Reach:
    """Look up what the filters name within the scope. Foreign and absent ids alike leave nothing.

    The wall of the scope's tenant must be open.
    """
    return resolve_together((filters,), scope, now=now)[filters]


def resolve_together(many: Iterable[Filters], scope: Scope, *, now: datetime | None = None) -> dict[Filters, Reach]:
    """As :func:`resolve` for several filters. Two queries at most."""
    wall.demand(scope.tenant_id)
    now = now or timezone.now()
    wanted = set(many)
    mine = Environment.objects.filter(tenant_id=scope.tenant_id, id__in=scope.environment_ids)
    environments = list(mine.select_related("tenant"))
    named = {public_id for filters in wanted for public_id in filters.agents}
    agents: list[tuple[UUID, int, int]] = []
    if named:
        rows = Agent.objects.filter(environment_id__in=[row.pk for row in environments], public_id__in=named)
        agents = list(rows.values_list("public_id", "environment_id", "pk"))
    return {filters: _reach(filters, scope, now, (environments, agents)) for filters in wanted}


def _reach(
    filters: Filters, scope: Scope, now: datetime, known: tuple[list[Environment], list[tuple[UUID, int, int]]]
) -> Reach:
    chosen = {row.pk: row for row in known[0] if not filters.environments or row.public_id in filters.environments}
    if not filters.agents:
        return Reach(scope, filters, chosen, scope.agent_ids, now)
    homes = {
        pk: home
        for public_id, home, pk in known[1]
        if home in chosen and public_id in filters.agents and (scope.agent_ids is None or pk in scope.agent_ids)
    }
    return Reach(scope, filters, chosen, frozenset(homes), now, {"homes": homes})


def reach_among(
    filters: Filters, scope: Scope, environments: Iterable[Any], agents: Iterable[Any], *, now: datetime | None = None
) -> Reach:
    """As :func:`resolve`, from the scope's environments and agents already read. No query."""
    wall.demand(scope.tenant_id)
    wanted = set(filters.environments)
    known = {row.pk: row for row in environments if not wanted or row.public_id in wanted}
    agent_ids = scope.agent_ids
    found: dict[Hashable, Any] = {}
    if filters.agents:
        chosen = set(filters.agents)
        homes = {
            row.pk: row.environment_id for row in agents if row.public_id in chosen and row.environment_id in known
        }
        agent_ids = frozenset(homes)
        found["homes"] = homes
    return Reach(scope, filters, known, agent_ids, now or timezone.now(), found)


def within(rows: QuerySet[Call], start: datetime, end: datetime) -> QuerySet[Call]:
    return rows.filter(started_at__gte=start, started_at__lt=end)
