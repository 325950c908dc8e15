"""What the demo shows: two tenants, three environments, and the notes that make a second start find the first one's."""

import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Self

from django.conf import settings

from portal.accounts.members import add_member, add_person, find_person, whole
from portal.tenants import wall
from portal.tenants.models.people import Membership, Role
from portal.tenants.models.tenants import Environment, Tenant
from sync.connections import Description, add_connection
from sync.models.calls import Call
from sync.models.connections import Connection
from sync.models.runs import Window, WindowState
from sync.sandbox.cast import TENANTS as CAST

SANDBOX_PORT = 8901
PATHS = {"talkover": "/api/v1", "originsai": "/api"}
# The sandbox has no limits of its own; this one only keeps the allowance's rows in play.
RATE = 60_000
RECORDINGS = "recordings.example.com"  # where the sandbox says that recordings lie; nothing is there


@dataclass(frozen=True, slots=True)
class DemoTenant:
    slug: str
    name: str
    zone: str
    language: str
    owner: str
    environments: tuple[tuple[str, str], ...]  # name, vendor


TENANTS = (
    DemoTenant(
        "acme",
        "Acme",
        "America/Sao_Paulo",
        "pt-br",
        "ana@acme.example",
        (("Talkover", "talkover"), ("OriginsAI", "originsai")),
    ),
    DemoTenant("globex", "Globex", "America/Sao_Paulo", "en", "carla@globex.example", (("Talkover", "talkover"),)),
)


@dataclass(slots=True)
class Notes:
    """What a later start has to know, kept in ``DATA_DIR/demo.json``, for its owner's eyes only."""

    days: int
    calls_per_day: int
    password: str = field(repr=False)
    port: int = SANDBOX_PORT
    built: bool = False
    is_new: bool = False

    @classmethod
    def path(cls) -> Path:
        return Path(settings.DATA_DIR) / "demo.json"

    @classmethod
    def read(cls) -> Self | None:
        try:
            return cls(**json.loads(cls.path().read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    @classmethod
    def new(cls, *, days: int, calls_per_day: int) -> Self:
        return cls(days=days, calls_per_day=calls_per_day, password=secrets.token_urlsafe(9), is_new=True)

    def write(self) -> None:
        draft = self.path().with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(self) | {"is_new": False}, file)
        draft.replace(self.path())


def free_port(usual: int) -> int:
    """``usual`` if nobody listens there, else any that is free."""
    for port in (usual, 0):
        try:
            with socket.create_server(("127.0.0.1", port)) as listener:
                return int(listener.getsockname()[1])
        except OSError:
            continue
    raise OSError("No port is free on this machine.")


def await_sandbox(port: int, tend: Callable[[], None], *, within: float = 30.0) -> None:
    """Wait until the sandbox answers; ``tend`` is called meanwhile. Raises TimeoutError."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        page = HTTPConnection("127.0.0.1", port, timeout=2.0)
        try:
            page.request("GET", "/api/v1/health")
            page.getresponse()
        except (OSError, HTTPException):
            tend()
            time.sleep(0.05)
        else:
            return
        finally:
            page.close()
    raise TimeoutError("The sandbox does not answer.")


def stands() -> bool:
    """Whether an earlier start's tenants are still there."""
    return Tenant.objects.filter(slug__in=[demo.slug for demo in TENANTS]).count() == len(TENANTS)


def build(notes: Notes) -> None:
    """Tenants, owners, environments and connections, those that are missing; existing ones get today's address."""
    for demo in TENANTS:
        tenant = Tenant.objects.get_or_create(
            slug=demo.slug, defaults={"name": demo.name, "zone": demo.zone, "language": demo.language}
        )[0]
        with wall.tenant(tenant):
            _owner(tenant, demo, notes.password)
            for name, vendor in demo.environments:
                _connection(tenant, name, vendor, notes)


def connections() -> Iterator[Connection]:
    """The demo's connections, each behind its own tenant's wall."""
    for demo in TENANTS:
        tenant = Tenant.objects.get(slug=demo.slug)
        with wall.tenant(tenant):
            names = [name for name, _ in demo.environments]
            rows = Connection.objects.select_related("tenant", "environment").filter(environment__name__in=names)
            yield from rows.order_by("id")


def counted(connection: Connection) -> tuple[int, bool]:
    """Calls mirrored, and whether every window of theirs was read whole."""
    windows = Window.objects.filter(environment_id=connection.environment_id, stream="calls")
    complete = windows.exists() and not windows.exclude(state=WindowState.COMPLETE).exists()
    return Call.objects.filter(environment_id=connection.environment_id).count(), complete


def _owner(tenant: Tenant, demo: DemoTenant, password: str) -> None:
    if Membership.objects.filter(role=Role.OWNER).exists():
        return
    owner = find_person(demo.owner) or add_person(demo.owner, password, language=demo.language)
    add_member(tenant, owner, whole(Role.OWNER))


def _connection(tenant: Tenant, name: str, vendor: str, notes: Notes) -> None:
    base_url = f"http://127.0.0.1:{notes.port}{PATHS[vendor]}"
    environment = Environment.objects.filter(name=name).first()
    if environment is not None:
        Connection.objects.filter(environment=environment).update(base_url=base_url)
        return
    cast = CAST[tenant.slug]
    agents = ",".join(f"{number}:{title}" for number, title in cast.originsai.items())
    added = add_connection(
        tenant,
        Description(
            name=name,
            provider=vendor,
            base_url=base_url,
            since=datetime.now(UTC).date() - timedelta(days=notes.days - 1),
            token=cast.talkover_token if vendor == "talkover" else cast.originsai_token,
            settings={"agents": agents, "recording_hosts": RECORDINGS} if vendor == "originsai" else {},
        ),
    )
    added.rate_per_minute = RATE
    added.save(update_fields=["rate_per_minute"])
