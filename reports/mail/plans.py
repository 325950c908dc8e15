"""A scheduled mail as somebody wishes it: read from a form, a JSON object or a command's options alike."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.outbox.text import one_line
from portal.tenants.models.people import Membership
from portal.tenants.models.tenants import validate_zone
from reports.definitions.filters import whole_number
from reports.mail.content import is_open, saved_board, saved_report
from reports.mail.due import Kind
from reports.mail.enclosed import LABELS, choices
from reports.mail.lists import NotListed, addresses, listed
from reports.mail.models import Contents, MissedPeriods, Recipient, Subscription
from reports.mail.rights import Author
from reports.mail.sections import LONGEST_NOTE, LONGEST_SUBJECT, SECTIONS, chosen
from reports.queries.agents import agents
from reports.queries.environments import environments
from reports.queries.question import QuestionError
from reports.queries.scope import Scope
from reports.saved.keeping import about_one
from reports.saved.models import Board, SavedView

EVERY = {"day": Kind.DAILY, "week": Kind.WEEKLY, "month": Kind.MONTHLY}
NAMES = {
    Kind.DAILY: gettext_lazy("Daily calls"),
    Kind.WEEKLY: gettext_lazy("Weekly calls"),
    Kind.MONTHLY: gettext_lazy("Monthly calls"),
}
LANGUAGES = tuple(code for code, _name in settings.LANGUAGES)
LONGEST_NAME, MOST_HOURS = 120, 20
COMPARED = ("previous", "none")  # as a report's address has it
MONDAY, USUAL_HOUR, USUAL_WAIT = 1, 8, 6


@dataclass(frozen=True, slots=True)
class Plan:
    """``weekday`` counts from 1, Monday, and only for weekly mails; daily ones come each day, monthly ones on the
    first. ``environments`` and ``agents`` are public ids, none for all that the mail may show. ``languages`` are those
    of readers, by address, who read it in another than ``language``; ``reply_to`` is the address of a member. What
    ``shows`` a saved ``report`` or a ``board`` names it, and has its filters in the place of environments and agents.
    """

    to: tuple[str, ...] = ()
    name: str = ""
    every: str = "week"
    weekday: int = MONDAY
    hour: int = USUAL_HOUR
    zone: str = ""
    language: str = ""
    environments: tuple[UUID, ...] = ()
    agents: tuple[UUID, ...] = ()
    wait_hours: int = USUAL_WAIT
    then: str = "warn"
    shows: str = Contents.SECTIONS.value
    report: UUID | None = None
    board: UUID | None = None
    compare: str = "previous"
    chart: bool = True
    sections: tuple[str, ...] = SECTIONS
    attachments: tuple[str, ...] = ()
    subject: str = ""
    note: str = ""
    empty: str = "send"
    missed: str = MissedPeriods.LATEST.value
    reply_to: str = ""
    languages: Mapping[str, str] = field(default_factory=dict)
    paused: bool = False

    @property
    def kind(self) -> Kind:
        return EVERY[self.every]

    def filters(self, before: str = "") -> str:
        """The query string of what is chosen; other filters stay as they were."""
        chosen = {"environment": self.environments, "agent": self.agents}
        others = {name: value for name, value in parse_qsl(before) if name not in chosen}
        return urlencode(others | {name: ",".join(map(str, ids)) for name, ids in chosen.items() if ids})


FIELDS = tuple(each.name for each in fields(Plan))


def plan_of(subscription: Subscription) -> Plan:
    """The plan by which a mail stands; one query."""
    readers = readers_of(subscription)
    filters = dict(parse_qsl(subscription.filters))
    language = subscription.language or (readers[0].language if readers else subscription.tenant.language)
    return Plan(
        to=tuple(reader.email for reader in readers),
        name=subscription.name,
        every=next(word for word, kind in EVERY.items() if kind == subscription.kind),
        weekday=subscription.weekday + 1,
        hour=subscription.hour,
        zone=subscription.zone,
        language=language,
        languages={reader.email: reader.language for reader in readers if reader.language != language},
        environments=_ids(filters.get("environment", "")),
        agents=_ids(filters.get("agent", "")),
        wait_hours=subscription.hold_hours,
        then="hold" if subscription.holds else "warn",
        shows=subscription.shows,
        report=subscription.view.public_id if subscription.view is not None else None,
        board=subscription.board.public_id if subscription.board is not None else None,
        compare="previous" if subscription.compares else "none",
        chart=subscription.chart,
        sections=subscription.parts,
        attachments=tuple(key for key in LABELS if key in subscription.attachments),
        subject=subscription.subject,
        note=subscription.note,
        empty="skip" if subscription.skips_empty else "send",
        missed=subscription.missed,
        reply_to=subscription.reply_to.email.lower() if subscription.reply_to is not None else "",
        paused=not subscription.active,
    )


def readers_of(subscription: Subscription) -> list[Recipient]:
    """Those it is meant for, also who has left or not confirmed yet, in the order they were added."""
    return [row for row in subscription.recipients.all() if row.removed_at is None]


def read_plan(values: Mapping[str, Any], author: Author, *, before: Subscription | None = None) -> Plan:
    """The plan that ``values`` make: of a new mail, or of one that stands and keeps what is not among them.

    ``values`` may hold the names of :data:`FIELDS` and no other. Raises QuestionError with a sentence for each bad one.
    The wall must be open.
    """
    stands = plan_of(before) if before is not None else Plan(zone=author.tenant.zone, language=author.tenant.language)
    scope = author.scope
    if before is not None and before.grant is not None:
        scope = scope.within(Scope.of(before.grant))
    reader = _Reader(values, stands, author)
    if before is not None:
        reader.creator_id, reader.rests = before.creator_id, bool(before.rests)
    plan = reader.plan(scope)
    if reader.errors:
        raise QuestionError(reader.errors)
    return plan


class _Reader:
    def __init__(self, values: Mapping[str, Any], stands: Plan, author: Author) -> None:
        self.values = values
        self.creator_id, self.rests = _creator(author), False
        self.stands = stands
        self.author = author
        self.errors = {name: _("This parameter is not known here.") for name in values if name not in FIELDS}

    def plan(self, scope: Scope) -> Plan:
        language = self.choice("language", LANGUAGES)
        every = self.choice("every", tuple(EVERY))
        with translation.override(language):
            usual = str(NAMES[EVERY[every]])
        to = self.to()
        shows, report, board = self.content()
        own = shows == Contents.SECTIONS  # what is saved has filters of its own
        return Plan(
            to=to,
            name=self.name() or usual,
            every=every,
            weekday=self.weekday(every),
            hour=self.whole("hour", 0, 23),
            zone=self.zone(),
            language=language,
            environments=self.chosen("environments", environments(scope).values_list("public_id", flat=True), own=own),
            agents=self.chosen("agents", agents(scope).values_list("public_id", flat=True), own=own),
            shows=shows,
            report=report,
            board=board,
            wait_hours=self.whole("wait_hours", 0, MOST_HOURS),
            then=self.choice("then", ("warn", "hold")),
            compare=self.choice("compare", COMPARED),
            chart=self.flag("chart"),
            sections=self.sections(),
            attachments=self.attachments(),
            subject=self.text("subject", LONGEST_SUBJECT),
            note=self.text("note", LONGEST_NOTE, several_lines=True),
            empty=self.choice("empty", ("send", "skip")),
            missed=self.choice("missed", tuple(MissedPeriods.values)),
            reply_to=self.reply_to(),
            languages=self.languages(to, language),
            paused=self.paused(shows, report or board),
        )

    def given(self, name: str) -> Any:
        """The value of a parameter; what stands where it is not among the values."""
        return self.values.get(name, getattr(self.stands, name))

    def to(self) -> tuple[str, ...]:
        try:
            readers = addresses(self.given("to"), self.author, self.stands.to)
        except NotListed as refusal:
            self.errors["to"] = str(refusal)
            return ()
        if not readers:
            self.errors["to"] = _("Say to whom the mail goes.")
        return readers

    def name(self) -> str:
        """What it is called; empty for the usual name, also where the usual one stood before."""
        text = one_line(str(self.given("name") or ""), limit=LONGEST_NAME + 1)
        if len(text) > LONGEST_NAME:
            self.errors["name"] = _("A name has at most %(most)s characters.") % {"most": LONGEST_NAME}
        return "" if text in _usual_names() else text

    def content(self) -> tuple[str, UUID | None, UUID | None]:
        """What it shows, and which report or board that is. Naming one is enough to choose it, naming none of what it
        showed to choose parts of a report again."""
        ids = {name: self.saved_id(name) for name in ("report", "board")}
        named = [name for name in ids if self.values.get(name)]
        shows = self.choice("shows", tuple(Contents.values))
        if "shows" not in self.values and (named or shows in self.values):
            shows = named[0] if named else Contents.SECTIONS.value
        if len(named) > 1 or (named and shows not in named):
            self.errors["board"] = _("A mail shows parts of a report, or one saved report, or one board.")
        if shows == Contents.SECTIONS:
            return shows, None, None
        key = ids[shows]
        if key is None:
            self.errors.setdefault(shows, _("Choose what the mail shows: it is not there."))
        elif key != getattr(self.stands, shows):
            self.demand_open(shows, key)
        return (shows, key, None) if shows == Contents.REPORT else (shows, None, key)

    def saved_id(self, name: str) -> UUID | None:
        value = self.given(name)
        try:
            return UUID(str(value)) if value else None
        except ValueError:
            self.errors[name] = _("This is not there.")
            return None

    def demand_open(self, shows: str, key: UUID) -> None:
        """It has to be one that he may open, and that the mail may show for as long as it goes out."""
        try:
            found: SavedView | Board = (
                saved_report(key, self.author) if shows == Contents.REPORT else saved_board(key, self.author)
            )
        except ObjectDoesNotExist:
            self.errors[shows] = _("This is not there.")
            return
        if not is_open(found, self.creator_id):
            self.errors[shows] = _("It has to be shared with every member, or to be of whoever set the mail up.")
        elif isinstance(found, SavedView) and about_one(found.query):
            self.errors[shows] = _("What is about a phone number or one contact is not mailed.")

    def sections(self) -> tuple[str, ...]:
        """Those that are chosen, in their order; all in the usual one where none is."""
        names = listed(self.given("sections"))
        if unknown := [name for name in names if name not in SECTIONS]:
            self.errors["sections"] = _("“%(word)s” is none of %(choices)s.") % {
                "word": one_line(unknown[0], limit=40),
                "choices": ", ".join(SECTIONS),
            }
        return chosen(names) or SECTIONS

    def attachments(self) -> tuple[str, ...]:
        """What is chosen; what was chosen before stays, though it can't be made here any more."""
        names, allowed = listed(self.given("attachments")), (*choices(), *self.stands.attachments)
        if unknown := [name for name in names if name not in allowed]:
            self.errors["attachments"] = _("“%(word)s” is none of %(choices)s.") % {
                "word": one_line(unknown[0], limit=40),
                "choices": ", ".join(choices()),
            }
        return tuple(key for key in LABELS if key in names)

    def text(self, name: str, longest: int, *, several_lines: bool = False) -> str:
        written = str(self.given(name) or "").replace("\r\n", "\n").replace("\0", "").strip()
        if len(written) > longest:
            self.errors[name] = _("This has at most %(most)s characters.") % {"most": longest}
        return written[:longest] if several_lines else one_line(written, limit=longest)

    def weekday(self, every: str) -> int:
        if "weekday" in self.values and every != "week":
            self.errors["weekday"] = _(
                "Only a weekly mail has a weekday: daily ones come each day, monthly ones on the 1st."
            )
        return self.whole("weekday", 1, 7)

    def reply_to(self) -> str:
        """The address of a member; who may write to himself alone has answers come to himself."""
        if "reply_to" not in self.values:
            return self.stands.reply_to
        email = one_line(str(self.given("reply_to") or ""), limit=254).lower()
        may = not email or email == self.author.email or self.author.manages
        if not may or (email and not Membership.objects.filter(user__email=email, user__is_active=True).exists()):
            self.errors["reply_to"] = _("Answers go to a member of this company.")
        return email

    def languages(self, to: tuple[str, ...], usual: str) -> dict[str, str]:
        given = self.given("languages")
        if not isinstance(given, Mapping):
            self.errors["languages"] = _("This is an object of addresses and their languages.")
            return {}
        chosen = {str(email).strip().lower(): language for email, language in given.items()}
        if "languages" in self.values and not set(to).issuperset(chosen):
            self.errors["languages"] = _("One of these addresses is not among those that the mail goes to.")
        if any(language not in LANGUAGES for language in chosen.values()):
            self.errors["languages"] = _("A language is one of %(choices)s.") % {"choices": ", ".join(LANGUAGES)}
        return {email: chosen[email] for email in to if chosen.get(email, usual) != usual}

    def zone(self) -> str:
        name = str(self.given("zone") or "")
        try:
            validate_zone(name)
        except ValidationError:
            self.errors["zone"] = _("“%(zone)s” is not a time zone such as America/Sao_Paulo.") % {"zone": name}
        return name

    def whole(self, name: str, first: int, last: int) -> int:
        value = self.given(name)
        text = "" if isinstance(value, bool) else str(value)
        number = whole_number(text, first, last)
        if number is None:
            self.errors.setdefault(
                name,
                _("“%(word)s” is no whole number from %(first)s to %(last)s.")
                % {"word": one_line(str(value), limit=40), "first": first, "last": last},
            )
            return first
        return number

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        word = str(self.given(name))
        if word not in choices:
            self.errors[name] = _("“%(word)s” is none of %(choices)s.") % {
                "word": one_line(word, limit=40),
                "choices": ", ".join(choices),
            }
            return choices[0]
        return word

    def paused(self, shows: str, key: UUID | None) -> bool:
        """One that rests goes on once it shows something else."""
        other = (shows, key) != (self.stands.shows, self.stands.report or self.stands.board)
        return self.flag("paused") and not (self.rests and other and "paused" not in self.values)

    def flag(self, name: str) -> bool:
        value = self.given(name)
        if not isinstance(value, bool):
            self.errors[name] = _("This is “true” or “false”.")
        return value is True

    def chosen(self, name: str, allowed: Iterable[UUID], *, own: bool = True) -> tuple[UUID, ...]:
        """Public ids; one that the mail cannot show is answered like one that nobody has. None, where the mail has no
        filters of its ``own``."""
        words = listed(self.given(name) if own else self.values.get(name))
        if words and not own:
            self.errors[name] = _("What is saved has filters of its own: change them there.")
            return ()
        ids = _ids(",".join(words))
        if len(ids) != len(dict.fromkeys(words)) or not set(allowed).issuperset(ids):
            self.errors[name] = _("One of these is nothing that this mail could show.")
        return ids


def _creator(author: Author) -> int | None:
    return author.user.pk if author.user is not None and author.key is None else None


def _usual_names() -> set[str]:
    names = set()
    for language in LANGUAGES:
        with translation.override(language):
            names |= {str(name) for name in NAMES.values()}
    return names


def _ids(text: str) -> tuple[UUID, ...]:
    """The ids of a comma list, as far as they are ids; each once."""
    ids = []
    for word in filter(None, text.split(",")):
        try:
            ids.append(UUID(word))
        except ValueError:
            continue
    return tuple(dict.fromkeys(ids))
