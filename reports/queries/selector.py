"""From scope and filters to the calls they leave: the one place where a reader's limits meet the tables."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Left
from django.utils import timezone

from portal.lib.phones import AREA_LENGTHS
from portal.tenants import wall
from portal.tenants.models.tenants import Environment
from reports.columns.schema import contact_code
from reports.definitions.conditions import NEVER, Condition
from reports.definitions.dimensions import AREA_PARTS, DIMENSIONS, Clock
from reports.definitions.ended_by import side_in_sql
from reports.definitions.filters import FILTERS, NONE, Filters
from reports.definitions.measures import outcome
from reports.definitions.periods import microseconds
from reports.queries.areas import told_areas
from reports.queries.calls.numbers import (
    asked_number,
    contacts_like,
    is_looked_up,
    lines_like,
    of_contacts,
    of_lines,
)
from reports.queries.campaigns.named_calls import of_campaigns
from reports.queries.contacts.ids import contact_digits_of
from reports.queries.refused import demand_allowed
from reports.queries.scope import Scope
from reports.queries.seen import seen
from sync.models.agents import Agent
from sync.models.calls import Call
from sync.models.lines import Line
from sync.taxonomy import UNRESOLVED_HOURS, Outcome

_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # no call is older
CallsOf = tuple[tuple[int, ...], int | None, datetime | None, datetime | None]  # environments, an agent, start, end


class Selector:
    """Which calls scope and filters leave. ``agent_ids`` is None when agents are not restricted, and so is
    ``source_ids``, the agents that had dialled, when these are not chosen among.

    ``now`` is the moment that decides which calls are still open. Lives as long as one page: what it looks up in the
    database it looks up once.
    """

    def __init__(
        self,
        scope: Scope,
        filters: Filters,
        environments: dict[int, Environment],
        now: datetime,
        homes: dict[int, int] | None = None,
        source_homes: dict[int, int] | None = None,
    ) -> None:
        """``homes`` and ``source_homes`` are the chosen agents with their environments, where the filters name some.

        Raises QuestionError for what this reader may not ask.
        """
        demand_allowed(filters, scope)
        self.scope = scope
        self.filters = filters
        self.environments = environments
        self.now = now
        self.agent_ids = scope.agent_ids if homes is None else frozenset(homes)
        self.source_ids = None if source_homes is None else frozenset(source_homes)
        self._chosen_homes = homes
        self._source_homes = source_homes
        self._calls_of: dict[CallsOf, QuerySet[Call]] = {}

    def among(self, environments: dict[int, Environment]) -> "Selector":
        """The same choice in some of its environments."""
        return Selector(self.scope, self.filters, environments, self.now, self._chosen_homes, self._source_homes)

    def unsifted(self) -> "Selector":
        """Every call of the same environments and agents."""
        chosen = Filters(environments=self.filters.environments, agents=self.filters.agents)
        return Selector(self.scope, chosen, self.environments, self.now, self._chosen_homes)

    @cached_property
    def providers(self) -> dict[int, str]:
        return {key: environment.provider for key, environment in self.environments.items()}

    @property
    def empty(self) -> bool:
        return not self.environments or frozenset() in (self.agent_ids, self.source_ids)

    @property
    def dialling(self) -> frozenset[int] | None:
        """The agents whose attempts count, None for all: of callbacks, ``agent_ids`` are those that contacts rang."""
        return self.scope.agent_ids if self.source_ids is None else self.source_ids

    @property
    def rung(self) -> frozenset[int] | None:
        """The agents that contacts must have rung for an attempt to count, None for any: a reader of some agents may
        know whether their attempts were answered, whoever was rung.
        """
        return self.agent_ids if self.filters.agents else None

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
            bool(chosen.number or chosen.contact or chosen.line or chosen.campaigns or chosen.source_agents)
            or bool(chosen.outcomes or chosen.causes or chosen.sides or chosen.area_codes)
            or bool(chosen.weekdays or chosen.hours or chosen.others)
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
        keys = tuple(sorted(self.environments if environments is None else environments))
        part = (keys, agent, start, end)
        if part not in self._calls_of:
            self._calls_of[part] = self._calls(*part)
        return self._calls_of[part].all()

    def _calls(
        self, keys: tuple[int, ...], agent: int | None, start: datetime | None, end: datetime | None
    ) -> QuerySet[Call]:
        rows = seen(Call, self.scope, keys, agents=self.agent_ids if agent is None else {agent})
        rows = self._looked_up(self._filtered(rows), keys)
        if self.filters.number:
            rows = self._numbered(rows, keys, dated=start is not None)
        if self.filters.weekdays or self.filters.hours:
            rows = self._clocked(rows, start or _BEGINNING, end or datetime(self.now.year + 2, 1, 1, tzinfo=UTC))
        return rows

    def _filtered(self, rows: QuerySet[Call]) -> QuerySet[Call]:
        for each in FILTERS.values():
            condition = each.rows(each.value(self.filters)) if each.rows else None
            if condition is not None:
                rows = rows.filter(condition)
        return rows

    def _looked_up(self, rows: QuerySet[Call], keys: Collection[int]) -> QuerySet[Call]:
        """By what a call counts as, why it ended and whose numbers it is between; rows are of environments ``keys``."""
        chosen = self.filters
        if chosen.outcomes:
            rows = rows.alias(asked_outcome=outcome(self.providers, self.now))
            rows = rows.filter(asked_outcome__in=chosen.outcomes)
            if set(chosen.outcomes) <= {Outcome.OPEN}:  # so that the index of time is walked no further
                rows = rows.filter(started_at__gte=self.now - timedelta(hours=UNRESOLVED_HOURS))
        if chosen.sides:
            rows = rows.alias(asked_side=side_in_sql()).filter(asked_side__in=chosen.sides)
        if chosen.area_codes:
            rows = _of_areas(rows, chosen.area_codes, told_areas(self.scope, self.now))
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

    def _of_line(self, rows: QuerySet[Call], keys: Collection[int]) -> QuerySet[Call]:
        lines = self.chosen_lines(keys)
        return rows.filter(of_lines(lines)) if lines else rows.none()

    def _numbered(self, rows: QuerySet[Call], keys: Collection[int], *, dated: bool) -> QuerySet[Call]:
        wanted, match = asked_number(self.filters)
        if not wanted:
            return rows.none()
        contacts, lines = self.contacts(dated=dated), self.lines(keys)
        matching = of_contacts(rows, wanted, match, contacts)
        return matching if not lines else matching | rows.filter(of_lines(lines))

    def contacts(self, *, dated: bool) -> list[str] | None:
        """The contacts that match the number, where these are looked up first and are few."""
        wanted, match = asked_number(self.filters)
        return self._matching_contacts if is_looked_up(wanted, match, dated=dated) else None

    @cached_property
    def _matching_contacts(self) -> list[str] | None:
        return contacts_like(*asked_number(self.filters), self.scope)

    def lines(self, environments: Iterable[int] | None = None) -> list[str]:
        """Our own numbers that match the number asked for, of some of the environments or of all.

        Where an environment has none, its calls need not be walked for them.
        """
        return self._of(environments, self._matching_lines)

    def chosen_lines(self, environments: Iterable[int] | None = None) -> list[str]:
        """As :meth:`lines`, those that are the own number chosen."""
        return self._of(environments, self._chosen_lines)

    def _of(self, environments: Iterable[int] | None, lines: dict[int, set[str]]) -> list[str]:
        return sorted(set().union(*(lines.get(each, ()) for each in environments or self.environments)))

    @property
    def _lines(self) -> QuerySet[Line]:
        return seen(Line, self.scope, self.environments)

    @cached_property
    def _matching_lines(self) -> dict[int, set[str]]:
        return lines_like(*asked_number(self.filters), self._lines)

    @cached_property
    def _chosen_lines(self) -> dict[int, set[str]]:
        line = self.filters.line
        digits = line if line.isdecimal() else contact_digits_of(line, self.scope)
        return lines_like((digits,), "exact", self._lines) if digits else {}

    @cached_property
    def named_calls(self) -> Condition:
        """The calls that the chosen campaigns name, as a condition on calls in column files."""
        rows = of_campaigns(seen(Call, self.scope, self.environments), self.filters.campaigns, self.scope)
        named = sorted(
            (environment, microseconds(at), contact_code(contact))
            for environment, at, contact in rows.values_list("environment_id", "started_at", "contact")
        )
        if not named:
            return NEVER
        listed = ", ".join(str(key) for key in named)
        return Condition(f"(environment, started_us, contact) IN (VALUES {listed})")

    def homes(self) -> dict[int, int]:
        """The environment of each agent, where agents are restricted."""
        return self._homes if self._chosen_homes is None else self._chosen_homes

    @cached_property
    def _homes(self) -> dict[int, int]:
        agents = seen(Agent, self.scope, self.environments, agents=self.agent_ids or frozenset())
        return dict(agents.values_list("pk", "environment_id"))

    @property
    def homes_chosen(self) -> set[int]:
        """The environments that the agents leave, those that were rung and those that had dialled."""
        left = set(self.environments) if self.agent_ids is None else set(self.homes().values())
        return left if self.source_ids is None else left & set((self._source_homes or {}).values())


def _of_areas(rows: QuerySet[Call], codes: Iterable[str], told: frozenset[str]) -> QuerySet[Call]:
    """Said by length and parts of the contact, not by its beginning: an area is too much for an index of contacts.

    Numbers of an area that is not ``told`` are other numbers.
    """
    rows = rows.alias(**AREA_PARTS, contact_country=Left("contact", 2))
    brazilian = Q(contact_country="55", contact_length__in=AREA_LENGTHS)

    def among(wanted: Iterable[str]) -> Q:
        return brazilian & Q(contact_area__in=sorted(wanted))

    named = told.intersection(codes)
    condition = among(named) if named else Q(pk__in=())
    return rows.filter(condition | ~among(told) if NONE in codes else condition)


def resolve(filters: Filters, scope: Scope, *, now: datetime | None = None) -> Selector:
    """Look up what the filters name within the scope. Foreign and absent ids alike leave nothing.

    The wall of the scope's tenant must be open.
    """
    return resolve_together((filters,), scope, now=now)[filters]


def resolve_together(many: Iterable[Filters], scope: Scope, *, now: datetime | None = None) -> dict[Filters, Selector]:
    """As :func:`resolve` for several filters. Two queries at most."""
    now = now or timezone.now()
    wanted = set(many)
    environments = list(seen(Environment, scope).select_related("tenant"))
    named = {public_id for filters in wanted for public_id in (*filters.agents, *filters.source_agents)}
    agents: list[KnownAgent] = []
    if named:
        rows = seen(Agent, scope).filter(public_id__in=named)
        agents = [KnownAgent(*row) for row in rows.values_list("pk", "environment_id", "public_id")]
    return {filters: _selector(filters, scope, now, environments, agents) for filters in wanted}


def selector_among(
    filters: Filters,
    scope: Scope,
    environments: Iterable[Environment],
    agents: Iterable[Agent],
    *,
    now: datetime | None = None,
) -> Selector:
    """As :func:`resolve`, from the scope's environments and agents already read. No query."""
    wall.demand(scope.tenant_id)
    known = [KnownAgent(row.pk, row.environment_id, row.public_id) for row in agents]
    return _selector(filters, scope, now or timezone.now(), environments, known)


class KnownAgent(NamedTuple):
    pk: int
    environment: int
    public_id: UUID


def _selector(
    filters: Filters, scope: Scope, now: datetime, environments: Iterable[Environment], agents: Iterable[KnownAgent]
) -> Selector:
    chosen = {row.pk: row for row in environments if not filters.environments or row.public_id in filters.environments}
    mine = [
        row for row in agents if row.environment in chosen and (scope.agent_ids is None or row.pk in scope.agent_ids)
    ]

    def homes(ids: Collection[UUID]) -> dict[int, int] | None:
        return {row.pk: row.environment for row in mine if row.public_id in ids} if ids else None

    return Selector(scope, filters, chosen, now, homes(filters.agents), homes(filters.source_agents))


def within(rows: QuerySet[Call], start: datetime, end: datetime) -> QuerySet[Call]:
    return rows.filter(started_at__gte=start, started_at__lt=end)
