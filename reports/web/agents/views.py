"""The agents page: every agent of the scope side by side, and what the vendor says of each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_safe

from portal.formats import figures
from portal.tenants.guards import TenantRequest, tenant_view
from reports.definitions.metrics import METRICS
from reports.queries.agents import callback_cover, first_calls
from reports.queries.answer import Answer, Cell, Row
from reports.queries.ask import ask
from reports.queries.before import known_before
from reports.queries.order import Sorting, shown_value
from reports.web.shared.contexts import Figure
from reports.web.shared.first_steps import first_steps
from reports.web.shared.frame import Choices, Frame, frame
from reports.web.shared.selection import Selection
from reports.web.shared.sorting import Heading
from sync.taxonomy import Direction

METRICS_SHOWN = (
    "attempts",
    "connect_rate",
    "average_duration",
    "talk_minutes",
    "engaged_share",
    "short_call_share_6s",
    "estimated_cost",
    "llm_latency_p95",
)
LARGEST_CHANGE = "change"  # of the connect rate, in points, either way
CHANGING = "connect_rate"
SORTS = (LARGEST_CHANGE, "agent", "-agent", *(sign + key for key in METRICS_SHOWN for sign in ("-", "")))
FIT = {METRICS_SHOWN[2]: "narrow-last", **dict.fromkeys(METRICS_SHOWN[3:], "narrow-hide")}
# Vendors whose agents other agents may take callbacks for.
STATES: Mapping[str, tuple[str, str | Promise]] = {
    "published": ("good", pgettext_lazy("agent", "published")),
    "draft": ("off", pgettext_lazy("agent", "draft")),
    "active": ("good", pgettext_lazy("agent", "active")),
}
DIRECTIONS: Mapping[str, str | Promise] = {
    Direction.INBOUND: gettext_lazy("inbound"),
    Direction.OUTBOUND: gettext_lazy("outbound"),
}


@dataclass(frozen=True, slots=True)
class Spot:
    """A figure in its place: ``href`` leads to the calls behind it."""

    figure: Figure
    href: str


@dataclass(frozen=True, slots=True)
class RosterRow:
    name: str
    home: str
    href: str  # the overview of this agent; "" for calls without one
    spots: tuple[Spot, ...]
    uncovered: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """What the vendor says of an agent, in words."""

    name: str
    home: str
    href: str
    mark: str
    state: str
    direction: str
    callbacks: str
    uncovered: bool
    price: str
    first_seen: datetime  # when its first call began; of one without calls, when the vendor first named it
    missing_since: datetime | None


@require_safe
@tenant_view()
def agents(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """Which agent does how, and which one moved most."""
    head = frame(request, gettext_lazy("Agents"), page="agents", options={"sort": SORTS})
    if (leading := first_steps(request, head.choices, page=head.page, title=head.title)) is not None:
        return leading
    shown = head.shown
    metrics = tuple(key for key in METRICS_SHOWN if shown.providers & set(METRICS[key].vendors) or key == "attempts")
    answer = known_before(ask(head.question(metrics, "agent"), head.scope, now=head.now))
    cover = callback_cover(head.scope)
    links = Links(reverse("reports_web:overview", args=[tenant]), reverse("reports_web:calls", args=[tenant]))
    seen = {row.key[0] for row in answer.rows}
    context = head.context(answer) | {
        "headings": headings(head.selection, metrics),
        "rows": roster(answer, head, links, cover),
        "totals": tuple(
            Spot(_figure(key, answer.totals.get(key), shown.currency), _calls(links, head.selection, key))
            for key in metrics
        ),
        "by_change": head.selection["sort"] == LARGEST_CHANGE,
        "change_href": head.selection.change(sort=LARGEST_CHANGE).query,
        "idle": [
            (str(agent), links.overview + head.selection.elsewhere(agent=agent.public_id))
            for agent in shown.agents
            if str(agent.public_id) not in seen
        ],
        "profiles": profiles(head, links, cover),
        "several_homes": len(shown.environments) > 1,
    }
    return TemplateResponse(request, "reports/agents.html", context)


@dataclass(frozen=True, slots=True)
class Links:
    overview: str
    calls: str


Cover = frozenset[tuple[int, str]]


def roster(answer: Answer, head: Frame, links: Links, cover: Cover) -> tuple[RosterRow, ...]:
    """The agents with calls in the period, in the order chosen; those without the value asked for come last."""
    agents_by_id = {str(agent.public_id): agent for agent in head.choices.agents}
    homes, metrics = head.shown.homes, tuple(metric.key for metric in answer.columns)
    rows = []
    for row in in_order(answer.rows, head.selection["sort"]):
        key = row.key[0]
        agent = agents_by_id.get(key or "")
        rows.append(
            RosterRow(
                name=str(agent or row.labels[0]),  # its home stands under it
                home=homes.get(key or "", ""),
                href=links.overview + head.selection.elsewhere(agent=key) if key else "",
                spots=tuple(
                    Spot(
                        _figure(metric, row.cells.get(metric), agent.currency if agent else ""),
                        _calls(links, head.selection, metric, agent=key) if key else "",
                    )
                    for metric in metrics
                ),
                uncovered=agent is not None and is_uncovered(agent, cover),
            )
        )
    return tuple(rows)


def in_order(rows: Iterable[Row], sort: str) -> list[Row]:
    sorting = Sorting.read(sort)
    named = sorted(rows, key=lambda row: row.labels[0].casefold())
    if sorting.by == "agent":
        return named[::-1] if sorting.descending else named
    if sorting.by == LARGEST_CHANGE:
        largest = Sorting(sorting.by, descending=True)
        return sorted(named, key=largest.place_by(lambda row: _change(row.cells.get(CHANGING))))
    return sorted(named, key=sorting.place_by(lambda row: shown_value(row.cells.get(sorting.by))))


def _change(cell: Cell | None) -> float | None:
    """The change times the calls it rests on, so that a few calls are not what stands out."""
    return None if cell is None or cell.moved is None else abs(cell.moved) * (cell.n or 0)


def headings(selection: Selection, metrics: Sequence[str]) -> tuple[Heading, ...]:
    sorting = Sorting.read(selection["sort"])

    def heading(name: str) -> Heading:
        return Heading(
            label=_("Agent") if name == "agent" else METRICS[name].label,
            href=selection.change(sort=sorting.after_click(name, downwards=name != "agent")).query,
            order=sorting.order_of(name),
            fit=FIT.get(name, ""),
        )

    return tuple(heading(name) for name in ("agent", *metrics))


def _figure(key: str, cell: Cell | None, currency: str) -> Figure:
    return Figure(METRICS[key], cell, currency, fit=FIT.get(key, ""))


def _calls(links: Links, selection: Selection, metric: str, **narrower: object) -> str:
    """The calls a figure rests on, as far as a filter can say which."""
    by_metric: Mapping[str, Mapping[str, object]] = {
        "connect_rate": {"outcome": ("connected", "unreached")},
        "average_duration": {"outcome": "connected"},
        "talk_minutes": {"outcome": "connected"},
        "engaged_share": {"outcome": "connected"},
        "short_call_share_6s": {"outcome": ("connected", "unreached"), "max_duration": 6},
    }
    filters = {**narrower, **by_metric.get(metric, {})}
    return links.calls + selection.calls_query(**filters)  # type: ignore[arg-type]


def is_uncovered(agent: Any, cover: Cover) -> bool:
    """Whether people who ring this agent back reach no callback agent, where the vendor knows such agents."""
    return (
        agent.environment.provider in METRICS["derived_callbacks"].vendors
        and agent.direction == Direction.OUTBOUND
        and agent.state in ("", "published")
        and agent.missing_since is None
        and not agent.takes_callbacks
        and (agent.environment_id, agent.external_id) not in cover
    )


def profiles(head: Frame, links: Links, cover: Cover) -> tuple[Profile, ...]:
    """Every agent in view, also those the vendor no longer names."""
    named = {(agent.environment_id, agent.external_id): agent for agent in head.choices.agents}
    homes, began = head.shown.homes, first_calls(head.scope)
    return tuple(
        Profile(
            name=str(agent),
            home=homes.get(str(agent.public_id), ""),
            href=links.overview + head.selection.elsewhere(agent=agent.public_id),
            mark=STATES.get(agent.state, ("", ""))[0],
            state=str(STATES.get(agent.state, ("", agent.state))[1]),
            direction=str(DIRECTIONS.get(agent.direction, agent.direction)),
            callbacks=_callbacks(agent, named),
            uncovered=is_uncovered(agent, cover),
            price=_price(agent),
            first_seen=began.get(agent.pk) or agent.first_seen_at,
            missing_since=agent.missing_since,
        )
        for agent in _listed(head.shown)
    )


def _listed(shown: Choices) -> list[Any]:
    """Those the vendor still names first."""
    return sorted(shown.agents, key=lambda agent: (agent.missing_since is not None, str(agent).casefold()))


def _callbacks(agent: Any, named: Mapping[tuple[int, str], Any]) -> str:
    """For whom an agent takes callbacks, or who takes those of its own calls, as far as the reader may know them."""
    if agent.takes_callbacks:
        sources = [(agent.environment_id, str(source)) for source in agent.callback_sources or ()]
        names = [str(named[place]) for place in sources if place in named]
        if not names:
            return _("takes callbacks")
        rest = len(sources) - len(names)
        text = ", ".join(names) + (_(" and %(n)s more") % {"n": figures.decimal(rest)} if rest else "")
        return _("takes callbacks for %(agents)s") % {"agents": text}
    takers = [
        str(other)
        for other in named.values()
        if other.takes_callbacks
        and other.missing_since is None
        and other.environment_id == agent.environment_id
        and agent.external_id in (other.callback_sources or ())
    ]
    return _("callbacks go to %(agents)s") % {"agents": ", ".join(takers)} if takers else ""


def _price(agent: Any) -> str:
    if agent.price_per_minute is None:
        return ""
    return _("%(price)s a minute") % {"price": figures.price(agent.price_per_minute, agent.currency)}
