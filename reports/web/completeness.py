"""The completeness line: how much of the vendor's history stands behind the figures, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portal.formats import figures
from reports.queries.answer import Completeness, GapNote
from reports.understood import calls_read, elements_unread
from sync.taxonomy import Fault, Stream

FAULTS: dict[str, str | Promise] = {
    Fault.REJECTED: gettext_lazy("the vendor rejected the token"),
    Fault.FORBIDDEN: gettext_lazy("the token may not read this"),
    Fault.NOT_FOUND: gettext_lazy("the vendor does not know it"),
    Fault.REFUSED: gettext_lazy("the vendor refused the question"),
    Fault.THROTTLED: gettext_lazy("the vendor asked to wait"),
    Fault.SERVER: gettext_lazy("the vendor had an error"),
    Fault.TIMEOUT: gettext_lazy("the vendor did not answer in time"),
    Fault.NETWORK: gettext_lazy("the connection broke"),
    Fault.TRUNCATED: gettext_lazy("the answer was cut off"),
    Fault.NOT_JSON: gettext_lazy("the answer was not data"),
    Fault.FORM: gettext_lazy("the answer had an unknown form"),
    Fault.TOO_LARGE: gettext_lazy("the answer was too large"),
    Fault.ADDRESS: gettext_lazy("the vendor's address is not allowed"),
    Fault.DRIFT: gettext_lazy("the list moved while it was read"),
    Fault.EMPTY_PAGE: gettext_lazy("a page of the list was empty"),
    Fault.VANISHED: gettext_lazy("most of what was there is gone"),
    Fault.UNREADABLE: gettext_lazy("elements could not be understood"),
    Fault.LOST_LEASE: gettext_lazy("the reading was interrupted"),
    Fault.CLOCK: gettext_lazy("it was read by a clock that was ahead"),
}
STREAMS: dict[str, str | Promise] = {
    Stream.AGENTS: gettext_lazy("agents"),
    Stream.CALLS: gettext_lazy("calls"),
    Stream.CALLBACKS: gettext_lazy("callbacks"),
    Stream.CAMPAIGNS: gettext_lazy("campaigns"),
}
SHOWN_GAPS = 5


@dataclass(frozen=True, slots=True)
class CompletenessLine:
    """``reason`` leads the line where nothing else in it says what is missing: all of the days read is mirrored."""

    complete: bool
    parts: tuple[str, ...]
    gaps: tuple[str, ...]
    more_gaps: int
    reason: str = ""


def completeness_line(completeness: Completeness, zone: str, *, now: datetime) -> CompletenessLine:
    """``1,211 of 1,211 calls mirrored · complete as of 14:05 · 7 corrections since``, or what is missing and why."""
    parts = [_mirrored(completeness)] if completeness.as_of else [_("nothing read from the vendor yet")]
    if completeness.as_of:
        moment = {"moment": figures.moment(completeness.as_of, zone, now=now)}
        known = _("complete as of %(moment)s") if completeness.complete else _("last read at %(moment)s")
        parts.append(known % moment)
    if completeness.corrections:
        text = ngettext("%(n)s correction since", "%(n)s corrections since", completeness.corrections)
        parts.append(text % {"n": figures.decimal(completeness.corrections)})
    return CompletenessLine(
        complete=completeness.complete,
        parts=tuple(parts),
        gaps=tuple(_gap(note, zone, now) for note in completeness.gaps[:SHOWN_GAPS]),
        more_gaps=max(0, len(completeness.gaps) - SHOWN_GAPS),
        reason=_reason(completeness),
    )


def _mirrored(completeness: Completeness) -> str:
    """The vendor's total counts test calls too, so this says that its own does."""
    unread = calls_read(
        completeness.mirrored, completeness.vendor_total, completeness.quarantined, completeness.accepted
    )
    if unread:
        return unread
    mirrored, total = figures.decimal(completeness.mirrored), completeness.vendor_total
    if not (completeness.mirrored or total):
        return _("no call to mirror") if total == 0 else _("no call mirrored")
    if total is None:
        text = ngettext(
            "%(n)s call mirrored, test calls included",
            "%(n)s calls mirrored, test calls included",
            completeness.mirrored,
        )
        return text % {"n": mirrored}
    text = ngettext(
        "%(n)s of %(of)s call mirrored, test calls included",
        "%(n)s of %(of)s calls mirrored, test calls included",
        total,
    )
    return text % {"n": mirrored, "of": figures.decimal(total)}


def _reason(completeness: Completeness) -> str:
    if completeness.complete or not completeness.as_of:
        return ""
    if completeness.quarantined:
        return ""
    if completeness.vendor_total is not None and completeness.mirrored < completeness.vendor_total:
        return ""
    if completeness.gaps:
        return _("some of its days could not be read.")
    return _("some of its days are not read yet, or lie before the first day asked of the vendor.")


def _gap(note: GapNote, zone: str, now: datetime) -> str:
    where: Sequence[str] = (
        note.environment_name,
        str(STREAMS.get(note.stream, note.stream)),
        date_format(note.day, "MONTH_DAY_FORMAT") if note.day else "",
    )
    return _("%(where)s: %(fault)s, since %(moment)s") % {
        "where": " · ".join(part for part in where if part),
        "fault": elements_unread(note.quarantined) if note.quarantined else FAULTS.get(note.fault, note.fault),
        "moment": figures.moment(note.since, zone, now=now),
    }
