"""The forms of a schedule and of a destination: what they show, and the parameters that they send."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from django.conf import settings
from django.http import QueryDict
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from portal.tenants.models.tenants import Environment
from reports.definitions.catalogue import CATALOGUE
from reports.definitions.filters import FILTERS
from reports.files.formats import DIALECT_LABELS, offered
from reports.files.models import TABLES, What
from reports.files.orders import SHAPES
from reports.handover.access import board_name, destinations
from reports.handover.destinations import KEPT, PLACE_FIELDS, DestinationPlan, place_plan_of
from reports.handover.models import Destination, ExportSchedule, PlaceKind, Way
from reports.handover.wishes import BOARDS_FORM, PERSONAL, PLAN_FIELDS, SchedulePlan, new_plan, plan_of
from reports.handover.words import SPANS
from reports.mail.models import WEEKDAYS, MissedPeriods
from reports.mail.plans import MOST_HOURS
from reports.mail.rights import Author
from reports.queries.agents import Offered, agents, by_environment
from reports.queries.environments import environments
from reports.queries.scope import Scope
from reports.queries.titles import report_title
from reports.saved.boards import boards
from reports.saved.keeping import Keeper, views
from reports.saved.models import ViewOf
from reports.web.mail.form import EVERY_OF
from reports.web.shared.zones import ZONES

CHOSEN = {"environments": "environment", "agents": "agent"}
SENT_PLAIN = tuple(name for name in PLAN_FIELDS if name not in ("query", "numbers", "paused"))
KNOWN = {*FILTERS, "status", *(name for names in SHAPES.values() for name in names)} - PERSONAL
READY, SAVED, AS_ASKED = "ready:", "saved:", "asked"  # how a report is named among the choices
REPORT_ONLY = frozenset(SHAPES[What.REPORT])
Choices = Sequence[tuple[str, Any]]


@dataclass(slots=True)
class ScheduleForm:
    """``values`` as the form shows them; ``errors`` sentences by parameter; ``others`` the parameters it has no field
    for, as an address has them, a report's question among them."""

    values: Mapping[str, Any]
    author: Author
    scope: Scope
    keeper: Keeper
    others: str = ""
    exported: str = ""  # the board of a schedule that stands; never one that an address or a form names
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def to(self) -> str:
        value = self.values["to"]
        return value if isinstance(value, str) else "\n".join(value)

    @property
    def whats(self) -> Choices:
        return [(what.value, what.label) for what in TABLES if what != What.BOARD or self.boards]

    @property
    def boards(self) -> Choices:
        """Those that the author sees; the one that a schedule exports already among them, whatever became of it."""
        seen = [(board.id, board.name) for board in boards(self.keeper)]
        if self.exported and self.exported not in dict(seen):
            seen.append((self.exported, board_name(self.exported) or _("one that is not there any more")))
        return seen

    @property
    def reports(self) -> Choices:
        """The question that it stands for, the ready-made reports, and the saved ones."""
        asked = dict(parse_qsl(self.others))
        own = [(AS_ASKED, report_title(*_parts(asked)))] if asked.get("metrics") else []
        ready = [(READY + key, report.label) for key, report in CATALOGUE.items()]
        saved = [(SAVED + view.id, view.name) for view in views(self.keeper, ViewOf.REPORT)]
        return [*own, *saved, *ready]

    @property
    def formats(self) -> Choices:
        return [(key, form.label) for key, form in offered().items()]

    @property
    def dialects(self) -> Choices:
        return list(DIALECT_LABELS.items())

    @property
    def languages(self) -> Choices:
        return settings.LANGUAGES

    @property
    def rhythms(self) -> Choices:
        return (("day", _("each day")), ("week", _("each week")), ("month", _("each month, on the 1st")))

    @property
    def weekdays(self) -> Choices:
        return [(str(number + 1), str(name)) for number, name in WEEKDAYS]

    @property
    def hours(self) -> Choices:
        return [(str(hour), f"{hour:02}:00") for hour in range(24)]

    @property
    def waits(self) -> Sequence[str]:
        return [str(hours) for hours in range(MOST_HOURS + 1)]

    @property
    def spans(self) -> Choices:
        return list(SPANS.items())

    @property
    def missed(self) -> Choices:
        return MissedPeriods.choices

    @property
    def zones(self) -> Sequence[str]:
        return ZONES

    @property
    def ways(self) -> Choices:
        return [each for each in Way.choices if self.author.manages or each[0] != Way.PUT]

    @property
    def places(self) -> Sequence[Destination]:
        return [row for row in destinations(self.author) if row.ready]

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
    def filters(self) -> str:
        """What it is narrowed by besides its fields, as an address has it."""
        left = {name: text for name, text in parse_qsl(self.others) if name not in REPORT_ONLY}
        return urlencode(left)

    @property
    def for_others(self) -> bool:
        return self.author.manages

    @property
    def may_tell_numbers(self) -> bool:
        return self.author.scope.sees_numbers


def empty_schedule(author: Author, keeper: Keeper, asked: Mapping[str, str] | None = None) -> ScheduleForm:
    """Of a new schedule, in one's own language; of the list or the answer that an address asks for, where it names
    one."""
    asked = asked or {}
    plan, query = new_plan(author), {name: str(text) for name, text in asked.items() if name in KNOWN and text}
    what = asked.get("what", "")
    if what not in TABLES:
        what = What.REPORT.value if query.get("metrics") else What.CALLS.value
    every = EVERY_OF.get(asked.get("period", ""), "day")
    if what == What.BOARD:
        query = {"board": str(asked.get("board", ""))}
        plan = replace(plan, format=BOARDS_FORM if BOARDS_FORM in offered() else plan.format)
    name, language = str(asked.get("name", ""))[:120], get_language() or plan.language
    plan = replace(plan, what=what, query=query, every=every, name=name, language=language)
    return _form(plan, author, author.scope, keeper)


def schedule_form_of(schedule: ExportSchedule, author: Author, keeper: Keeper) -> ScheduleForm:
    plan = plan_of(schedule)
    form = _form(plan, author, author.scope.within(Scope.of(schedule.grant)), keeper)
    form.exported = plan.query.get("board", "")
    return form


def sent_schedule(
    data: QueryDict, author: Author, keeper: Keeper, before: ExportSchedule | None = None
) -> ScheduleForm:
    """As it was sent: what it does not send stays as it was."""
    form = empty_schedule(author, keeper) if before is None else schedule_form_of(before, author, keeper)
    sent: dict[str, Any] = {name: data[name] for name in (*SENT_PLAIN, "report", "board") if name in data}
    sent |= {name: data.getlist(name) for name in CHOSEN}
    form.values = {**form.values, **sent, "numbers": bool(data.get("numbers"))}
    form.others = data.get("others", form.others)
    return form


def schedule_wishes(form: ScheduleForm) -> dict[str, Any]:
    """The parameters of :func:`reports.handover.wishes.read_plan` that a form makes."""
    values = form.values
    query = {name: text for name, text in parse_qsl(form.others) if name in KNOWN}
    given = {name: values[name] for name in SENT_PLAIN}
    if not form.for_others:
        given["to"] = form.author.email
    if values["what"] == What.BOARD:
        return given | {"query": {"board": values["board"]}, "numbers": values["numbers"]}
    if values["what"] == What.REPORT:
        query |= _report(form, query)
    else:
        query = {name: text for name, text in query.items() if name not in REPORT_ONLY}
    if values["what"] != What.CALLS:
        query = {name: text for name, text in query.items() if name not in SHAPES[What.CALLS]}
    query |= {key: ",".join(values[name]) for name, key in CHOSEN.items() if values[name]}
    return given | {"query": query, "numbers": values["numbers"]}


@dataclass(slots=True)
class PlaceForm:
    """Of a destination: ``values`` as the form shows them, dots for secrets; ``errors`` sentences by parameter."""

    values: Mapping[str, Any]
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def kinds(self) -> Choices:
        return PlaceKind.choices

    @property
    def secret(self) -> str:
        """Dots for one that stays; what was typed goes back into no page."""
        return KEPT if self.values["secret"] == KEPT else ""

    @property
    def private_key(self) -> str:
        return KEPT if self.values["private_key"] == KEPT else ""


def place_form(before: Destination | None = None) -> PlaceForm:
    plan = DestinationPlan() if before is None else place_plan_of(before)
    return PlaceForm({name: str(getattr(plan, name)) for name in PLACE_FIELDS})


def sent_place(data: QueryDict, before: Destination | None = None) -> PlaceForm:
    form = place_form(before)
    form.values = {**form.values, **{name: data[name] for name in PLACE_FIELDS if name in data}}
    return form


def _form(plan: SchedulePlan, author: Author, scope: Scope, keeper: Keeper) -> ScheduleForm:
    values = {name: getattr(plan, name) for name in PLAN_FIELDS if name != "query"}
    shown: dict[str, Any] = {
        name: value if isinstance(value, tuple | bool) else str(value) for name, value in values.items()
    }
    shown |= {name: [key for key in plan.query.get(of, "").split(",") if key] for name, of in CHOSEN.items()}
    named = plan.query.get("report", "")
    shown["report"] = READY + named if named else AS_ASKED
    shown["board"] = plan.query.get("board", "")
    others = {name: text for name, text in plan.query.items() if name not in (*CHOSEN.values(), "report", "board")}
    return ScheduleForm(shown, author, scope, keeper, urlencode(others))


def _report(form: ScheduleForm, query: Mapping[str, str]) -> dict[str, str]:
    """The question of the report that is chosen."""
    word = str(form.values["report"])
    nothing = dict.fromkeys(REPORT_ONLY, "")
    if word.startswith(READY):
        return nothing | {"report": word.removeprefix(READY)}
    if word.startswith(SAVED):
        found = next((view for view in views(form.keeper, ViewOf.REPORT) if view.id == _id(word)), None)
        asked = dict(parse_qsl(found.query)) if found else {}
        return nothing | {name: text for name, text in asked.items() if name in KNOWN}
    return dict(query)


def _parts(asked: Mapping[str, str]) -> tuple[list[str], list[str]]:
    by = asked.get("by", "")
    return asked["metrics"].split(","), by.split(",") if by else []


def _id(word: str) -> str:
    try:
        return str(UUID(word.removeprefix(SAVED)))
    except ValueError:
        return ""
