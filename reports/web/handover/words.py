"""Schedules, destinations and handovers as the lines of a page tell them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.formats import figures
from portal.outbox.models import Message
from portal.outbox.models import State as MailState
from reports.files.formats import FORMATS
from reports.files.models import State, What
from reports.handover import words
from reports.handover.access import ShownSchedule, may_read
from reports.handover.destinations import fingerprint
from reports.handover.models import OPEN, Destination, ExportSchedule, Handover, HandoverState

_MARKS = {HandoverState.SENT: "good", HandoverState.FAILED: "bad", HandoverState.HELD: "warn"}
_MAILS = {MailState.SENT: "good", MailState.FAILED: "bad", MailState.UNKNOWN: "warn", MailState.SUPPRESSED: "off"}


@dataclass(frozen=True, slots=True)
class ScheduleLine:
    schedule: ExportSchedule
    what: str
    rhythm: str
    goes_to: str
    due: str
    last: str
    mark: str


@dataclass(frozen=True, slots=True)
class MailLine:
    """How one reader's mail stands."""

    to: str
    state: str
    mark: str


@dataclass(frozen=True, slots=True)
class HandoverLine:
    """``has_file`` where whoever looks may have the file still."""

    handover: Handover
    days: str
    state: str
    mark: str
    told: str
    reason: str
    reply: str
    mails: tuple[MailLine, ...]
    has_file: bool
    again: bool


@dataclass(frozen=True, slots=True)
class PlaceLine:
    destination: Destination
    kind: str
    place: str
    known: str
    waits: str


def schedule_line(shown: ShownSchedule, last: Handover | None, now: datetime) -> ScheduleLine:
    row = shown.schedule
    form = FORMATS[row.format].label if row.format in FORMATS else row.format
    return ScheduleLine(
        schedule=row,
        what=f"{What(row.what).label} · {form}",
        rhythm=words.rhythm(row),
        goes_to=words.goes_to(row),
        due=due(row, now),
        last=_state(last) if last is not None else "",
        mark=_MARKS.get(HandoverState(last.state), "off") if last is not None else "",
    )


def due(row: ExportSchedule, now: datetime) -> str:
    """When it is due next, in its own zone; empty while it is paused."""
    return figures.moment(row.next_due, row.zone, now=now) if row.active and row.next_due else ""


def handover_lines(
    rows: Iterable[Handover], mails: Mapping[int, Sequence[Message]], reader: int | None, *, whole: bool, now: datetime
) -> list[HandoverLine]:
    """``reader`` is the member who looks; ``whole`` where he may change the schedule, and then reads every reply."""
    return [_line(row, mails.get(row.pk, ()), reader, whole=whole, now=now) for row in rows]


def place_line(destination: Destination) -> PlaceLine:
    return PlaceLine(
        destination,
        str(destination.get_kind_display()),
        words.place(destination),
        fingerprint(destination.host_key),
        fingerprint(destination.seen_key),
    )


def _line(row: Handover, mails: Sequence[Message], reader: int | None, *, whole: bool, now: datetime) -> HandoverLine:
    period = row.period
    days = figures.days(period.start, period.last_day)
    held = words.reason(row.reason)
    ready = row.export is not None and row.export.state == State.READY and row.state == HandoverState.SENT
    return HandoverLine(
        handover=row,
        days=_("%(days)s, a trial") % {"days": days} if row.press else days,
        state=_state(row),
        mark=_MARKS.get(HandoverState(row.state), "off"),
        told=_told(row, now),
        reason=held,
        reply=words.reply(row) if whole else "",
        mails=tuple(
            MailLine(mail.to, str(mail.get_state_display()), _MAILS.get(MailState(mail.state), "warn"))
            for mail in mails
            if whole
        ),
        has_file=ready and reader is not None and may_read(reader, row),
        again=whole and row.state not in OPEN,
    )


def _state(row: Handover) -> str:
    text = str(row.get_state_display())
    if row.state == HandoverState.SENT and row.complete is False:
        return _("%(state)s, incomplete") % {"state": text}
    return text


def _told(row: Handover, now: datetime) -> str:
    """The file's size and the time, as far as there is one; when it is tried next, as long as it is open."""
    if row.state == HandoverState.SENT and row.manifest:
        file = row.manifest["files"][0]
        rows = ngettext("%(n)s row", "%(n)s rows", file["rows"]) % {"n": figures.decimal(file["rows"])}
        when = figures.moment(row.finished_at, row.zone, now=now) if row.finished_at else ""
        return " · ".join(filter(None, (when, rows, filesizeformat(file["bytes"]), _("late") if row.late else "")))
    if row.state in OPEN and row.next_attempt_at and row.next_attempt_at > now:
        return _("next look %(moment)s") % {"moment": figures.moment(row.next_attempt_at, row.zone, now=now)}
    return figures.moment(row.finished_at, row.zone, now=now) if row.finished_at else ""
