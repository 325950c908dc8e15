"""The form of a scheduled mail: what it shows, and the parameters that it sends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.http import QueryDict
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from portal.tenants.models.people import Membership
from portal.tenants.models.tenants import Environment
from reports.definitions.filters import AddressReader
from reports.mail.enclosed import choices
from reports.mail.models import WEEKDAYS, MissedPeriods, Subscription
from reports.mail.plans import FIELDS, MOST_HOURS, Plan, plan_of
from reports.mail.rights import Author
from reports.mail.sections import LABELS, LONGEST_NOTE, LONGEST_SUBJECT, SECTIONS
from reports.queries.agents import agents
from reports.queries.environments import environments
from reports.queries.scope import Scope
from reports.web.shared.zones import ZONES

SEVERAL = ("environments", "agents")
EVERY_OF = {"yesterday": "day", "last_week": "week", "last_month": "month"}  # how often, by the period's name
UNSENT = ("paused", "languages")  # set elsewhere on the page
MOST_MEMBERS = 500  # offered for answers


@dataclass(slots=True)
class MailForm:
    """``values`` as the form shows them; ``errors`` sentences by parameter."""

    values: Mapping[str, Any]
    author: Author
    scope: Scope
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def to(self) -> str:
        value = self.values["to"]
        return value if isinstance(value, str) else "\n".join(value)

    @property
    def rhythms(self) -> Sequence[tuple[str, str]]:
        return (("day", _("each day")), ("week", _("each week")), ("month", _("each month, on the 1st")))

    @property
    def weekdays(self) -> Sequence[tuple[str, str]]:
        return [(str(number + 1), str(name)) for number, name in WEEKDAYS]

    @property
    def hours(self) -> Sequence[tuple[str, str]]:
        return [(str(hour), f"{hour:02}:00") for hour in range(24)]

    @property
    def waits(self) -> Sequence[tuple[str, str]]:
        return [(str(hours), str(hours)) for hours in range(MOST_HOURS + 1)]

    @property
    def zones(self) -> Sequence[str]:
        return ZONES

    @property
    def languages(self) -> Sequence[tuple[str, Any]]:
        return settings.LANGUAGES

    @property
    def sections(self) -> Sequence[tuple[str, Any, str]]:
        """Each part of a mail with its label and its place, in this order; those left out at the end, without one."""
        places = {key: str(place) for place, key in enumerate(self.values["sections"], 1)}
        keys = [*places, *(key for key in SECTIONS if key not in places)]
        return [(key, LABELS[key], places.get(key, "")) for key in keys]

    @property
    def files(self) -> Sequence[tuple[str, Any]]:
        return list(choices().items())

    @property
    def places(self) -> Sequence[str]:
        return [str(place) for place in range(1, len(SECTIONS) + 1)]

    @property
    def longest(self) -> dict[str, int]:
        return {"subject": LONGEST_SUBJECT, "note": LONGEST_NOTE}

    @property
    def speaks(self) -> bool:
        """Whether it says anything of its author's own."""
        named = any(self.values[name] for name in ("subject", "note", "reply_to"))
        return named or any(name in self.errors for name in ("subject", "note", "reply_to"))

    @property
    def shapes(self) -> bool:
        """Whether its parts are others than the usual ones."""
        return tuple(self.values["sections"]) != SECTIONS or "sections" in self.errors

    @property
    def missed(self) -> Sequence[tuple[str, Any]]:
        return MissedPeriods.choices

    @property
    def answers(self) -> Sequence[str]:
        """The addresses of members whom answers may go to."""
        if not self.for_others:
            return [self.author.email]
        members = Membership.objects.filter(user__is_active=True).order_by("user__email")
        return list(members.values_list("user__email", flat=True)[:MOST_MEMBERS])

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
        """The ids of environments and agents that are chosen."""
        return frozenset(str(key) for name in SEVERAL for key in self.values[name])

    @property
    def for_others(self) -> bool:
        return self.author.manages


def empty_form(author: Author, asked: QueryDict | None = None) -> MailForm:
    """Of a new mail: to oneself, in one's own language; about the environments and agents of an answer, and as often as
    its period suggests, where an address carries these.
    """
    language = get_language() or author.tenant.language
    form = MailForm(_shown(Plan(to=(author.email,), zone=author.tenant.zone, language=language)), author, author.scope)
    if asked:
        reader = AddressReader(asked, zone=author.tenant.zone)
        ids = {name: tuple(map(str, reader.ids(name.removesuffix("s")))) for name in SEVERAL}
        rhythm = {"every": EVERY_OF[span]} if (span := asked.get("period", "")) in EVERY_OF else {}
        form.values = {**form.values, **rhythm, **ids}
    return form


def form_of(subscription: Subscription, author: Author) -> MailForm:
    return MailForm(_shown(plan_of(subscription)), author, _scope(subscription, author))


def sent_form(data: QueryDict, author: Author, before: Subscription | None = None) -> MailForm:
    """As it was sent: what it does not send stays as it was."""
    form = empty_form(author) if before is None else form_of(before, author)
    single = {
        name: data[name]
        for name in FIELDS
        if name in data and name not in (*SEVERAL, *UNSENT, "sections", "attachments")
    }
    form.values = {**form.values, **single, **{name: data.getlist(name) for name in (*SEVERAL, "attachments")}}
    if any(f"section_{key}" in data for key in SECTIONS):
        form.values["sections"] = _placed(data)
    return form


def _placed(data: QueryDict) -> tuple[str, ...]:
    """The sections that have a place, by their places; two of one place in their usual order."""
    places = {key: data.get(f"section_{key}", "") for key in SECTIONS}
    return tuple(sorted((key for key in SECTIONS if places[key].isdecimal()), key=lambda key: int(places[key])))


def wishes(form: MailForm) -> dict[str, Any]:
    """The parameters of :func:`reports.mail.plans.read_plan` that a form makes."""
    left_out = {*UNSENT} | (set() if form.values["every"] == "week" else {"weekday"})
    return {name: value for name, value in form.values.items() if name not in left_out}


def _shown(plan: Plan) -> dict[str, Any]:
    values = {name: getattr(plan, name) for name in FIELDS}
    return {name: value if isinstance(value, tuple | bool | dict) else str(value) for name, value in values.items()}


def _scope(subscription: Subscription, author: Author) -> Scope:
    """What there is to choose from: what the mail may show and its author sees."""
    return author.scope if subscription.grant is None else author.scope.within(Scope.of(subscription.grant))
