"""The truth of one tenant's OriginsAI calls: bytes per agent, as they are served, oldest first.

Elements are large, so only their bytes are kept; ``elements`` reads them back.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import partial
from threading import RLock
from typing import Any
from uuid import UUID

import msgspec

from sync.sandbox.cast import Tenant, identity
from sync.sandbox.rows import Element
from sync.sandbox.talks import day_elements, queued

_encode = msgspec.json.Encoder().encode
_QUEUED = 3
_OPEN = b'"call_status":"INITIATED"'
_EXTRA_ID = b"00000000-0000-4000-a000-000000000000"


class History:
    """``extra_mb`` pads the first agent's answer with about that many megabytes of calls made while sending."""

    def __init__(
        self, tenant: Tenant, *, days: int, per_day: float, seed: int, now: datetime, extra_mb: float = 0
    ) -> None:
        self.tenant = tenant
        self.lock = RLock()
        self.dropped: dict[str, Element] = {}
        self._bodies: dict[int, dict[str, bytes]] = {}
        self.now = now
        share = per_day / max(len(tenant.originsai), 1)
        self._draw = partial(day_elements, tenant, seed=seed, per_day=share)
        for agent in tenant.originsai:
            self._bodies[agent] = {}
            self._fill(agent, now.date() - timedelta(days=days - 1), now)
            for number, element in enumerate(queued(tenant, agent, _QUEUED)):
                self._bodies[agent][f"queued-{number}"] = _encode(element)
        self._pattern = self._extra_pattern()
        self.extra = int(extra_mb * 1_000_000 / (len(self._pattern) + 1)) if self._pattern else 0

    @property
    def agents(self) -> dict[int, str]:
        return self.tenant.originsai

    def bodies(self, agent: int) -> list[bytes]:
        with self.lock:
            return list(self._bodies[agent].values())

    def elements(self, agent: int) -> list[Element]:
        """All elements that are kept, without the padding."""
        return [msgspec.json.decode(body) for body in self.bodies(agent)]

    def ids(self, agent: int, *, padding: bool = True) -> list[str]:
        """The ids of placed calls, the padding's included unless refused."""
        with self.lock:
            keys = [key for key in self._bodies[agent] if not key.startswith("queued-")]
        return keys + [extra_id(number) for number in range(self.padding(agent)[0] if padding else 0)]

    def padding(self, agent: int) -> tuple[int, int]:
        """How many elements the padding has, and the bytes of each."""
        return (self.extra, len(self._pattern)) if agent == next(iter(self._bodies), None) else (0, 0)

    def padded(self, agent: int) -> Iterator[bytes]:
        for number in range(self.padding(agent)[0]):
            yield self._pattern.replace(_EXTRA_ID, extra_id(number).encode())

    def insert(self, agent: int, **fields: Any) -> str:
        """Add a call like the agent's last one under a new id; returns the id."""
        with self.lock:
            word = str(
                fields.get("call_id") or identity(agent, "inserted", len(self._bodies[agent]), len(self.dropped))
            )
            sample = next(element for element in reversed(self.elements(agent)) if element["call_id"])
            self._bodies[agent][word] = _encode({**sample, **fields, "call_id": word})
            return word

    def change(self, call_id: str, **fields: Any) -> None:
        with self.lock:
            bodies = self._of(call_id)
            bodies[call_id] = _encode({**msgspec.json.decode(bodies[call_id]), **fields})

    def drop(self, call_id: str) -> None:
        with self.lock:
            self.dropped[call_id] = msgspec.json.decode(self._of(call_id).pop(call_id))

    def advance(self, now: datetime) -> None:
        """Let time pass: calls of the meantime appear and open ones end."""
        with self.lock:
            for agent in self._bodies:
                self._fill(agent, self.now.date() - timedelta(days=1), now)
            self.now = now

    def _fill(self, agent: int, since: date, now: datetime) -> None:
        bodies = self._bodies[agent]
        for offset in range((now.date() - since).days + 1):
            for element in self._draw(agent, since + timedelta(days=offset), now=now):
                key = element["call_id"]
                if key in self.dropped or _OPEN not in bodies.get(key, _OPEN):
                    continue
                bodies[key] = _encode(element)

    def _of(self, call_id: str) -> dict[str, bytes]:
        return next(bodies for bodies in self._bodies.values() if call_id in bodies)

    def _extra_pattern(self) -> bytes:
        """The longest call of the first agent, with a placeholder for its id."""
        bodies = next(iter(self._bodies.values()), {})
        placed = [(key, body) for key, body in bodies.items() if not key.startswith("queued-")]
        if not placed:
            return b""
        _, body = max(placed, key=lambda pair: len(pair[1]))
        element = msgspec.json.decode(body)
        return _encode({**element, "call_id": _EXTRA_ID.decode(), "recording_id": None, "call_recording_url": None})


def extra_id(number: int) -> str:
    return str(UUID(int=(0x4000 << 64) | (0xA << 60) | (number + 1)))
