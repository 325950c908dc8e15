"""The facts of a call, as rows of words. What the vendor does not tell is named once, instead of standing empty."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.formats import figures
from reports.definitions.ended_by import SIDE_LABELS, Side, side_of
from reports.definitions.labels import CALL_OUTCOME_LABELS, DIRECTION_LABELS, STATUS_LABELS
from reports.queries.calls.detail import CallDetail
from reports.queries.calls.recordings import Recording, Refusal
from reports.web.call.times import clock, stretch
from reports.web.call.words import source_word
from sync import taxonomy

# What is known of a call where its vendor tells it; what it does not tell is named in one sentence of these words.
OF_A_CALL: Mapping[taxonomy.Fact, str | Promise] = {
    taxonomy.Fact.PICK_UP: gettext_lazy("pick-up and ring time"),
    taxonomy.Fact.END: gettext_lazy("end"),
    taxonomy.Fact.BILLED_TIME: gettext_lazy("billed time"),
    taxonomy.Fact.HANG_UP: gettext_lazy("who hung up and why"),
    taxonomy.Fact.TIMELINE: gettext_lazy("timeline"),
    taxonomy.Fact.TRANSCRIPT: gettext_lazy("transcript"),
    taxonomy.Fact.LATENCIES: gettext_lazy("latencies"),
    taxonomy.Fact.RECORDING: gettext_lazy("recording"),
}
OUTCOME_MARKS = {"connected": "good", "unreached": "missed", "open": "wait", "unresolved": "warn"}
OUTCOMES: Mapping[str, tuple[str, str | Promise]] = {
    word: (OUTCOME_MARKS[word], label) for word, label in CALL_OUTCOME_LABELS.items()
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


def groups(call_detail: CallDetail, tenant: str, zone: str) -> tuple[Group, ...]:
    """All that is known of a call in few words."""
    return (
        Group(_("Call"), _call(call_detail, tenant)),
        Group(_("Times"), _times(call_detail, zone)),
        Group(_("Vendor"), _vendor(call_detail), folds=True),
        Group(_("Mirror"), _mirror(call_detail, zone), folds=True),
    )


def untold(call_detail: CallDetail) -> str:
    """What this vendor never tells, as a list in words."""
    return ", ".join(str(words) for fact, words in OF_A_CALL.items() if fact not in call_detail.facts)


def _call(call_detail: CallDetail, tenant: str) -> tuple[Fact, ...]:
    row, calls = call_detail.row, reverse("reports_web:calls", args=[tenant])
    agent_href = f"{calls}?agent={row['agent']}" if row["agent"] else ""
    facts = [
        Fact(_("Direction"), direction_word(row["direction"])),
        Fact(_("From"), figures.phone(row["from_number"]) or _("withheld")),
        Fact(_("To"), figures.phone(row["to_number"]) or _("withheld")),
        Fact(_("Agent"), row["agent_name"] or _("without an agent"), href=agent_href),
        Fact(_("Environment"), row["environment_name"], href=f"{calls}?environment={row['environment']}"),
    ]
    if taxonomy.Fact.RECORDING in call_detail.facts:
        facts.append(_recording(call_detail.recording))
    return tuple(facts)


def _times(call_detail: CallDetail, zone: str) -> tuple[Fact, ...]:
    row = call_detail.row
    guessed = _("guessed: the vendor tells no start with its time zone") if row["started_guessed"] else ""
    facts = [Fact(_("Started"), clock(row["started_at"], zone), note=guessed)]
    if taxonomy.Fact.PICK_UP in call_detail.facts:
        facts.append(Fact(_("Picked up"), clock(row["answered_at"], zone) or figures.NO_BASE))
        facts.append(Fact(_("Ring time"), _span(row["started_at"], row["answered_at"])))
    if taxonomy.Fact.END in call_detail.facts:
        facts.append(Fact(_("Ended"), clock(row["ended_at"], zone) or figures.NO_BASE))
    facts.append(Fact(_("Duration"), _seconds(row["duration"])))
    if taxonomy.Fact.BILLED_TIME in call_detail.facts:
        facts.append(Fact(_("Billed"), _seconds(row["billed"])))
    return tuple(facts)


def _vendor(call_detail: CallDetail) -> tuple[Fact, ...]:
    row = call_detail.row
    facts = []
    if taxonomy.Fact.HANG_UP in call_detail.facts:
        facts.append(Fact(_("Hung up by"), source_word(row["hangup_source"]) or figures.NO_BASE))
        side = side_of(row["hangup_cause"], row["status"]) if row["hangup_cause"] else ""
        note = str(SIDE_LABELS[side]) if side and side != Side.UNKNOWN else ""
        facts.append(Fact(_("Cause"), row["hangup_cause"] or figures.NO_BASE, note=note))
    facts.append(Fact(_("Vendor's id"), row["external_id"], copied=True))
    if row["sid"]:
        facts.append(Fact(_("Telephony id"), row["sid"], copied=True))
    return tuple(facts)


def _mirror(call_detail: CallDetail, zone: str) -> tuple[Fact, ...]:
    row = call_detail.row
    facts = [
        Fact(_("First mirrored"), clock(call_detail.first_seen_at, zone)),
        Fact(_("Last changed here"), clock(row["changed_at"], zone)),
        Fact(_("As read at"), clock(call_detail.read_at, zone)),
    ]
    if call_detail.upstream_updated_at:
        facts.append(Fact(_("Vendor's last change"), clock(call_detail.upstream_updated_at, zone)))
    return tuple(facts)


def _recording(recording: Recording) -> Fact:
    if recording.refusal is None:
        return Fact(_("Recording"), _("Open the recording"), note=recording.host, href=recording.url, outside=True)
    refusal = str(_NO_RECORDING[recording.refusal])
    return Fact(_("Recording"), refusal, note=recording.host)


def _span(start: datetime, end: datetime | None) -> str:
    if end is None or end < start:
        return figures.NO_BASE
    return stretch(end - start)


def _seconds(amount: Any) -> str:
    return figures.NO_BASE if amount is None else figures.duration(amount)
