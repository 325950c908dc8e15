"""The facts of a call, as rows of words. What the vendor does not tell is named once, instead of standing empty."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from portal.formats import figures
from reports.dimensions import DIRECTION_LABELS, STATUS_LABELS
from reports.queries.detail import CallDetail
from reports.queries.recordings import Recording, Refusal
from reports.sides import SIDE_LABELS, Side, side_of
from reports.web.call.times import clock, stretch
from reports.web.call.words import source_word

# What a vendor's data never hold, by fact; the words stand in one sentence.
SILENT: Mapping[str, Mapping[str, str | Promise]] = {
    "talkover": {
        "answered": gettext_lazy("pick-up and ring time"),
        "ended": gettext_lazy("end"),
        "billed": gettext_lazy("billed time"),
        "hangup": gettext_lazy("who hung up and why"),
        "timeline": gettext_lazy("timeline"),
        "transcript": gettext_lazy("transcript"),
        "latency": gettext_lazy("latencies"),
        "recording": gettext_lazy("recording"),
    },
}
OUTCOMES: Mapping[str, tuple[str, str | Promise]] = {
    "connected": ("good", pgettext_lazy("one call", "connected")),
    "unreached": ("bad", pgettext_lazy("one call", "unreached")),
    "open": ("wait", pgettext_lazy("one call", "open")),
    "unresolved": ("warn", pgettext_lazy("one call", "unresolved")),
}
_NO_RECORDING: Mapping[str, str | Promise] = {
    Refusal.NONE: gettext_lazy("none for this call"),
    Refusal.UNREADABLE: gettext_lazy("what stands in its place is no address"),
    Refusal.NOT_HTTPS: gettext_lazy("not opened: its address is not https"),
    Refusal.HOST: gettext_lazy("not opened: its host is not among those an administrator allows"),
    Refusal.NUMBER: gettext_lazy("not opened: its address holds a number that you may not see"),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """``copied`` puts a copy button beside it; ``href`` makes it a link, ``outside`` one that leaves the portal."""

    label: str | Promise
    text: str
    note: str = ""
    href: str = ""
    copied: bool = False
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """``folds``: on a narrow screen it stands closed."""

    title: str | Promise
    facts: tuple[Fact, ...]
    folds: bool = False


def status_word(status: str) -> str:
    return str(STATUS_LABELS.get(status, status))


def direction_word(direction: str) -> str:
    return str(DIRECTION_LABELS.get(direction, direction))


def groups(found: CallDetail, tenant: str, zone: str) -> tuple[Group, ...]:
    """All that is known of a call in few words."""
    return (
        Group(_("Call"), _call(found, tenant)),
        Group(_("Times"), _times(found, zone)),
        Group(_("Vendor"), _vendor(found), folds=True),
        Group(_("Mirror"), _mirror(found, zone), folds=True),
    )


def untold(found: CallDetail) -> str:
    """What this vendor never tells, as a list in words."""
    return ", ".join(map(str, SILENT.get(found.provider, {}).values()))


def _call(found: CallDetail, tenant: str) -> tuple[Fact, ...]:
    row, calls = found.row, reverse("reports_web:calls", args=[tenant])
    agent_href = f"{calls}?agent={row['agent']}" if row["agent"] else ""
    facts = [
        Fact(_("Direction"), direction_word(row["direction"])),
        Fact(_("From"), figures.phone(row["from_number"]) or _("withheld")),
        Fact(_("To"), figures.phone(row["to_number"]) or _("withheld")),
        Fact(_("Agent"), row["agent_name"] or _("without an agent"), href=agent_href),
        Fact(_("Environment"), row["environment_name"], href=f"{calls}?environment={row['environment']}"),
    ]
    if "recording" not in SILENT.get(found.provider, {}):
        facts.append(_recording(found.recording))
    return tuple(facts)


def _times(found: CallDetail, zone: str) -> tuple[Fact, ...]:
    row, silent = found.row, SILENT.get(found.provider, {})
    guessed = _("guessed: the vendor tells no start with its time zone") if row["started_guessed"] else ""
    facts = [Fact(_("Started"), clock(row["started_at"], zone), note=guessed)]
    if "answered" not in silent:
        facts.append(Fact(_("Picked up"), clock(row["answered_at"], zone) or figures.NO_BASE))
        facts.append(Fact(_("Ring time"), _span(row["started_at"], row["answered_at"])))
    if "ended" not in silent:
        facts.append(Fact(_("Ended"), clock(row["ended_at"], zone) or figures.NO_BASE))
    facts.append(Fact(_("Duration"), _seconds(row["duration"])))
    if "billed" not in silent:
        facts.append(Fact(_("Billed"), _seconds(row["billed"])))
    return tuple(facts)


def _vendor(found: CallDetail) -> tuple[Fact, ...]:
    row, silent = found.row, SILENT.get(found.provider, {})
    facts = []
    if "hangup" not in silent:
        facts.append(Fact(_("Hung up by"), source_word(row["hangup_source"]) or figures.NO_BASE))
        side = side_of(row["hangup_cause"], row["status"]) if row["hangup_cause"] else ""
        note = str(SIDE_LABELS[side]) if side and side != Side.UNKNOWN else ""
        facts.append(Fact(_("Cause"), row["hangup_cause"] or figures.NO_BASE, note=note))
    facts.append(Fact(_("Vendor's id"), row["external_id"], copied=True))
    if row["sid"]:
        facts.append(Fact(_("Telephony id"), row["sid"], copied=True))
    return tuple(facts)


def _mirror(found: CallDetail, zone: str) -> tuple[Fact, ...]:
    row = found.row
    facts = [
        Fact(_("First mirrored"), clock(found.first_seen_at, zone)),
        Fact(_("Last changed here"), clock(row["changed_at"], zone)),
        Fact(_("As read at"), clock(found.read_at, zone)),
    ]
    if found.upstream_updated_at:
        facts.append(Fact(_("Vendor's last change"), clock(found.upstream_updated_at, zone)))
    return tuple(facts)


def _recording(recording: Recording) -> Fact:
    if recording.refusal is None:
        return Fact(_("Recording"), _("Open the recording"), note=recording.host, href=recording.url, outside=True)
    said = str(_NO_RECORDING[recording.refusal])
    return Fact(_("Recording"), said, note=recording.host)


def _span(start: datetime, end: datetime | None) -> str:
    if end is None or end < start:
        return figures.NO_BASE
    return stretch(end - start)


def _seconds(amount: Any) -> str:
    return figures.value(amount, "seconds")
