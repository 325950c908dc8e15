"""The portal's side of ``bench.fleet``: fills it, runs it, and looks at it every few seconds."""

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402 - after the setup
from django.core.management import call_command  # noqa: E402
from django.db.models import Count, F, Min, Q  # noqa: E402

from bench.vendors import token  # noqa: E402
from portal.accounts.members import add_member, add_person  # noqa: E402
from portal.site.models import Heartbeat  # noqa: E402
from portal.site.schedules import QUEUES  # noqa: E402
from portal.tenants import wall  # noqa: E402
from portal.tenants.models.people import Membership, Role  # noqa: E402
from portal.tenants.models.tenants import Tenant  # noqa: E402
from portal.work.clock import database_now  # noqa: E402
from reports.files import jobs  # noqa: E402
from reports.files.models import Export  # noqa: E402
from reports.files.orders import read_order  # noqa: E402
from reports.files.tasks import hint  # noqa: E402
from reports.queries.scope import Scope  # noqa: E402
from sync import windows  # noqa: E402
from sync.connections import Description, add_connection  # noqa: E402
from sync.history import today  # noqa: E402
from sync.models.runs import Run, Window  # noqa: E402
from sync.reading.due import due_streams  # noqa: E402

LOOK = 10.0  # seconds between two looks
WARM = 1200.0  # seconds within which everything must have been read once
DAYS = 3  # before today, that each connection has to read first


@dataclass(slots=True)
class Seen:
    """What was looked at, look by look."""

    memory: list[float] = field(default_factory=list)  # MB of all programs together, shared pages counted once
    late: list[float] = field(default_factory=list)  # seconds that the window waiting longest had been due
    due: list[int] = field(default_factory=list)  # streams that were due and not being read
    silent: list[float] = field(default_factory=list)  # seconds since a queue was last heard of, the longest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("connections", "tenants", "minutes", "workers"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--address", required=True)
    asked = parser.parse_args()
    call_command("migrate", verbosity=0)
    if Tenant.objects.exists():
        sys.exit("The database is not empty.")
    fill(asked)
    with serving(asked.workers):
        began = time.monotonic()
        while not is_read() and time.monotonic() - began < WARM:
            time.sleep(2.0)
        print(f"{'first reading of everything':42} {time.monotonic() - began:.0f} s", flush=True)
        since = database_now()
        seen = watch(asked.minutes * 60.0)
        ok = tell(seen, since, asked)
    sys.exit(0 if ok else 1)


def fill(asked: argparse.Namespace) -> None:
    """Tenants, each with an owner who may ask for files, and their connections."""
    for number in range(asked.tenants):
        tenant = Tenant.objects.create(slug=f"t{number}", name=f"Tenant {number}", zone="America/Sao_Paulo")
        with wall.tenant(tenant):
            add_member(tenant, add_person(f"owner{number}@tenant.example"), role=Role.OWNER)
    tenants = list(Tenant.objects.order_by("pk"))
    for number in range(asked.connections):
        tenant = tenants[number % len(tenants)]
        first = today() - timedelta(days=DAYS)
        with wall.tenant(tenant):
            wanted = Description(f"Environment {number}", "talkover", asked.address, first, token=token(number))
            add_connection(tenant, wanted, check=False)


@contextmanager
def serving(workers: int) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    site = subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--bind", f"127.0.0.1:{port}", "--web", "1", "--workers", str(workers)],
        stdout=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        site.send_signal(signal.SIGTERM)
        site.wait(60)


def is_read() -> bool:
    """Whether every stream of every connection was read whole once, and the queues were heard of."""
    with wall.every_tenant("a benchmark"):
        return not due_streams() and not Run.objects.filter(state="running").exists() and Run.objects.exists()


def watch(seconds: float) -> Seen:
    """Look on, and ask for a file now and then, each of another tenant."""
    seen, until, looks = Seen(), time.monotonic() + seconds, 0
    tenants = list(Tenant.objects.order_by("pk"))
    while time.monotonic() < until:
        look_at = time.monotonic() + LOOK
        look(seen)
        if looks % 2 == 0:
            ask_for_file(tenants[looks // 2 % len(tenants)])
        looks += 1
        time.sleep(max(0.0, look_at - time.monotonic()))
    return seen


def look(seen: Seen) -> None:
    now = database_now()
    with wall.every_tenant("a benchmark"):
        owed = Window.objects.filter(Q(day=None) | Q(day__gte=F("environment__connection__since")))
        oldest: datetime | None = owed.aggregate(oldest=Min("next_attempt_at"))["oldest"]
        seen.late.append(max(0.0, (now - oldest).total_seconds()) if oldest else 0.0)
    seen.due.append(len(due_streams()))
    heard = dict(Heartbeat.objects.values_list("queue", "at"))
    seen.silent.append(max((now - heard[queue]).total_seconds() if queue in heard else 999.0 for queue in QUEUES))
    seen.memory.append(memory())


def memory() -> float:
    """MB of everything that runs with our DATA_DIR, this process apart."""
    mark, found = f"DATA_DIR={settings.DATA_DIR}".encode(), 0
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if int(path.parent.name) != os.getpid() and mark in path.read_bytes().split(b"\0"):
                lines = path.with_name("smaps_rollup").read_text(encoding="ascii").splitlines()
                found += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except OSError:  # ended meanwhile
            continue
    return found / 1024


def ask_for_file(tenant: Tenant) -> None:
    with wall.tenant(tenant):
        membership = Membership.objects.select_related("grant", "user").get()
        order = read_order({"what": "calls", "format": "csv"}, Scope.of(membership.grant))
        jobs.ask(order, jobs.Asker(tenant.pk, user=membership.user), hint)


def tell(seen: Seen, since: datetime, asked: argparse.Namespace) -> bool:
    """Print the figures; whether every stream was read as often as it should, and no file waited long."""
    # An hour holds four readings of a quarter of an hour; the first may fall due at its very end.
    wanted = int(asked.minutes * 60 / windows.OVERLAP[1].total_seconds()) - 1
    with wall.every_tenant("a benchmark"):
        good = Run.objects.filter(started_at__gte=since, windows_complete__gt=0)
        rows = good.order_by().values_list("connection_id", "stream").annotate(n=Count("pk"))
        times = {(connection, stream): n for connection, stream, n in rows}
        read = [times.get((pk, stream), 0) for pk in connections() for stream in ("calls", "callbacks")]
        files = Export.objects.filter(created_at__gte=since)
        waits = [(row.started_at - row.created_at).total_seconds() for row in files if row.started_at]
        unmade = files.filter(started_at=None).count()
        incomplete = Window.objects.exclude(state="complete").count()
    edge = max(1, len(seen.memory) // 5)
    first, last = statistics.mean(seen.memory[:edge]), statistics.mean(seen.memory[-edge:])
    for label, value in (
        (
            "streams of days read, least and median",
            f"{min(read)}, {statistics.median(read):.0f} times; {wanted} wanted",
        ),
        ("windows not complete at the end", incomplete),
        ("longest that a window was overdue", f"{max(seen.late):.0f} s, median {statistics.median(seen.late):.0f} s"),
        ("streams waiting at once, at most", max(seen.due)),
        ("files asked for, longest wait", f"{len(waits) + unmade}, {max(waits, default=0):.1f} s; {unmade} not begun"),
        ("longest silence of a queue", f"{max(seen.silent):.0f} s"),
        ("memory, first and last fifth, most", f"{first:.0f}, {last:.0f}, {max(seen.memory):.0f} MB"),
    ):
        print(f"{label:42} {value}", flush=True)
    return min(read) >= wanted and not unmade and max(waits, default=0) <= 5 and not incomplete


def connections() -> list[int]:
    return list(Run.objects.order_by().values_list("connection_id", flat=True).distinct())


if __name__ == "__main__":
    main()
