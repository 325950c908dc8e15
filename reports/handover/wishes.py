"""A schedule as somebody wishes it: read from a form or a JSON object alike."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from portal.outbox.text import one_line
from portal.tenants.models.people import Membership, User
from reports.definitions.filters import FILTERS
from reports.files.as_csv import DIALECTS
from reports.files.formats import FORMATS, offered
from reports.files.models import TABLES, What
from reports.files.orders import SHAPES, DoesNotFit, read_order
from reports.handover.access import scope_now
from reports.handover.models import LONGEST_NAME, LONGEST_QUERY, Destination, ExportSchedule, Way
from reports.handover.reading import WishReader
from reports.handover.rows import ENDED, STANDING
from reports.mail.content import NotOpen, open_views, saved_board
from reports.mail.due import Kind, next_due, period_of
from reports.mail.log import REASONS
from reports.mail.models import MissedPeriods
from reports.mail.plans import EVERY, LANGUAGES, MOST_HOURS
from reports.mail.rights import Author, NotAllowed
from reports.queries.agents import agents
from reports.queries.environments import environments
from reports.queries.question import QuestionError
from reports.queries.scope import Scope
from reports.saved.models import Board

MOST_READERS = 50
PERSONAL = frozenset({"number", "number_match", "contact", "line"})  # a schedule is about no single person
TIMED = frozenset({"date_from", "date_to", "period", "zone", "compare_from", "compare_to"})  # what the period says
BOARDS_FORM = "xlsx"  # the one that holds several tables
LISTS = (What.WAITING.value, What.CAMPAIGNS.value)  # that may be taken as they stand
ZONED = (
    What.CALLS.value,
    What.REPORT.value,
    What.BOARD.value,
)  # that are told in any zone, the others in the company's


@dataclass(frozen=True, slots=True)
class SchedulePlan:
    """``query`` are the parameters of the list or the report, as an address has them, without days; of a board its id.
    ``weekday`` counts from 1, Monday, and only for weekly files. ``days`` names those of the file, "" for the period of
    its rhythm. ``to`` are addresses of members, ``destination`` a public id; ``numbers`` whether whole numbers are
    allowed.
    """

    name: str = ""
    what: str = What.CALLS.value
    query: Mapping[str, str] = field(default_factory=dict)
    format: str = "csv"
    dialect: str = "csv"
    language: str = ""
    every: str = "day"
    weekday: int = 1
    hour: int = 6
    zone: str = ""
    days: str = ""
    way: str = Way.LINKED.value
    to: tuple[str, ...] = ()
    destination: str = ""
    numbers: bool = False
    wait_hours: int = 6
    then: str = "warn"
    missed: str = MissedPeriods.EACH.value
    paused: bool = False

    @property
    def kind(self) -> Kind:
        return EVERY[self.every]

    def columns(self) -> dict[str, Any]:
        """What stands in the row of a schedule, but for where it goes and what may be seen."""
        return {
            "name": self.name,
            "what": self.what,
            "query": urlencode(dict(self.query)),
            "format": self.format,
            "dialect": self.dialect if self.format == "csv" else "",
            "language": self.language,
            "kind": self.kind.value,
            "weekday": self.weekday - 1,
            "hour": self.hour,
            "zone": self.zone,
            "span": self.days,
            "way": self.way,
            "hold_hours": self.wait_hours,
            "holds": self.then == "hold",
            "missed": self.missed,
            "active": not self.paused,
        }


PLAN_FIELDS = tuple(each.name for each in fields(SchedulePlan))


def plan_of(schedule: ExportSchedule) -> SchedulePlan:
    """The plan by which a schedule stands; its readers are prefetched."""
    return SchedulePlan(
        name=schedule.name,
        what=schedule.what,
        query=dict(parse_qsl(schedule.query)),
        format=schedule.format,
        dialect=schedule.dialect or "csv",
        language=schedule.language,
        every=next(word for word, kind in EVERY.items() if kind == schedule.kind),
        weekday=schedule.weekday + 1,
        hour=schedule.hour,
        zone=schedule.zone,
        days=schedule.span,
        way=schedule.way,
        to=tuple(reader.user.email for reader in schedule.readers.all()),
        destination=str(schedule.destination.public_id) if schedule.destination else "",
        numbers=schedule.grant.sees_numbers,
        wait_hours=schedule.hold_hours,
        then="hold" if schedule.holds else "warn",
        missed=schedule.missed,
        paused=not schedule.active,
    )


def new_plan(author: Author) -> SchedulePlan:
    tenant = author.tenant
    own = (author.email,) if author.email else ()
    form = next(iter(offered()))
    return SchedulePlan(zone=tenant.zone, language=tenant.language, to=own, format=form)


def members(plan: SchedulePlan) -> list[User]:
    """The members whom a plan names, by address."""
    rows = Membership.objects.filter(user__email__in=plan.to, user__is_active=True).select_related("user")
    found = {row.user.email.lower(): row.user for row in rows}
    return [found[email] for email in plan.to if email in found]


def destination_of(plan: SchedulePlan) -> Destination | None:
    """The one that a plan names; it was looked up when the plan was read."""
    return Destination.objects.filter(public_id=plan.destination).first() if plan.destination else None


def read_plan(values: Mapping[str, Any], author: Author, *, before: ExportSchedule | None = None) -> SchedulePlan:
    """The plan that ``values`` make: of a new schedule, or of one that stands and keeps what is not among them.

    ``values`` may hold the names of :data:`PLAN_FIELDS` and no other. Raises QuestionError with a sentence for each bad
    one. The wall must be open.
    """
    stands = plan_of(before) if before is not None else new_plan(author)
    scope = author.scope if before is None else author.scope.within(Scope.of(before.grant))
    reader = _PlanReader(values, stands, author, scope)
    reader.maker = _maker(author, before)
    plan = reader.plan()
    if reader.errors:
        raise QuestionError(reader.errors)
    return plan


def _maker(author: Author, before: ExportSchedule | None) -> User | None:
    """In whose name the schedule goes on: that of whoever made it, as long as his rights stand."""
    if before is not None:
        with suppress(NotAllowed):
            scope_now(before)
            return before.creator if before.key_id is None else None
    return author.user if author.key is None else None


class _PlanReader(WishReader):
    def __init__(self, values: Mapping[str, Any], stands: SchedulePlan, author: Author, scope: Scope) -> None:
        super().__init__(values, stands, PLAN_FIELDS)
        self.author, self.scope = author, scope
        self.maker: User | None = None  # whose own boards it may export

    def plan(self) -> SchedulePlan:
        what, way, form = self.choice("what", TABLES), self.choice("way", Way.values), self._format()
        plan = SchedulePlan(
            name=self.line("name", LONGEST_NAME, needed=_("Give the schedule a name.")),
            what=what,
            query=self._board(form) if what == What.BOARD else self._query(),
            format=form,
            dialect=self.choice("dialect", tuple(DIALECTS)) if form == "csv" else "csv",
            language=self.choice("language", LANGUAGES),
            every=self.choice("every", tuple(EVERY)),
            weekday=self.whole("weekday", 1, 7),
            hour=self.whole("hour", 0, 23),
            zone=self._zone(what),
            days=self._days(what),
            way=way,
            to=() if way == Way.PUT else self._to(),
            destination=self._destination() if way == Way.PUT else "",
            numbers=self._numbers(),
            wait_hours=self.whole("wait_hours", 0, MOST_HOURS),
            then=self.choice("then", ("warn", "hold")),
            missed=self.choice("missed", MissedPeriods.values),
            paused=self.flag("paused"),
        )
        if not self.errors and what != What.BOARD:
            self._check_question(plan)
        return plan

    def _format(self) -> str:
        form = self.choice("format", tuple(FORMATS))
        if FORMATS[form].lack and form != self.stands.format:
            self.errors["format"] = FORMATS[form].lack
        return form

    def _zone(self, what: str) -> str:
        zone = self.zone()
        if what not in ZONED and zone != self.scope.zone:
            self.errors.setdefault("zone", _("This list is told in the company's own time zone."))
        return zone

    def _days(self, what: str) -> str:
        return self.choice("days", ("", *ENDED, *((STANDING,) if what in LISTS else ())))

    def _query(self) -> Mapping[str, str]:
        given = self.given("query")
        if isinstance(given, str):
            given = dict(parse_qsl(given.removeprefix("?")))
        if not isinstance(given, Mapping):
            self.errors["query"] = _("This is an object of parameters, or the query of an address.")
            return {}
        texts = {str(name): _joined(value) for name, value in given.items()}
        params = {name: text for name, text in texts.items() if text and name not in TIMED}
        known = {*FILTERS, "status", *(name for names in SHAPES.values() for name in names)} - PERSONAL - {"title"}
        if unknown := [name for name in params if name not in known]:
            text = _("“%(word)s” is nothing that a schedule can ask for.")
            self.errors["query"] = text % {"word": one_line(unknown[0], limit=40)}
        elif len(urlencode(params)) > LONGEST_QUERY:
            self.errors["query"] = _("This has at most %(most)s characters.") % {"most": LONGEST_QUERY}
        elif not self._are_seen(params):
            self.errors["query"] = _("One of these is nothing that this schedule could show.")
        return params

    def _board(self, form: str) -> Mapping[str, str]:
        """That of a board names it and nothing else: its reports have filters of their own."""
        if form != BOARDS_FORM:
            self.errors.setdefault("format", _("A board is exported as a workbook with a sheet for each report: XLSX."))
        given = self.given("query")
        params = dict(parse_qsl(given.removeprefix("?"))) if isinstance(given, str) else given
        wanted = _id(str(params.get("board", ""))) if isinstance(params, Mapping) else ""
        if not wanted or set(params) - TIMED != {"board"}:
            self.errors["query"] = _("Name the board by its id, as “board”, and nothing else.")
            return {}
        query = {"board": wanted}
        if query == self.stands.query:  # it may rest, and be paused or changed none the less
            return query
        try:
            board = saved_board(UUID(wanted), self.author)
            open_views(board, self.author.tenant, self.maker)
        except Board.DoesNotExist:
            self.errors["query"] = _("There is no such board.")
        except NotOpen as reason:
            self.errors["query"] = str(REASONS[str(reason)])
        return query

    def _are_seen(self, params: Mapping[str, str]) -> bool:
        """An environment or agent that the author cannot see is answered like one that nobody has."""
        homes = {str(public_id) for public_id in environments(self.scope).values_list("public_id", flat=True)}
        asked = {_id(word) for word in params.get("environment", "").split(",") if word}
        of_agents = [params.get(name, "") for name in ("agent", "source_agent")]
        people = {_id(word) for text in of_agents for word in text.split(",") if word}
        own = set(map(str, agents(self.scope).values_list("public_id", flat=True))) if people else set()
        return homes.issuperset(asked) and own.issuperset(people)

    def _check_question(self, plan: SchedulePlan) -> None:
        """Whether all of it can be asked, of the period that would be due next. One that has outgrown its format can
        still be paused or renamed."""
        rhythm = ExportSchedule(**plan.columns()).rhythm
        period = period_of(rhythm, next_due(rhythm, timezone.now()))
        days = {"date_from": period.start.isoformat(), "date_to": period.last_day.isoformat()}
        timed = {} if plan.days == STANDING else days | ({"zone": plan.zone} if plan.what in ZONED else {})
        try:
            read_order({**plan.query, **timed, "what": plan.what, "format": plan.format}, self.scope)
        except DoesNotFit as error:
            asked = ("what", "query", "format", "every", "days")
            if any(getattr(plan, name) != getattr(self.stands, name) for name in asked):
                self.errors |= error.errors
        except QuestionError as error:
            self.errors |= {name if name in PLAN_FIELDS else "query": text for name, text in error.errors.items()}

    def _to(self) -> tuple[str, ...]:
        given = self.given("to")
        if isinstance(given, str):
            given = given.replace(",", " ").replace(";", " ").split()
        words = given if isinstance(given, list | tuple) else []
        addresses = tuple(dict.fromkeys(str(each).strip().lower() for each in words if str(each).strip()))
        if not addresses:
            self.errors["to"] = _("Say to whom the files go.")
        elif len(addresses) > MOST_READERS:
            self.errors["to"] = _("One mail goes to at most %(most)s addresses.") % {"most": MOST_READERS}
        elif not self.author.manages and set(addresses) != {self.author.email}:
            self.errors["to"] = _("You may have mails sent to yourself only, %(email)s.") % {"email": self.author.email}
        else:
            known = Membership.objects.filter(user__email__in=addresses, user__is_active=True)
            strangers = set(addresses) - set(known.values_list("user__email", flat=True)) - set(self.stands.to)
            if strangers:
                text = _("Files are mailed to members of the company only, and “%(word)s” is none.")
                self.errors["to"] = text % {"word": one_line(min(strangers), limit=80)}
        return addresses

    def _destination(self) -> str:
        if not self.author.manages:
            self.errors["way"] = _("Only managers and owners may have files put into a folder or bucket.")
            return ""
        wanted = _id(str(self.given("destination") or ""))
        rows = Destination.objects.filter(removed_at=None)
        found = rows.filter(public_id=wanted).first() if wanted else None
        if found is None:
            self.errors["destination"] = _("Say into which folder or bucket the files go.")
        elif not found.ready:
            self.errors["destination"] = _("The key of this server is not confirmed yet.")
        return wanted if found is not None else ""

    def _numbers(self) -> bool:
        wanted = self.flag("numbers")
        if wanted and "numbers" in self.values and not self.author.scope.sees_numbers:
            self.errors["numbers"] = _("You do not see whole numbers yourself.")
        return wanted


def _id(text: str) -> str:
    """The id as it is written here; "" for none at all."""
    try:
        return str(UUID(text.strip()))
    except ValueError:
        return ""


def _joined(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
