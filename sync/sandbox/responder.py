"""The way of a request through the sandbox: token, rate limit, faults, the vendor's answer, the journal."""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from time import monotonic
from time import time as wall_time
from typing import Any, Protocol

import msgspec

from sync.sandbox import originsai, spoil, talkover
from sync.sandbox.envelopes import Visit, refusal, unauthorized
from sync.sandbox.faults import WIRES, FaultError, Faults, Target
from sync.sandbox.history import History
from sync.sandbox.journal import Entry, Journal
from sync.sandbox.wire import Reply, Request, packed
from sync.sandbox.world import World

ADMIN = "/_sandbox/faults"
_encode = msgspec.json.Encoder().encode
_TEXTS = {
    400: "Bad request.",
    401: "Unauthorized",
    403: "You are not authorized to perform this action.",
    404: "Not found.",
    422: "The given data was invalid.",
    429: "Too many requests. Please try again later.",
    500: "Internal server error.",
    502: "Bad gateway.",
    503: "Service unavailable.",
}
_DOCUMENTS = {
    "html": (b"<!doctype html><title>Sign in</title><p>Please sign in.", "text/html; charset=utf-8"),
    "empty": (b"", "application/json"),
    "null": (b"null", "application/json"),
    "object": (b"{}", "application/json"),
    "broken": (b'{"success":true,"data":[{"id":', "application/json"),
}


# What OriginsAI calls the fields that faults spoil, and how its calls turn odd.
_NAMES = {"id": "call_id", "sid": "hangup_cause_name", "duration": "call_duration", "created_at": "initiation_time"}
_ODD: dict[str, dict[str, Any]] = {
    "unknown": {"call_status": "TRANSFERRED", "call_cost": 0.031},
    "wrong_types": {"call_duration": "12.5", "call_insights": "positive"},
}


class Vendors(Protocol):
    """Where a responder finds what it answers from."""

    @property
    def tokens(self) -> Mapping[str, tuple[str, str]]:
        """token: (vendor, tenant)"""

    def world_of(self, tenant: str) -> World: ...

    def history_of(self, tenant: str) -> History: ...


@dataclass(slots=True)
class Responder:
    vendors: Vendors
    faults: Faults
    journal: Journal
    rate_limit: int | None
    _meters: dict[str, deque[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Reply:
        """What a request gets; it is in the journal before it is sent."""
        if request.path == ADMIN:
            return self._administer(request)
        at, when = monotonic(), wall_time()
        vendor, parts = _split(request.path)
        owner = self.vendors.tokens.get(_token(request), ("", ""))
        tenant = owner[1] if owner[0] == vendor else ""
        if vendor == "talkover" and parts == ["health"]:
            reply, struck = Reply(200, b'{"status":"ok"}'), frozenset[str]()
        else:
            target = Target(vendor, tenant, "/" + "/".join(parts), request.params)
            struck = self.faults.strikes(target)
            reply = self._reply(request, target, parts, struck)
        settings = self.faults.settings
        reply.pause = reply.pause or settings.latency
        reply.skew = settings.date_skew
        fault = ",".join(sorted(struck))
        self.journal.add(
            Entry(at, when, vendor, tenant, request.method, request.path, request.params, reply.status, fault)
        )
        return reply

    def _reply(self, request: Request, target: Target, parts: list[str], struck: frozenset[str]) -> Reply:
        if not target.tenant:
            body = originsai.refusal("Not authenticated") if target.vendor == "originsai" else unauthorized(parts).body
            return Reply(401, body)
        meter = self._meter(target)
        if meter.status == 429:
            return meter
        instead = next((kind for kind in struck if kind.isdecimal() or kind in _DOCUMENTS), "")
        if instead:
            reply = self._instead(target, instead)
        elif request.method not in ("GET", "HEAD"):
            reply = Reply(405, _failure(target, "Method not allowed."))
        elif target.vendor == "originsai":
            reply = self._history(target, parts, struck)
        else:
            visit = Visit(
                self.vendors.world_of(target.tenant), target.params, struck, faults=self.faults, journal=self.journal
            )
            answer = talkover.answer(visit, parts)
            reply = Reply(answer.status, answer.body)
        reply.headers.update(meter.headers)
        self._spoil_wire(reply, struck)
        return reply

    def _spoil_wire(self, reply: Reply, struck: frozenset[str]) -> None:
        settings = self.faults.settings
        for kind in struck & frozenset(WIRES):
            reply.wire = "" if kind == "slow" else kind
            pauses = {"slow": settings.slow_seconds, "drip": settings.drip_seconds, "drip_head": settings.drip_seconds}
            reply.pause = pauses.get(kind, 0.0)
        if "gzip" in struck:
            pieces = (reply.body,) if isinstance(reply.body, bytes) else reply.body
            reply.body, reply.length = packed(pieces), -1
            reply.headers["Content-Encoding"] = "gzip"

    def _instead(self, target: Target, kind: str) -> Reply:
        if kind in _DOCUMENTS:
            body, content_type = _DOCUMENTS[kind]
            return Reply(200, body, content_type=content_type)
        status = int(kind)
        headers = self.faults.retry_after() if status in (429, 503) else {}
        return Reply(status, _failure(target, _TEXTS[status]), headers=headers)

    def _history(self, target: Target, parts: list[str], struck: frozenset[str]) -> Reply:
        match parts:
            case ["agents", number, "call_stats"] if not originsai.INTEGER.fullmatch(number):
                return Reply(422, originsai.not_a_number())
            case ["agents", number, "call_stats"]:
                return self._call_stats(target, int(number), struck)
            case _:
                return Reply(404, originsai.refusal("Not Found"))

    def _call_stats(self, target: Target, agent: int, struck: frozenset[str]) -> Reply:
        history = self.vendors.history_of(target.tenant)
        if agent not in history.agents:
            return Reply(404, originsai.refusal("Agent not found"))
        for kind in struck & _ODD.keys():
            placed = history.ids(agent, padding=False)
            if placed:
                history.change(placed[self.faults.pick(len(placed))], **_ODD[kind])
        bodies = [] if "vanished" in struck else spoil.items(history.bodies(agent), struck, self.faults, _NAMES)
        bodies = spoil.burst(bodies, struck, self.faults)
        count, each = (0, 0) if "vanished" in struck else history.padding(agent)
        more = history.padded(agent) if count else ()
        return Reply(
            200,
            originsai.array(bodies, more),
            length=originsai.size(bodies, count, each),
        )

    def _meter(self, target: Target) -> Reply:
        """Counts the request against its token's minute: a 429, or the headers that tell what is left."""
        if self.rate_limit is None:
            return Reply()
        with self._lock:
            now = monotonic()
            times = self._meters.setdefault(f"{target.vendor}/{target.tenant}", deque())
            while times and now - times[0] >= 60:
                times.popleft()
            headers = {
                "X-RateLimit-Limit": str(self.rate_limit),
                "X-RateLimit-Remaining": str(max(self.rate_limit - len(times) - 1, 0)),
            }
            if len(times) < self.rate_limit:
                times.append(now)
                return Reply(headers=headers)
            wait = int(60 - (now - times[0])) + 1
            headers |= {"Retry-After": str(wait), "X-RateLimit-Reset": str(int(wall_time()) + wait)}
            return Reply(429, _failure(target, _TEXTS[429]), headers=headers)

    def _administer(self, request: Request) -> Reply:
        """Shows the faults; a POST of ``{"faults": ["429=0.02"]}`` puts others in their place."""
        if not ip_address(request.peer).is_loopback:
            return Reply(403, refusal(403, _TEXTS[403]).body)
        if request.method == "POST":
            try:
                document = msgspec.json.decode(request.body, type=dict[str, list[str]])
                self.faults = Faults(*document.get("faults", []))
            except (msgspec.MsgspecError, FaultError) as error:
                return Reply(422, _encode({"message": str(error)}))
        faults = self.faults
        return Reply(200, _encode({"faults": faults.specs, "struck": faults.struck, "drifted": faults.drifted}))


def _split(path: str) -> tuple[str, list[str]]:
    """The vendor whose base address the path has, and the parts below it."""
    parts = [part for part in path.split("/") if part]
    if parts[:2] == ["api", "v1"]:
        return "talkover", parts[2:]
    return "originsai", parts[1:] if parts[:1] == ["api"] else parts


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")


def _failure(target: Target, message: str) -> bytes:
    if target.vendor == "originsai":
        return originsai.refusal(message)
    return _encode({"success": False, "message": message})
