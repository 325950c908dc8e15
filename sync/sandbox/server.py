"""The sandbox: both vendors over real HTTP, on one port of the loopback network.

    with Sandbox(days=10, calls_per_day=50, faults=["500@path=/campaigns,times=2"]) as box:
        box.talkover_url, box.talkover_token, box.world

Each token opens its tenant's world. ``GET /_sandbox/faults`` shows the faults, a ``POST`` replaces them, from loopback.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from types import TracebackType
from typing import Self

from sync.sandbox.cast import TENANTS
from sync.sandbox.faults import Faults
from sync.sandbox.history import History
from sync.sandbox.journal import Journal
from sync.sandbox.responder import Responder
from sync.sandbox.wire import Server
from sync.sandbox.world import World

TALKOVER = "/api/v1"
ORIGINSAI = "/api"


@dataclass(kw_only=True)
class Sandbox:
    """A context manager; nothing listens before it is entered. Worlds are drawn when first needed.

    ``end`` is the last UTC day, taken at 21:00 (18:00 in São Paulo), or an exact moment; without it the worlds end now
    and ``advance`` lets time pass in them. ``rate_limit`` is requests per minute and token, None for none.
    """

    days: int = 90
    calls_per_day: float = 400
    seed: int = 1
    end: date | datetime | None = None
    faults: Faults | Iterable[str] | None = None
    rate_limit: int | None = None
    host: str = "127.0.0.1"
    port: int = 0
    originsai_per_day: float | None = None  # of all agents together; an eighth of calls_per_day if not given
    originsai_extra_mb: float = 0
    keep_versions: bool = False
    journal: Journal = field(init=False)
    tokens: dict[str, tuple[str, str]] = field(init=False)  # token: (vendor, tenant)

    def __post_init__(self) -> None:
        self.journal = Journal(keep_versions=self.keep_versions)
        self.tokens = {}
        for tenant in TENANTS.values():
            self.tokens[tenant.talkover_token] = ("talkover", tenant.name)
            if tenant.originsai:
                self.tokens[tenant.originsai_token] = ("originsai", tenant.name)
        self._responder = Responder(self, Faults.of(self.faults), self.journal, self.rate_limit)
        self.now = _moment(self.end)
        self._worlds: dict[str, World] = {}
        self._histories: dict[str, History] = {}
        self._lock = threading.RLock()
        self._server: Server | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        self._server = Server(self.host, self.port, self._responder.answer)
        self.port = self._server.port

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    # What is inside

    def world_of(self, tenant: str) -> World:
        with self._lock:
            if tenant not in self._worlds:
                self._worlds[tenant] = World(
                    TENANTS[tenant], days=self.days, calls_per_day=self.calls_per_day, seed=self.seed, now=self.now
                )
            return self._worlds[tenant]

    def history_of(self, tenant: str) -> History:
        with self._lock:
            if tenant not in self._histories:
                per_day = self.calls_per_day / 8 if self.originsai_per_day is None else self.originsai_per_day
                self._histories[tenant] = History(
                    TENANTS[tenant],
                    days=self.days,
                    per_day=per_day,
                    seed=self.seed,
                    now=self.now,
                    extra_mb=self.originsai_extra_mb,
                )
            return self._histories[tenant]

    @property
    def world(self) -> World:
        """Acme's Talkover calls."""
        return self.world_of("acme")

    @property
    def history(self) -> History:
        """Acme's OriginsAI calls."""
        return self.history_of("acme")

    @property
    def originsai_agents(self) -> dict[int, str]:
        return dict(TENANTS["acme"].originsai)

    @property
    def address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def talkover_url(self) -> str:
        return self.address + TALKOVER

    @property
    def originsai_url(self) -> str:
        return self.address + ORIGINSAI

    @property
    def talkover_token(self) -> str:
        return self.token("talkover", "acme")

    @property
    def originsai_token(self) -> str:
        return self.token("originsai", "acme")

    def token(self, vendor: str, tenant: str) -> str:
        """The token that is valid now."""
        return next(token for token, owner in self.tokens.items() if owner == (vendor, tenant))

    def rotate(self, vendor: str, tenant: str) -> str:
        """A new token; the old one is dead from now on."""
        with self._lock:
            old = self.token(vendor, tenant)
            self.tokens = {token: owner for token, owner in self.tokens.items() if token != old}
            stem, _, count = old.partition("~")
            new = f"{stem}~{int(count or 1) + 1}"
            self.tokens[new] = (vendor, tenant)
            return new

    def set_faults(self, *specs: str) -> None:
        """These faults instead of those before; none for a healthy vendor."""
        self._responder.faults = Faults(*specs)

    @property
    def active_faults(self) -> Faults:
        return self._responder.faults

    def advance(self, now: datetime | None = None) -> None:
        """Let time pass in the worlds that were drawn, up to now or the moment given."""
        with self._lock:
            self.now = now or datetime.now(UTC).replace(microsecond=0)
            for world in self._worlds.values():
                world.advance(self.now)
            for history in self._histories.values():
                history.advance(self.now)


def _moment(end: date | datetime | None) -> datetime:
    if end is None:
        return datetime.now(UTC).replace(microsecond=0)
    if isinstance(end, datetime):
        return end.astimezone(UTC)
    return datetime.combine(end, time(21), UTC)
