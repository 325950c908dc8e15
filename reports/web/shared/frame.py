"""What every page about a period shares: the choice read once, what there is to choose from, and the head that says
which days are shown, how complete they are and what they are compared with.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import Http404
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.formats import figures
from portal.tenants.guards import TenantRequest
from portal.tenants.models.tenants import Environment
from reports.definitions.filters import FILTERS
from reports.definitions.labels import Words
from reports.definitions.periods import local_date, moment_of_asking
from reports.queries.agents import Offered, agents, by_environment, one_currency, what_tells_apart
from reports.queries.answer import Answer, Completeness
from reports.queries.completeness.freshness import behind, completeness
from reports.queries.environments import environments
from reports.queries.question import CallQuestion, Question
from reports.queries.scope import Scope
from reports.web.shared.completeness import completeness_line
from reports.web.shared.selection import Selection, UnknownId, read_selection
from reports.web.shared.spans import DEFAULT_SPAN, SPANS, TO_DATE, TO_DATE_LABEL, against

CALLBACKS = "callbacks"  # the page where agents are chosen by their part in a callback
GRAIN_WORDS = {
    "hour": gettext_lazy("Hour"),
    "day": gettext_lazy("Day"),
    "week": gettext_lazy("Week"),
    "month": gettext_lazy("Month"),
}


def _carried(selection: Selection) -> dict[str, str]:
    """What goes along to the other pages; nothing where nothing was chosen, so that they open as they usually do."""
    chosen = selection.elsewhere().removesuffix("?")
    return {"period_query": chosen, "days_query": selection.calls_named if chosen else ""}


@dataclass(frozen=True, slots=True)
class Choices:
    """What may be chosen from: the environments and agents in the reader's scope."""

    environments: Sequence[Environment]
    agents: Sequence[Any]

    @property
    def providers(self) -> frozenset[str]:
        return frozenset(environment.provider for environment in self.environments)

    @property
    def currency(self) -> str:
        return one_currency(self.agents)

    def in_environments(self, chosen: Iterable[UUID]) -> list[Any]:
        """The agents of the environments chosen; of all when none is."""
        wanted = set(chosen)
        return [agent for agent in self.agents if not wanted or agent.environment.public_id in wanted]

    def grouped(self, chosen: Iterable[UUID]) -> list[tuple[str, list[Offered]]]:
        """Agents under the names of their environments; under no name where there is one only."""
        return by_environment(self.in_environments(chosen))

    @property
    def apart(self) -> dict[str, str]:
        """By public id what is to stand after the name of an agent of which there are two."""
        return what_tells_apart(self.agents)

    @property
    def agents_apart(self) -> list[Offered]:
        """The agents by names of which each is one agent's."""
        apart = self.apart
        return [Offered(row.public_id, f"{row}{apart[str(row.public_id)]}") for row in self.agents]

    @property
    def homes(self) -> dict[str, str]:
        """The environment's name for each agent, where there are several environments."""
        if len(self.environments) < 2:
            return {}
        return {str(agent.public_id): agent.environment.name for agent in self.agents}

    def narrowed(self, selection: Selection) -> "Choices":
        """What is in view with this selection."""
        shown = self.in_environments(selection.environments)
        if selection.agents:
            shown = [agent for agent in shown if agent.public_id in selection.agents]
        homes = {agent.environment_id for agent in shown} if selection.agents else None
        if selection.source_agents:
            called = {agent.environment_id for agent in self.agents if agent.public_id in selection.source_agents}
            homes = called if homes is None else homes & called
        return Choices(
            [
                environment
                for environment in self.environments
                if (not selection.environments or environment.public_id in selection.environments)
                and (homes is None or environment.pk in homes)
            ],
            shown,
        )


@dataclass(frozen=True, slots=True)
class Frame:
    """One request for a page about a period. ``shown`` is what the choice leaves in view."""

    title: str | Promise
    page: str
    scope: Scope
    now: datetime
    selection: Selection
    choices: Choices
    with_grain: bool = False
    compares: bool = True

    @property
    def shown(self) -> Choices:
        return self.choices.narrowed(self.selection)

    def question(self, metrics: Iterable[str], *by: str, compare: bool = True) -> Question:
        """A question about what is chosen; compared only where the reader wants that too."""
        chosen = self.selection
        compare = compare and chosen.compare
        return Question(
            tuple(metrics),
            chosen.period,
            by,
            chosen.filters,
            compare,
            versus=chosen.versus if compare else None,
            span="" if chosen.span in ("custom", TO_DATE) else chosen.span,
        )

    def context(self, answer: Answer | None = None, *, standing: Completeness | None = None) -> dict[str, Any]:
        """What ``reports/_head.html`` needs. The completeness line is ``standing``, else that of ``answer``, else that
        of the calls of the period; the period before is the answer's.
        """
        chosen = self.selection
        standing = standing or (answer.completeness if answer else self.standing())
        previous = answer.previous_period if answer else None
        return {
            "page": self.page,
            **_carried(chosen),
            "title": self.title,
            "selection": chosen,
            "spans": SPANS if chosen.usual in SPANS else {TO_DATE: TO_DATE_LABEL} | SPANS,
            "environments": self.choices.environments,
            "agents_by_environment": self.choices.grouped(chosen.environments),
            "chosen_environments": self._named(self.choices.environments, chosen.environments),
            "agent_label": self._label("agent"),
            "chosen_agents": self._named(self.choices.agents_apart, chosen.agents),
            "source_agent_label": self._label("source_agent") if self.page == CALLBACKS else "",
            "chosen_source_agents": self._named(self.choices.agents_apart, chosen.source_agents),
            "grains": {grain: GRAIN_WORDS[grain] for grain in chosen.grains} if self.with_grain else {},
            "compares": self.compares,
            "days": figures.days(chosen.first, chosen.last_begun),
            "days_before": figures.days(previous.start, previous.last_day) if previous else "",
            "against": against(chosen.period, previous, now=self.now),
            "before_complete": answer is None or answer.previous_complete,
            "zone": figures.zone_name(self.scope.zone),
            "is_unread": standing.is_unread,
            "is_complete": standing.complete,
            "line": completeness_line(standing, self.scope.zone, now=self.now),
        }

    def standing(self) -> Completeness:
        """How complete the calls of the period are; without one, all that are mirrored."""
        if not self.selection.dated:
            return behind(CallQuestion(filters=self.selection.filters), self.scope, now=self.now)
        return completeness(self.scope, self.selection.period, self.selection.filters, now=self.now)

    def _label(self, name: str) -> Words:
        each = FILTERS[name]
        return (self.page == CALLBACKS and each.callback_label) or each.label

    @staticmethod
    def _named(among: Sequence[Any], chosen: Sequence[UUID]) -> str:
        """What a closed list of choices says: everything, the one name, or how many."""
        if not chosen:
            return _("All")
        names = [str(choice) for choice in among if choice.public_id in chosen]
        return names[0] if len(names) == 1 else _("%(n)s chosen") % {"n": figures.decimal(len(names))}


def frame(
    request: TenantRequest,
    title: str | Promise,
    *,
    page: str,
    options: Mapping[str, Iterable[str]] | None = None,
    grains: tuple[str, ...] = (),
    running: bool = False,
) -> Frame:
    """What the address asks for and what there is to choose, in two queries beyond those of the scope.

    ``page`` is the entry of the top bar, ``options`` are the page's own choices (words, the default first), ``grains``
    offers rows of time to choose (hour, day, week, month). A page of ``running`` totals shows them as of now until a
    period is chosen, and compares with nothing. Ids that are not the reader's to see end as 404.
    """
    now = moment_of_asking()
    scope = Scope.of(request.scope_grant)
    try:
        selection = read_selection(
            request.GET,
            scope.zone,
            today=local_date(now, scope.zone),
            options=options,
            grains=grains,
            usual=TO_DATE if running else DEFAULT_SPAN,
        )
    except UnknownId as error:
        raise Http404 from error
    if page != CALLBACKS:  # only calls that come back follow an attempt
        selection = selection.change(source_agents=())
    choices = Choices(list(environments(scope)), list(agents(scope)))
    selection = fitting(selection, choices)
    return Frame(title, page, scope, now, selection, choices, bool(grains), not running)


def fitting(selection: Selection, choices: Choices) -> Selection:
    """The selection, if all it names may be chosen; else 404. An agent outside the environments chosen is left out, and
    that is said.
    """
    homes = {agent.public_id: agent.environment.public_id for agent in choices.agents}
    if not {environment.public_id for environment in choices.environments}.issuperset(selection.environments):
        raise Http404
    if not homes.keys() >= {*selection.agents, *selection.source_agents}:
        raise Http404
    for name in ("agents", "source_agents"):
        named: tuple[UUID, ...] = getattr(selection, name)
        remaining = tuple(agent for agent in named if homes[agent] in (selection.environments or homes.values()))
        if remaining != named:
            note = _("Agents of other environments were left out.")
            if not remaining:
                note = _("That agent belongs to another environment; all agents are shown.")
            selection = selection.change(**{name: remaining}, errors=(*selection.errors, note))
    return selection
