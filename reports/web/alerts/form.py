"""The form of an alert: what it shows, and the parameters that it sends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.http import QueryDict
from django.utils.dates import WEEKDAYS

from portal.outbox.text import one_line
from portal.tenants.models.tenants import Environment
from reports.alerts.looking import OVERS, QUIET_OVERS
from reports.alerts.models import WHENS, Alert, WebhookForm
from reports.alerts.rules import FIGURES, When
from reports.alerts.wishes import PERSONAL, AlertPlan, new_plan, plan_of, shown_webhook, usual_hours
from reports.alerts.words import OVERS as OVER_WORDS
from reports.definitions.filters import FILTERS
from reports.definitions.metrics import METRICS
from reports.mail.rights import Author
from reports.queries.agents import Offered, agents, by_environment
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

    values: dict[str, Any]
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
        return [(key, OVER_WORDS[key]) for key in OVERS]

    @property
    def quiet_overs(self) -> Choices:
        return [(key, OVER_WORDS[key]) for key in QUIET_OVERS]

    @property
    def over(self) -> str:
        """Of a figure, the time that is looked at."""
        over = str(self.values["over"])
        return over if over in OVERS else "today"

    @property
    def quiet_over(self) -> str:
        """Of office hours without calls, the time that is looked at."""
        over = str(self.values["over"])
        return over if self.values["when"] == When.NO_CALLS and over in QUIET_OVERS else "last_2_hours"

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
    def agents(self) -> Sequence[tuple[str, Sequence[Offered]]]:
        return by_environment(agents(self.scope))

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
    if asked.get("period") in OVER_WORDS:
        values["over"] = asked["period"]
    filters = {name: str(value) for name, value in asked.items() if name in FILTERS and name not in PERSONAL}
    form = AlertForm(values | _chosen(filters), author, author.scope, _others(filters))
    if metric in METRICS:
        form.values |= {"metric": metric, "name": " · ".join([str(METRICS[metric].label), *_names(form)])}
    return form


def _names(form: AlertForm) -> list[str]:
    """The environments and agents that are chosen, by name, as far as one looks for an alert by them."""
    places: list[Environment | Offered] = [
        *form.environments,
        *(agent for _home, rows in form.agents for agent in rows),
    ]
    chosen = [one_line(str(each), limit=30) for each in places if str(each.public_id) in form.chosen]
    return chosen[:2]


def form_of(alert: Alert, author: Author) -> AlertForm:
    scope = author.scope.within(Scope.of(alert.grant))
    filters = dict(parse_qsl(alert.filters))
    return AlertForm(_shown(plan_of(alert)) | _chosen(filters), author, scope, _others(filters))


def sent_form(data: QueryDict, author: Author, before: Alert | None = None) -> AlertForm:
    """As it was sent: what it does not send stays as it was."""
    form = empty_form(author) if before is None else form_of(before, author)
    values = {**form.values, **{name: data[name] for name in PLAIN if name in data}}
    values |= {name: data.getlist(name) for name in CHOSEN}
    if values["when"] == When.NO_CALLS and "quiet_over" in data:
        values["over"] = data["quiet_over"]
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
    if given["when"] not in FIGURES:  # they have no such fields, whatever is sent
        del given["metric"], given["minimum_n"]
    if given["when"] == When.CHANGE_BELOW:
        given["value"] = _other_way(str(given["value"]))
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
    shown["metric"] = shown["metric"] or AlertPlan().metric  # so that a figure is chosen should the rule become one
    if plan.when == When.CHANGE_BELOW and plan.value:
        shown["value"] = _text(-plan.value) if plan.value < 0 else f"+{_text(plan.value)}"
    return shown | {"webhook": shown_webhook(plan)} | dict(plan.office_hours or usual_hours(plan.zone))


def _other_way(size: str) -> str:
    """The bound of a fall, which is written by its size; one with a sign is meant as it stands."""
    size = size.strip()
    return f"-{size}" if size[:1].isdigit() else size


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def _chosen(filters: Mapping[str, str]) -> dict[str, list[str]]:
    return {name: [key for key in filters.get(of, "").split(",") if key] for name, of in CHOSEN.items()}


def _others(filters: Mapping[str, str]) -> str:
    return urlencode({name: value for name, value in filters.items() if name not in CHOSEN.values()})
