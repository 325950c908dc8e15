"""What a vendor's own elements say, counted afresh from the definitions of the metrics and by nothing of ours.

Plain Python over the dicts that the sandbox serves, and over rows of a CSV: the calls as :class:`VendorCall`, the
figures as :func:`figures` counts them, the digits that a page or a mail shows for a value as :func:`shown`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from math import floor
from typing import Any
from zoneinfo import ZoneInfo

CONNECTED, UNREACHED, OPEN, UNRESOLVED = "connected", "unreached", "open", "unresolved"


@dataclass(frozen=True)
class VendorCall:
    """One call as the definitions read it; times in UTC, durations in seconds."""

    id: str
    vendor: str
    agent: str
    start: datetime
    direction: str
    status: str
    outcome: str
    contact: str
    duration: float | None = None
    billed: float | None = None
    answered: datetime | None = None
    latencies: Mapping[str, tuple[float, ...]] | None = None


# --- From the vendors' dicts --------------------------------------------------------------------------------------


def of_talkover(element: Mapping[str, Any], now: datetime) -> VendorCall | None:
    """None for a test call. An answered call is open for two hours, then final; any other open one for 48."""
    if element["is_testing"]:
        return None
    start = datetime.fromisoformat(element["created_at"]).astimezone(UTC)
    status, age = element["status"], now - start
    if status in ("initiated", "ringing", "queued"):
        outcome = OPEN if age <= timedelta(hours=48) else UNRESOLVED
    elif status == "answered":
        outcome = OPEN if age < timedelta(hours=2) else CONNECTED
    else:
        outcome = CONNECTED if status == "completed" else UNREACHED
    other = element["to"] if element["direction"] == "outbound" else element["from"]
    return VendorCall(
        element["id"], "talkover", element["agent"]["id"], start, element["direction"], status, outcome,
        _digits(other), float(element["duration"]),
    )  # fmt: skip


def of_originsai(element: Mapping[str, Any], now: datetime) -> VendorCall | None:
    """None for a call that was not placed yet. One that was answered and has no end is open."""
    if not element["call_id"]:
        return None
    start, answered = (_moment(element[key]) for key in ("initiation_time", "answer_time"))
    assert start is not None
    over = bool(element["end_time"])
    status = {"ANSWERED": "completed" if over else "answered"}.get(
        element["call_status"], element["call_status"].lower()
    )
    if status in ("initiated", "queued", "answered"):
        outcome = OPEN if now - start <= timedelta(hours=48) else UNRESOLVED
    else:
        outcome = CONNECTED if status == "completed" else UNREACHED
    other = element["to_number"] if element["call_direction"] == "outbound" else element["from_number"]
    return VendorCall(
        element["call_id"], "originsai", str(element["call_agent_id"]), start, element["call_direction"], status,
        outcome, _digits(other), _number(element["call_duration"]), _number(element["billed_duration"]), answered,
        {stage: tuple(turn["latency_ms"] for turn in element[f"{stage}_data"]) for stage in ("stt", "llm", "tts")},
    )  # fmt: skip


def within(calls: Iterable[VendorCall], first: date, last: date, zone: str) -> list[VendorCall]:
    """The calls of local days, both ends included."""
    return [call for call in calls if first <= local_day(call, zone) <= last]


def local_day(call: VendorCall, zone: str) -> date:
    return call.start.astimezone(ZoneInfo(zone)).date()


def callbacks(
    elements: Iterable[Mapping[str, Any]], catchers: set[str], matched: set[str], first: date, last: date
) -> dict[str, int]:
    """The vendor's totals of UTC days: calls to callback agents that are no tests."""
    here = [
        element
        for element in elements
        if element["agent"]["id"] in catchers
        and not element["is_testing"]
        and first.isoformat() <= element["created_at"][:10] <= last.isoformat()
    ]
    return {
        "callbacks_received": len(here),
        "callbacks_answered": sum(element["status"] in ("answered", "completed") for element in here),
        "callbacks_unmatched": sum(element["id"] not in matched for element in here),
    }


# --- Figures ------------------------------------------------------------------------------------------------------


def figures(calls: Iterable[VendorCall]) -> dict[str, float | None]:
    """Every figure that calls alone can tell; None where there is no base."""
    calls = list(calls)
    final = [call for call in calls if call.outcome in (CONNECTED, UNREACHED)]
    connected = [call for call in final if call.outcome == CONNECTED]
    inbound = [call for call in final if call.direction == "inbound"]
    lengths = sorted(call.duration for call in connected if call.duration is not None)
    dialled = [call.contact for call in calls if call.contact]
    contacts = set(dialled)
    reached = {call.contact for call in connected if call.contact}

    def share(part: Iterable[VendorCall], whole: list[VendorCall]) -> float | None:
        return 100 * sum(1 for _ in part) / len(whole) if whole else None

    def of_status(status: str) -> float | None:
        return share((call for call in final if call.status == status), final)

    def short(seconds: int, among: list[VendorCall] = final) -> float | None:
        return share((call for call in among if call.duration is not None and call.duration <= seconds), among)

    return {
        "attempts": len(calls),
        "connected": len(connected),
        "connect_rate": share(connected, final),
        "no_answer_rate": of_status("no-answer"),
        "busy_rate": of_status("busy"),
        "failed_rate": of_status("failed"),
        "missed_rate": share((call for call in inbound if call.outcome == UNREACHED), inbound),
        "average_duration": sum(lengths) / len(lengths) if lengths else None,
        "median_duration": percentile(lengths, 0.5),
        "p90_duration": percentile(lengths, 0.9),
        "talk_minutes": sum(lengths) / 60,
        "short_call_share_3s": short(3),
        "short_call_share_6s": short(6),
        "short_connected_share_3s": short(3, connected),
        "short_connected_share_6s": short(6, connected),
        "engaged_share": share((call for call in connected if (call.duration or 0) >= 30), connected),
        "unique_contacts": len(contacts),
        "reach_rate": 100 * len(reached) / len(contacts) if contacts else None,
        "attempts_per_contact": len(dialled) / len(contacts) if contacts else None,
        "open_calls": sum(call.outcome == OPEN for call in calls),
        "unresolved_calls": sum(call.outcome == UNRESOLVED for call in calls),
        "peak_concurrency": peak(connected),
        **_originsai([call for call in calls if call.vendor == "originsai"]),
    }


def _originsai(calls: list[VendorCall]) -> dict[str, float | None]:
    final = [call for call in calls if call.outcome in (CONNECTED, UNREACHED)]
    waits = [
        (call.answered - call.start).total_seconds() for call in final if call.outcome == CONNECTED and call.answered
    ]
    return {
        "billed_minutes": sum(call.billed or 0 for call in calls) / 60,
        "time_to_answer": sum(waits) / len(waits) if waits else None,
        "service_level": 100 * sum(wait <= 20 for wait in waits) / len(final) if final else None,
    }


def latencies(calls: Iterable[VendorCall]) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    calls = list(calls)
    for stage in ("stt", "llm", "tts"):
        turns = sorted(turn for call in calls for turn in (call.latencies or {}).get(stage, ()))
        found |= {f"{stage}_latency_p{n}": percentile(turns, n / 100) for n in (50, 95)}
    return found


def percentile(ordered: list[float], share: float) -> float | None:
    """Between the two values next to the rank, linearly."""
    if not ordered:
        return None
    rank = share * (len(ordered) - 1)
    low = floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def peak(connected: Iterable[VendorCall]) -> int:
    """The most calls at one time; one that ends as another begins does not meet it."""
    edges = []
    for call in connected:
        if call.duration:
            edges += [(call.start, 1), (call.start + timedelta(seconds=call.duration), -1)]
    most = now = 0
    for _at, step in sorted(edges):
        now += step
        most = max(most, now)
    return most


# --- As a reader sees it ------------------------------------------------------------------------------------------

PLACES = {"count": 0, "percent": 1, "seconds": 0, "minutes": 0, "ms": 0}


def shown(value: float | None, unit: str, *, whole: bool = False) -> float | None:
    """What a value is rounded to for a person: half away from zero; a count that is a mean has two places, or none if
    it stands beside ``whole`` ones.
    """
    if value is None:
        return None
    places = 2 if unit == "count" and not whole and not float(value).is_integer() else PLACES[unit]
    return float(Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP))


def read_shown(text: str) -> float | None:
    """A figure in English, back as a number: ``1,234``, ``45.6 %``, ``1:05 min``, ``45 s``, ``–``."""
    text = text.replace("\N{NO-BREAK SPACE}", " ").split(" ")[0].replace(",", "")
    if text == "–":
        return None
    seconds = 0.0
    for part in text.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


def _digits(number: str | None) -> str:
    return "".join(filter(str.isdigit, number or ""))


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None
