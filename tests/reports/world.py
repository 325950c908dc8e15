"""A random world of calls, and its figures counted anew in plain Python, call by call, with the zone's own rules."""

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from portal.lib.ids import uuid7_number
from portal.lib.phones import AREA_CODES
from portal.tenants.models.tenants import Environment, Tenant
from reports.definitions.ended_by import side_of
from sync.models.agents import Agent
from sync.models.calls import Call
from tests.factories import note_line

STATUSES = (
    "completed",
    "completed",
    "completed",
    "no-answer",
    "busy",
    "failed",
    "answered",
    "initiated",
    "queued",
    "voicemail",
)
# Around changes of the clock: Sao Paulo without midnight, New York forwards and back; and a plain stretch between.
STRETCHES = (
    (datetime(2018, 11, 1, tzinfo=UTC), 8),
    (datetime(2026, 3, 1, tzinfo=UTC), 21),
    (datetime(2026, 6, 1, tzinfo=UTC), 120),
    (datetime(2026, 10, 24, tzinfo=UTC), 14),
)
EDGES = [
    datetime(2018, 11, 4, 2, 59, 59, 999999, tzinfo=UTC),
    datetime(2018, 11, 4, 3, tzinfo=UTC),
    datetime(2026, 3, 8, 6, 59, 59, 999600, tzinfo=UTC),
    datetime(2026, 3, 8, 7, tzinfo=UTC),
    datetime(2026, 11, 1, 5, 30, tzinfo=UTC),
    datetime(2026, 11, 1, 6, 30, tzinfo=UTC),
    datetime(2026, 7, 8, 18, 14, 59, 999999, tzinfo=UTC),
    datetime(2026, 7, 8, 18, 15, tzinfo=UTC),
]

LINES = ("+551130000000", "+55 (11) 4000-1000", "08001234567")


@dataclass
class World:
    tenant: Tenant
    environments: list[Environment]
    agents: list[Agent]
    calls: list[Call]


def make_world(tenant: Tenant, *, count: int = 1200, seed: int = 1) -> World:
    """Two Talkover environments and an OriginsAI one, two agents each. The tenant's wall must be open."""
    dice = random.Random(seed)
    environments = [
        Environment.objects.create(tenant=tenant, name=name, provider=provider)
        for name, provider in (("Norte", "talkover"), ("Sul", "talkover"), ("Voz", "originsai"))
    ]
    agents = [
        Agent.objects.create(tenant=tenant, environment=environment, external_id=f"{environment.pk}-{n}", name=f"A{n}")
        for environment in environments
        for n in range(2)
    ]
    calls = []
    for n in range(count):
        environment = dice.choice(environments)
        start = EDGES[n] if n < len(EDGES) else _moment(dice)
        calls.append(_call(dice, tenant, environment, agents, start, n))
    Call.objects.bulk_create(calls, batch_size=200)
    for row in {(row.environment_id, row.direction, row.from_number, row.to_number): row for row in calls}.values():
        note_line(row)
    return World(tenant, environments, agents, calls)


def _moment(dice: random.Random) -> datetime:
    start, days = dice.choice(STRETCHES)
    return start + timedelta(days=dice.uniform(0, days), microseconds=dice.choice((0, 999_999)))


def _call(
    dice: random.Random, tenant: Tenant, environment: Environment, agents: list[Agent], start: datetime, n: int
) -> Call:
    own = [agent for agent in agents if agent.environment_id == environment.pk]
    voz = environment.provider == "originsai"
    status = dice.choice(("completed", "completed", "failed", "answered", "queued") if voz else STATUSES)
    line, direction = LINES[n % 3], dice.choice(("outbound", "outbound", "inbound"))
    contact = dice.choice(
        ["", *(f"55{code}9{number:08}" for code in sorted(AREA_CODES)[:4] for number in range(30)), "12125550100"]
    )
    talked = status in ("completed", "answered", "voicemail")
    milliseconds = dice.choice((0, 2_000, 3_000, 5_999, 6_000, 29_999, 30_000, dice.randrange(1, 900_000)))
    answered = start + timedelta(seconds=dice.choice((1.5, 20, 20.001, 35))) if voz and talked else None
    return Call(
        id=UUID(int=uuid7_number(int(start.timestamp() * 1000), dice.getrandbits(80))),
        tenant=tenant,
        environment=environment,
        agent=dice.choice([*own, None]),
        external_id=f"call-{n}",
        direction=direction,
        status=status,
        is_test=dice.random() < 0.1,
        started_at=start,
        answered_at=answered,
        ended_at=None,
        duration_ms=milliseconds if talked else dice.choice((0, None)),
        billed_ms=60_000 if voz and talked else None,
        from_number=line if direction == "outbound" else f"+{contact}" if contact else "",
        to_number=(f"+{contact}" if contact else "") if direction == "outbound" else line,
        contact=contact,
        hangup_cause=dice.choice(("", "NORMAL_CLEARING", "USER_BUSY")) if voz else "",
        latencies={"stt": [dice.uniform(50, 400) for _ in range(3)], "llm": [dice.uniform(200, 1500)], "tts": []}
        if voz and talked
        else None,
        digest=b"0" * 16,
        read_at=start,
        first_seen_at=start,
        changed_at=start,
    )


# --- the figures, counted again ---------------------------------------------------------------------------------------


def outcome(call: Call, provider: str, now: datetime) -> str:
    age = now - call.started_at
    if call.status in ("initiated", "ringing", "queued", "in-progress"):
        return "unresolved" if age > timedelta(hours=48) else "open"
    if call.status == "answered" and provider == "talkover":
        return "open" if age < timedelta(hours=2) else "connected"
    if call.status == "answered" and call.ended_at is None:
        return "unresolved" if age > timedelta(hours=48) else "open"
    return "connected" if call.status in ("completed", "answered") else "unreached"


def time_keys(local: datetime) -> dict[str, str]:
    day = local.date()
    hour = local.replace(minute=0, second=0, microsecond=0)
    return {
        "hour": hour.isoformat(),
        "day": day.isoformat(),
        "week": (day - timedelta(days=day.weekday())).isoformat(),
        "month": day.replace(day=1).isoformat(),
        "weekday": str(day.isoweekday()),
        "hour_of_day": str(hour.hour),
    }


def keys_of(call: Call, zone: str) -> dict[str, str | None]:
    contact = call.contact
    brazilian = contact.startswith("55") and len(contact) in (12, 13) and contact[2:4] in AREA_CODES
    return {
        **time_keys(call.started_at.astimezone(ZoneInfo(zone))),
        "agent": str(call.agent.public_id) if call.agent else None,
        "status": call.status,
        "direction": call.direction,
        "environment": str(call.environment.public_id),
        "cause": call.hangup_cause or None,
        "side": side_of(call.hangup_cause, call.status) or None,
        "area_code": contact[2:4] if brazilian else None,
        "line": "".join(filter(str.isdigit, call.from_number if call.direction == "outbound" else call.to_number)),
        "length": band(call.duration_ms),
    }


def band(duration_ms: int | None) -> str | None:
    """The band of a duration; its upper bound belongs to it."""
    if duration_ms is None:
        return None
    bounds = (0, 3, 6, 15, 30, 60, 120, 300, 600)
    for low, high in pairwise(bounds):
        if duration_ms <= high * 1000:
            return f"{low}-{high}"
    return "600+"


def moments(start: date, end: date, zone: str) -> list[dict[str, str]]:
    """The time keys of every quarter of an hour of a period, each but once."""
    found: dict[str, dict[str, str]] = {}
    at, rules = datetime(start.year, start.month, start.day, tzinfo=UTC) - timedelta(hours=16), ZoneInfo(zone)
    while (local := at.astimezone(rules)).date() < end:
        hour = local.isoformat(timespec="hours")
        if hour not in found and local.date() >= start:
            found[hour] = time_keys(local)
        at += timedelta(minutes=15)
    return list(found.values())


def percentile(values: list[float], share: float) -> float | None:
    if not values:
        return None
    values = sorted(values)
    rank = share * (len(values) - 1)
    low = int(rank)
    high = min(low + 1, len(values) - 1)
    return values[low] * (1 - (rank - low)) + values[high] * (rank - low)


def peak(calls: list[Call]) -> int:
    events = []
    for call in calls:
        if call.duration_ms:
            events += [(call.started_at, 1), (call.started_at + timedelta(milliseconds=call.duration_ms), -1)]
    most = running = 0
    for _at, step in sorted(events, key=lambda event: (event[0], event[1])):
        running += step
        most = max(most, running)
    return most


def figures(calls: list[Call], now: datetime, providers: set[str]) -> dict[str, Any]:
    """Every metric that calls can answer: key → (value, n)."""
    results = {id(call): outcome(call, call.environment.provider, now) for call in calls}

    def of(*wanted: str, among: list[Call] = calls) -> list[Call]:
        return [call for call in among if results[id(call)] in wanted]

    def share(part: int, whole: int) -> tuple[float | None, int]:
        return (part / whole * 100 if whole else None, whole)

    final, connected = of("connected", "unreached"), of("connected")
    timed = [call.duration_ms for call in connected if call.duration_ms is not None]
    inbound = [call for call in final if call.direction == "inbound"]
    contacts = {call.contact for call in calls if call.contact}
    reached = {call.contact for call in connected if call.contact}
    dialled = sum(bool(call.contact) for call in calls)
    voz = [call for call in calls if call.environment.provider == "originsai"]
    picked = [
        (call.answered_at - call.started_at).total_seconds() for call in of("connected", among=voz) if call.answered_at
    ]
    found: dict[str, Any] = {
        "attempts": (len(calls), len(calls)),
        "connected": (len(connected), len(connected)),
        "connect_rate": share(len(connected), len(final)),
        "no_answer_rate": share(sum(call.status == "no-answer" for call in final), len(final)),
        "busy_rate": share(sum(call.status == "busy" for call in final), len(final)),
        "failed_rate": share(sum(call.status == "failed" for call in final), len(final)),
        "missed_rate": share(len(of("unreached", among=inbound)), len(inbound)),
        "average_duration": (sum(timed) / len(timed) / 1000 if timed else None, len(timed)),
        "median_duration": (_scaled(percentile(timed, 0.5)), len(timed)),
        "p90_duration": (_scaled(percentile(timed, 0.9)), len(timed)),
        "talk_minutes": (sum(timed) / 60_000, len(timed)),
        "short_call_share_3s": share(_short(final, 3), len(final)),
        "short_call_share_6s": share(_short(final, 6), len(final)),
        "short_connected_share_3s": share(_short(connected, 3), len(connected)),
        "short_connected_share_6s": share(_short(connected, 6), len(connected)),
        "engaged_share": share(sum((call.duration_ms or 0) >= 30_000 for call in connected), len(connected)),
        "unique_contacts": (len(contacts), len(contacts)),
        "reach_rate": share(len(reached), len(contacts)),
        "attempts_per_contact": (dialled / len(contacts) if contacts else None, len(contacts)),
        "open_calls": (len(of("open")),) * 2,
        "unresolved_calls": (len(of("unresolved")),) * 2,
        "peak_concurrency": (peak(connected),) * 2,
    }
    billed = [call.billed_ms for call in voz if call.billed_ms is not None]
    quick = sum(seconds <= 20 for seconds in picked)
    found |= {
        "billed_minutes": (sum(billed) / 60_000, len(billed)),
        "time_to_answer": (sum(picked) / len(picked) if picked else None, len(picked)),
        "service_level": share(quick, len(of("connected", "unreached", among=voz))),
    }
    for source in ("stt", "llm", "tts"):
        turns = [value for call in voz for value in (call.latencies or {}).get(source, [])]
        for percent in (50, 95):
            found[f"{source}_latency_p{percent}"] = (percentile(turns, percent / 100), len(turns))
    if "originsai" not in providers:
        for key in ("billed_minutes", "time_to_answer", "service_level", *(key for key in found if "latency" in key)):
            found[key] = (None, 0)
    return found


def _scaled(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _short(final: list[Call], seconds: int) -> int:
    return sum(call.duration_ms is not None and call.duration_ms <= seconds * 1000 for call in final)


def expected_rows(
    calls: list[Call], by: tuple[str, ...], start: date, end: date, zone: str
) -> dict[tuple[Any, ...], list[Call]]:
    """The calls of each row that an answer has to have, rows without calls included."""
    rows: dict[tuple[Any, ...], list[Call]] = defaultdict(list)
    for call in calls:
        keys = keys_of(call, zone)
        rows[tuple(keys[key] for key in by)].append(call)
    times = [key for key in by if key in ("hour", "day", "week", "month", "weekday", "hour_of_day")]
    if times:
        timely = {tuple(keys[key] for key in times) for keys in moments(start, end, zone)}
        others = {tuple(part for key, part in zip(by, row, strict=True) if key not in times) for row in rows}
        for time in timely:
            for other in {()} if len(times) == len(by) else others:
                parts, rest = iter(time), iter(other)
                rows.setdefault(tuple(next(parts) if key in times else next(rest) for key in by), [])
    return dict(rows)
