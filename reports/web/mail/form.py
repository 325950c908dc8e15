"""The form of a scheduled mail: what it shows, and the parameters that it sends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.http import QueryDict
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from portal.tenants.models.people import Membership
from portal.tenants.models.tenants import Environment
from reports.definitions.filters import AddressReader
from reports.mail.content import keeper_of, saved_board, saved_report, title_of
from reports.mail.enclosed import choices
from reports.mail.models import WEEKDAYS, Contents, MissedPeriods, Subscription
from reports.mail.plans import FIELDS, MOST_HOURS, Plan, plan_of
from reports.mail.rights import Author
from reports.mail.sections import LABELS, LONGEST_NOTE, LONGEST_SUBJECT, SECTIONS
from reports.queries.agents import Offered, agents, by_environment
from reports.queries.environments import environments
from reports.queries.question import QuestionError
from reports.queries.scope import Scope
from reports.queries.titles import report_title
from reports.saved import boards, keeping
from reports.saved.asked import question_of
from reports.saved.models import SavedView, ViewOf
from reports.web.shared.zones import ZONES

SEVERAL = ("environments", "agents")
CONTENT = ("shows", "report", "board")  # as ``of`` says them together
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
    shown: str = ""  # the name of what is saved and shown
    asks: str = ""  # a question that is saved first

    @property
    def to(self) -> str:
        value = self.values["to"]
        return value if isinstance(value, str) else "\n".join(value)

    @property
    def rhythms(self) -> Sequence[tuple[str, str]]:
        return (("day", _("each day")), ("week", _("each week")), ("month", _("each month, on the 1st")))

    @property
    def saved(self) -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
        """What can be shown in the place of parts of a report, by kind; the one that it shows among them."""
        keeper = keeper_of(self.author)
        reports = [(f"report:{view.id}", view.name) for view in keeping.views(keeper, ViewOf.REPORT)]
        panels = [(f"board:{board.id}", board.name) for board in boards.boards(keeper)]
        if self.of and self.of not in dict(reports + panels):
            reports.append((self.of, self.shown or _("one that is not there any more")))
        return [(label, rows) for label, rows in ((_("Saved reports"), reports), (_("Boards"), panels)) if rows]

    @property
    def of(self) -> str:
        return str(self.values.get("of", ""))

    @property
    def comparisons(self) -> Sequence[tuple[str, str]]:
        return (("previous", _("the period before")), ("none", pgettext("compared with", "nothing")))

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
        usual = tuple(self.values["sections"]) == SECTIONS and self.values["chart"] is True
        return not usual or not self.errors.keys().isdisjoint(("sections", "chart"))

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
    def agents(self) -> Sequence[tuple[str, Sequence[Offered]]]:
        return by_environment(agents(self.scope))

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
    of, question = (str(asked.get(name, "")) if asked else "" for name in ("of", "ask"))
    if of:
        form.values = {**form.values, **_about_saved(of, author)}
    elif question and (values := _about_question(question, author)):
        form.values, form.asks = {**form.values, **values}, question
    elif asked:
        reader = AddressReader(asked, zone=author.tenant.zone)
        ids = {name: tuple(map(str, reader.ids(name.removesuffix("s")))) for name in SEVERAL}
        rhythm = {"every": EVERY_OF[span]} if (span := asked.get("period", "")) in EVERY_OF else {}
        form.values = {**form.values, **rhythm, **ids}
    return form


def _about_saved(of: str, author: Author) -> dict[str, Any]:
    """The name of what is saved, and whether it is compared; nothing of what he can't open."""
    kind, _colon, key = of.partition(":")
    try:
        found = saved_report(UUID(key), author) if kind == "report" else saved_board(UUID(key), author)
    except (ValueError, ObjectDoesNotExist):
        return {}
    query = found.query if isinstance(found, SavedView) else ""
    return {"of": of, "name": found.name, **_as_asked(query)}


def _about_question(query: str, author: Author) -> dict[str, Any]:
    """What a question is called that is not saved yet; nothing of what can't be asked."""
    try:
        question = question_of(query, author.scope)
    except QuestionError:
        return {}
    return {"name": report_title(question.metrics, question.by), **_as_asked(query)}


def _as_asked(query: str) -> dict[str, str]:
    """Of a question whether it is compared, and how often its period suggests."""
    params = dict(parse_qsl(query))
    compare = {"compare": "none"} if params.get("compare") == "none" else {}
    return compare | ({"every": EVERY_OF[span]} if (span := params.get("period", "")) in EVERY_OF else {})


def form_of(subscription: Subscription, author: Author) -> MailForm:
    form = MailForm(_shown(plan_of(subscription)), author, _scope(subscription, author))
    form.shown = title_of(subscription)
    return form


def sent_form(data: QueryDict, author: Author, before: Subscription | None = None) -> MailForm:
    """As it was sent: what it does not send stays as it was."""
    form = empty_form(author) if before is None else form_of(before, author)
    single: dict[str, Any] = {
        name: data[name]
        for name in FIELDS
        if name in data and name not in (*SEVERAL, *CONTENT, *UNSENT, "sections", "attachments")
    }
    single |= {"of": data["of"]} if "of" in data else {}
    if "chart" in single:
        single["chart"] = {"true": True, "false": False}.get(single["chart"], single["chart"])
    form.asks = data.get("ask", "")
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
    kind, _colon, key = form.of.partition(":")
    content = {"shows": kind, kind: key} if kind in ("report", "board") else {"shows": Contents.SECTIONS.value}
    left_out = {*UNSENT, "of"} | (set() if form.values["every"] == "week" else {"weekday"})
    left_out |= {*SEVERAL} if kind else set()  # what is saved has filters of its own
    return content | {name: value for name, value in form.values.items() if name not in left_out}


def _shown(plan: Plan) -> dict[str, Any]:
    saved = {"report": plan.report, "board": plan.board}
    values = {name: getattr(plan, name) for name in FIELDS if name not in CONTENT}
    values["of"] = f"{plan.shows}:{saved[plan.shows] or ''}" if plan.shows in saved else ""
    return {name: value if isinstance(value, tuple | bool | dict) else str(value) for name, value in values.items()}


def _scope(subscription: Subscription, author: Author) -> Scope:
    """What there is to choose from: what the mail may show and its author sees."""
    return author.scope if subscription.grant is None else author.scope.within(Scope.of(subscription.grant))
