"""The form of an alert: what it shows, and the parameters that it sends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.http import QueryDict
from django.utils.dates import WEEKDAYS

from portal.tenants.models.tenants import Environment
from reports.alerts.looking import OVERS, QUIET_OVERS
from reports.alerts.models import WHENS, Alert, WebhookForm
from reports.alerts.wishes import PERSONAL, AlertPlan, new_plan, plan_of, shown_webhook, usual_hours
from reports.alerts.words import OVERS as OVER_WORDS
from reports.definitions.filters import FILTERS
from reports.definitions.metrics import METRICS
from reports.mail.rights import Author
from reports.queries.agents import agents
from reports.queries.environments import environments
from reports.queries.scope import Scope
from reports.web.shared.zones import ZONES

PLAIN = ("name", "when", "metric", "value", "over", "minimum_n", "cool_down", "zone", "to", "webhook", "webhook_form")
CHOSEN = {"environments": "environment", "agents": "agent"}
Choices = Sequence[tuple[str, Any]]


@dataclass(slots=True)
class AlertForm:
    """``values`` as the form shows them; ``errors`` sentences by parameter; ``others`` the filters it has no field for,
    as an address has them."""

    values: Mapping[str, Any]
    author: Author
    scope: Scope
    others: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def to(self) -> str:
        value = self.values["to"]
        return value if isinstance(value, str) else "\n".join(value)

    @property
    def whens(self) -> Choices:
        return WHENS

    @property
    def metrics(self) -> Choices:
        return [(key, metric.label) for key, metric in METRICS.items()]

    @property
    def overs(self) -> Choices:
        return [(key, OVER_WORDS[key]) for key in dict.fromkeys((*QUIET_OVERS[:-1], *OVERS))]

    @property
    def forms(self) -> Choices:
        return WebhookForm.choices

    @property
    def weekdays(self) -> Sequence[tuple[int, Any, bool]]:
        return [(number + 1, name, number + 1 in self.values["weekdays"]) for number, name in WEEKDAYS.items()]

    @property
    def zones(self) -> Sequence[str]:
        return ZONES

    @property
    def environments(self) -> Sequence[Environment]:
        return list(environments(self.scope))

    @property
    def agents(self) -> Sequence[tuple[str, Sequence[Any]]]:
        """By environment, whose name is empty where there is only one."""
        by_environment: dict[str, list[Any]] = {}
        for agent in agents(self.scope):
            by_environment.setdefault(agent.environment.name, []).append(agent)
        return [(name if len(by_environment) > 1 else "", rows) for name, rows in sorted(by_environment.items())]

    @property
    def chosen(self) -> frozenset[str]:
        return frozenset(str(key) for name in CHOSEN for key in self.values[name])

    @property
    def for_others(self) -> bool:
        return self.author.manages


def empty_form(author: Author, asked: Mapping[str, str] | None = None) -> AlertForm:
    """Of a new alert; of the answer that an address asks for, where it names one."""
    plan = new_plan(author)
    values = _shown(plan)
    asked = asked or {}
    metric = (asked.get("metrics") or asked.get("metric") or "").partition(",")[0]
    if metric in METRICS:
        values["metric"] = metric
    if asked.get("period") in OVER_WORDS:
        values["over"] = asked["period"]
    filters = {name: str(value) for name, value in asked.items() if name in FILTERS and name not in PERSONAL}
    return AlertForm(values | _chosen(filters), author, author.scope, _others(filters))


def form_of(alert: Alert, author: Author) -> AlertForm:
    scope = author.scope.within(Scope.of(alert.grant))
    filters = dict(parse_qsl(alert.filters))
    return AlertForm(_shown(plan_of(alert)) | _chosen(filters), author, scope, _others(filters))


def sent_form(data: QueryDict, author: Author, before: Alert | None = None) -> AlertForm:
    """As it was sent: what it does not send stays as it was."""
    form = empty_form(author) if before is None else form_of(before, author)
    values = {**form.values, **{name: data[name] for name in PLAIN if name in data}}
    values |= {name: data.getlist(name) for name in CHOSEN}
    if "until" in data:
        values |= {"weekdays": [int(day) for day in data.getlist("weekdays") if day in "1234567" and day]}
        values |= {name: data[name] for name in ("from", "until") if name in data}
        values["holidays"] = "skip" if data.get("holidays") else "count"
    form.values = values
    form.others = data.get("others", form.others)
    return form


def wishes(form: AlertForm) -> dict[str, Any]:
    """The parameters of :func:`reports.alerts.wishes.read_plan` that a form makes."""
    chosen = {key: ",".join(form.values[name]) for name, key in CHOSEN.items() if form.values[name]}
    given = {name: form.values[name] for name in PLAIN}
    if given["when"] in ("no_calls", "stale", "gap", "rejected"):  # they have no such fields, whatever is sent
        del given["metric"], given["minimum_n"]
    if given["over"] not in (QUIET_OVERS if given["when"] == "no_calls" else OVERS):  # of the other kind of rule
        del given["over"]
    return {
        **given,
        "filters": dict(parse_qsl(form.others)) | chosen,
        "office_hours": {name: form.values[name] for name in ("weekdays", "from", "until", "holidays")},
    }


def _shown(plan: AlertPlan) -> dict[str, Any]:
    values = {name: getattr(plan, name) for name in PLAIN}
    shown = {name: value if isinstance(value, tuple) else _text(value) for name, value in values.items()}
    return shown | {"webhook": shown_webhook(plan)} | dict(plan.office_hours or usual_hours(plan.zone))


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def _chosen(filters: Mapping[str, str]) -> dict[str, list[str]]:
    return {name: [key for key in filters.get(of, "").split(",") if key] for name, of in CHOSEN.items()}


def _others(filters: Mapping[str, str]) -> str:
    return urlencode({name: value for name, value in filters.items() if name not in CHOSEN.values()})
