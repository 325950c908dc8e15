"""Rows for tests, with the few fields a test cares about; everything else is plausible and fixed."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from portal.lib.ids import uuid7_number
from portal.lib.phones import contact_digits
from sync.models.agents import Agent
from sync.models.calls import Call, Payload
from sync.models.lines import Line

TIME_ZERO = datetime(2026, 7, 8, 15, 0, tzinfo=UTC)  # a Wednesday noon in Sao Paulo


def agent(environment, external_id: str = "agent-1", **fields: Any) -> Agent:
    fields = {"name": external_id.title(), "direction": "outbound", "state": "published"} | fields
    return Agent.objects.get_or_create(
        tenant_id=environment.tenant_id, environment=environment, external_id=external_id, defaults=fields
    )[0]


def call(environment, external_id: str, *, raw: str | None = None, **fields: Any) -> Call:
    """A completed two-minute outbound call at TIME_ZERO unless told otherwise. ``seconds`` is the duration."""
    seconds = fields.pop("seconds", 120)
    defaults: dict[str, Any] = {
        "status": "completed",
        "direction": "outbound",
        "started_at": TIME_ZERO,
        "duration_ms": None if seconds is None else round(seconds * 1000),
        "from_number": "+551130000000",
        "to_number": "+5511987654321",
        "digest": external_id.encode()[:16].ljust(16, b"."),
        "read_at": TIME_ZERO,
        "first_seen_at": TIME_ZERO,
        "changed_at": TIME_ZERO,
    }
    values = defaults | fields
    other = values["to_number"] if values["direction"] == "outbound" else values["from_number"]
    values.setdefault("contact", "".join(filter(str.isdigit, other)))
    row = Call(
        id=UUID(int=uuid7_number(int(values["started_at"].timestamp() * 1000), secrets.randbits(80))),
        tenant_id=environment.tenant_id,
        environment=environment,
        external_id=external_id,
        **values,
    )
    payload = Payload(
        call=row, tenant_id=environment.tenant_id, environment=environment, raw=raw or f'{{"id":"{external_id}"}}'
    )
    if _waiting:
        _waiting[-1].append((row, payload))
    else:
        _write([(row, payload)])
    return row


_waiting: list[list[tuple[Call, Payload]]] = []


@contextmanager
def at_once() -> Iterator[None]:
    """Calls that are made inside are written at its end, in a few statements."""
    _waiting.append([])
    try:
        yield
    finally:
        made = _waiting.pop()
    _write(made)


def _write(made: list[tuple[Call, Payload]]) -> None:
    Call.objects.bulk_create([row for row, _payload in made], batch_size=200)
    for row in {(row.environment_id, row.direction, row.from_number, row.to_number): row for row, _ in made}.values():
        note_line(row)
    Payload.objects.bulk_create([payload for _row, payload in made], batch_size=200)


def note_line(row: Call) -> None:
    """Our own number of a call made without the mirror."""
    number = row.from_number if row.direction == "outbound" else row.to_number
    if found := contact_digits(number):
        Line.objects.get_or_create(
            tenant_id=row.tenant_id, environment_id=row.environment_id, number=number, defaults={"digits": found}
        )
