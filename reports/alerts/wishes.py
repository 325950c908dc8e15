"""An alert as somebody wishes it: read from a form or a JSON object alike."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.lib.holidays import keeps_holidays
from portal.lib.outward.addresses import read_base
from portal.lib.outward.errors import Unreachable
from portal.obstacles import in_words
from portal.outbox.text import one_line
from portal.tenants.models.tenants import validate_zone
from reports.alerts.looking import CALLS, OVERS, QUIET_OVERS, Subject
from reports.alerts.models import Alert, WebhookForm
from reports.alerts.rules import CHANGES, CLOSES, FIGURES, OPENS, WORKDAYS, OfficeHours, Rule, When
from reports.definitions.filters import FILTERS, whole_number
from reports.definitions.metrics import METRICS
from reports.definitions.spans import span_period
from reports.mail.lists import NotListed, addresses
from reports.mail.rights import Author
from reports.queries.agents import agents
from reports.queries.ask import compares
from reports.queries.environments import environments
from reports.queries.params import ParamReader
from reports.queries.question import Filters, Question, QuestionError, check, write_filters
from reports.queries.scope import Scope
from reports.queries.selector import resolve
from reports.queries.significance import ENOUGH, adds_up

LONGEST_NAME, LONGEST_ADDRESS = 120, 1000
MOST_MINUTES, MOST_N, MOST_VALUE, MOST_HOURS = 30 * 24 * 60, 1_000_000, 1e12, 24 * 365
PERSONAL = frozenset({"number", "number_match", "contact", "line"})  # an alert is about no single person


@dataclass(frozen=True, slots=True)
class AlertPlan:
    """``filters`` are parameters as an address has them. ``webhook`` is the whole address, or empty. ``office_hours``
    has ``weekdays``, ``from``, ``until`` and ``holidays``."""

    name: str = ""
    when: str = When.BELOW.value
    metric: str = "connect_rate"
    filters: Mapping[str, str] = field(default_factory=dict)
    value: float | None = None
    over: str = "today"
    minimum_n: int | None = None  # of a new one: as many as its figure needs
    cool_down: int = 60
    to: tuple[str, ...] = ()
    webhook: str = ""
    webhook_form: str = WebhookForm.JSON.value
    zone: str = ""
    office_hours: Mapping[str, Any] = field(default_factory=dict)
    paused: bool = False

    def columns(self) -> dict[str, Any]:
        """What stands in the row of an alert, but for its secrets."""
        return {
            "name": self.name,
            "when": self.when,
            "metric": self.metric,
            "filters": urlencode(dict(self.filters)),
            "value": self.value,
            "over": self.over,
            "minimum_n": self.minimum_n,
            "cool_down": self.cool_down,
            "zone": self.zone,
            "office": dict(self.office_hours),
            "webhook_host": host_of(self.webhook),
            "webhook_form": self.webhook_form,
            "active": not self.paused,
        }


FIELDS = tuple(each.name for each in fields(AlertPlan))


def usual_hours(zone: str) -> dict[str, Any]:
    holidays = "skip" if keeps_holidays(zone) else "count"
    return {"weekdays": list(WORKDAYS), "from": OPENS, "until": CLOSES, "holidays": holidays}


def usual_minimum(when: When, metric: str) -> int:
    """How few calls say nothing, where nobody chose a number. A count may be small: that may be what it is about."""
    return 0 if metric in METRICS and adds_up(METRICS[metric]) and when not in CHANGES else ENOUGH


def plan_of(alert: Alert) -> AlertPlan:
    """The plan by which an alert stands; its readers are prefetched."""
    return AlertPlan(
        name=alert.name,
        when=alert.when,
        metric=alert.metric,
        filters=dict(parse_qsl(alert.filters)),
        value=alert.value,
        over=alert.over,
        minimum_n=alert.minimum_n,
        cool_down=alert.cool_down,
        to=tuple(reader.email for reader in alert.readers),
        webhook=alert.webhook.reveal() if alert.webhook else "",
        webhook_form=alert.webhook_form,
        zone=alert.zone,
        office_hours=alert.office or usual_hours(alert.zone),
        paused=not alert.active,
    )


def shown_webhook(plan: AlertPlan) -> str:
    """The address as it may be shown: those of Slack and Teams let whoever knows them post, so only their host is."""
    if not plan.webhook or plan.webhook_form == WebhookForm.JSON:
        return plan.webhook
    return f"{plan.webhook.partition(':')[0]}://{host_of(plan.webhook)}/•••"


def host_of(address: str) -> str:
    return (urlsplit(address).hostname or "")[:255]


def new_plan(author: Author) -> AlertPlan:
    zone = author.tenant.zone
    return AlertPlan(zone=zone, to=(author.email,) if author.email else (), office_hours=usual_hours(zone))


def subject_of(plan: AlertPlan, scope: Scope) -> Subject:
    """What the alert of a plan looks at. Raises QuestionError where its filters cannot be read any more."""
    when = When(plan.when)
    filters = read_filters(plan.filters, scope)
    hours = plan.office_hours or usual_hours(plan.zone)
    office = OfficeHours(
        plan.zone, tuple(hours["weekdays"]), hours["from"], hours["until"], hours["holidays"] == "skip"
    )
    return Subject(Rule(when, plan.value, plan.minimum_n or 0), plan.metric or CALLS, filters, plan.over, office)


def subject_at(alert: Alert, scope: Scope) -> Subject:
    """As :func:`subject_of`, of an alert that stands."""
    filters = read_filters(dict(parse_qsl(alert.filters)), scope)
    return Subject(alert.rule, alert.metric or CALLS, filters, alert.over, alert.office_hours)


def looked_at(alert: Alert, scope: Scope) -> Scope:
    """Of a scope what the filters of an alert leave: what somebody has to see to be told of it."""
    selector = resolve(read_filters(dict(parse_qsl(alert.filters)), scope), scope)
    return scope.left(selector.environments, selector.agent_ids)


def read_filters(params: Mapping[str, str], scope: Scope) -> Filters:
    reader = ParamReader(params, scope)
    filters = reader.filters()
    reader.finish()
    return filters


def read_plan(values: Mapping[str, Any], author: Author, *, before: Alert | None = None) -> AlertPlan:
    """The plan that ``values`` make: of a new alert, or of one that stands and keeps what is not among them.

    ``values`` may hold the names of :data:`FIELDS` and no other. Raises QuestionError with a sentence for each bad one.
    The wall must be open.
    """
    stands = plan_of(before) if before is not None else new_plan(author)
    scope = author.scope if before is None else author.scope.within(Scope.of(before.grant))
    reader = _PlanReader(values, stands, author, scope)
    plan = reader.plan()
    if reader.errors:
        raise QuestionError(reader.errors)
    return plan


class _PlanReader:
    def __init__(self, values: Mapping[str, Any], stands: AlertPlan, author: Author, scope: Scope) -> None:
        self.values = values
        self.stands = stands
        self.author = author
        self.scope = scope
        self.errors = {name: _("This parameter is not known here.") for name in values if name not in FIELDS}

    def plan(self) -> AlertPlan:
        when = When(self.choice("when", tuple(When)))
        metric = self.metric(when)
        zone = self.zone()
        plan = AlertPlan(
            name=self.name(),
            when=when.value,
            metric=metric,
            filters=self.filters(),
            value=self.value(when),
            over=self.over(when),
            minimum_n=self.minimum(when, metric),
            cool_down=self.whole("cool_down", 0, MOST_MINUTES),
            to=self.to(),
            webhook=self.webhook(),
            webhook_form=self.choice("webhook_form", tuple(WebhookForm.values)),
            zone=zone,
            office_hours=self.office_hours(zone),
            paused=self.flag("paused"),
        )
        if not plan.to and not plan.webhook:
            self.errors.setdefault("to", _("Say whom the alert tells: by mail, by a webhook, or both."))
        if not self.errors and when in FIGURES:
            self.check(plan)
        return plan

    def given(self, name: str) -> Any:
        return self.values.get(name, getattr(self.stands, name))

    def name(self) -> str:
        text = one_line(str(self.given("name") or ""), limit=LONGEST_NAME + 1)
        if not text:
            self.errors["name"] = _("Give the alert a name.")
        elif len(text) > LONGEST_NAME:
            self.errors["name"] = _("A name has at most %(most)s characters.") % {"most": LONGEST_NAME}
        return text

    def metric(self, when: When) -> str:
        if when not in FIGURES:
            return ""
        key = str(self.given("metric") or "connect_rate")
        if key not in METRICS:
            self.errors["metric"] = _("“%(word)s” is no figure.") % {"word": one_line(key, limit=40)}
            return CALLS
        if when in CHANGES and not compares(METRICS[key]):
            self.errors["metric"] = _("This figure is of no period, so it has no change.")
        return key

    def value(self, when: When) -> float | None:
        if when in (When.NO_CALLS, When.REJECTED):
            return None
        given = self.given("value")
        if given in (None, "") and when not in FIGURES:
            return 24.0 if when == When.STALE else 1.0
        number = _number(given)
        if number is None or abs(number) > MOST_VALUE:
            self.errors["value"] = _("Give the threshold as a number.")
        elif when not in FIGURES and not 0 < number <= MOST_HOURS:
            self.errors["value"] = _("Give a number of hours, up to a year.")
        return number

    def over(self, when: When) -> str:
        if when in FIGURES:
            return self.choice("over", OVERS, otherwise="today")
        return self.choice("over", QUIET_OVERS, otherwise="last_2_hours") if when == When.NO_CALLS else ""

    def filters(self) -> Mapping[str, str]:
        given = self.given("filters")
        if isinstance(given, str):
            given = dict(parse_qsl(given.removeprefix("?")))
        if not isinstance(given, Mapping):
            self.errors["filters"] = _("This is an object of filters, or the query of an address.")
            return {}
        params = {str(name): _joined(value) for name, value in given.items()}
        unknown = [name for name in params if name not in FILTERS or name in PERSONAL]
        if unknown:
            text = _("“%(word)s” is no filter that an alert can have.")
            self.errors["filters"] = text % {"word": one_line(unknown[0], limit=40)}
            return {}
        try:
            filters = read_filters(params, self.scope)
        except QuestionError as error:
            self.errors["filters"] = " ".join(error.errors.values())
            return {}
        if not self._are_seen(filters):
            self.errors["filters"] = _("One of these is nothing that this alert could look at.")
        return write_filters(filters)

    def _are_seen(self, filters: Filters) -> bool:
        """One that the author cannot see is answered like one that nobody has."""
        homes: set[UUID] = set(environments(self.scope).values_list("public_id", flat=True))
        own: set[UUID] = set(agents(self.scope).values_list("public_id", flat=True)) if filters.agents else set()
        return homes.issuperset(filters.environments) and own.issuperset(filters.agents)

    def to(self) -> tuple[str, ...]:
        try:
            return addresses(self.given("to"), self.author, self.stands.to)
        except NotListed as refusal:
            self.errors["to"] = str(refusal)
            return ()

    def webhook(self) -> str:
        given = one_line(str(self.given("webhook") or ""), limit=LONGEST_ADDRESS + 1)
        if given == shown_webhook(self.stands):
            return self.stands.webhook
        if given and not self.author.manages:
            self.errors["webhook"] = _("Only managers and owners may have alerts posted to an address.")
        elif len(given) > LONGEST_ADDRESS:
            self.errors["webhook"] = _("The address is too long.")
        elif given:
            try:
                read_base(given.partition("?")[0], allow_private=settings.UPSTREAM_ALLOW_PRIVATE)
            except Unreachable as refusal:
                self.errors["webhook"] = in_words(refusal.detail)
        return given

    def zone(self) -> str:
        name = str(self.given("zone") or "")
        try:
            validate_zone(name)
        except ValidationError:
            self.errors["zone"] = _("“%(zone)s” is not a time zone such as America/Sao_Paulo.") % {"zone": name}
        return name

    def office_hours(self, zone: str) -> Mapping[str, Any]:
        given = self.given("office_hours")
        hours = usual_hours(zone) | (dict(given) if isinstance(given, Mapping) else {})
        days = hours["weekdays"]
        wanted = [whole_number(str(day), 1, 7) for day in days] if isinstance(days, list | tuple) else []
        start, end = whole_number(str(hours["from"]), 0, 23), whole_number(str(hours["until"]), 1, 24)
        known = isinstance(given, Mapping) and set(hours) == set(usual_hours(zone))
        if not known or not wanted or None in wanted or hours["holidays"] not in ("skip", "count"):
            self.errors["office_hours"] = _("Office hours have weekdays from 1 to 7, from, until, and holidays.")
        elif start is None or end is None or start >= end:
            self.errors["office_hours"] = _("Office hours end after they begin, at full hours.")
        weekdays = sorted({day for day in wanted if day is not None})
        return {"weekdays": weekdays, "from": start, "until": end, "holidays": hours["holidays"]}

    def minimum(self, when: When, metric: str) -> int:
        if when not in FIGURES:
            return 0
        if self.given("minimum_n") in (None, ""):
            return usual_minimum(when, metric)
        return self.whole("minimum_n", 0, MOST_N)

    def whole(self, name: str, first: int, last: int) -> int:
        value = self.given(name)
        number = whole_number("" if isinstance(value, bool) else str(value), first, last)
        if number is None:
            self.errors[name] = _("“%(word)s” is no whole number from %(first)s to %(last)s.") % {
                "word": one_line(str(value), limit=40),
                "first": first,
                "last": last,
            }
        return first if number is None else number

    def choice(self, name: str, choices: tuple[str, ...], *, otherwise: str = "") -> str:
        """One of the choices. What stands, and is none of them since another word was changed, gives way."""
        word = str(self.given(name) or otherwise)
        if word not in choices and name not in self.values and otherwise:
            return otherwise
        if word not in choices:
            self.errors[name] = _("“%(word)s” is none of %(choices)s.") % {
                "word": one_line(word, limit=40),
                "choices": ", ".join(choices),
            }
            return choices[0]
        return word

    def flag(self, name: str) -> bool:
        value = self.given(name)
        if not isinstance(value, bool):
            self.errors[name] = _("This is “true” or “false”.")
        return value is True

    def check(self, plan: AlertPlan) -> None:
        """Whether the question that it asks can be asked."""
        subject = subject_of(plan, self.scope)
        span = "today" if subject.over not in OVERS[1:] else subject.over
        period = span_period(span, timezone.now().date(), subject.zone)
        try:
            check(Question((subject.metric,), period, filters=subject.filters))
        except QuestionError as error:
            self.errors |= {"filters": " ".join(error.errors.values())}


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value) if not isinstance(value, str) else float(value.strip().replace(",", "."))
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _joined(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
