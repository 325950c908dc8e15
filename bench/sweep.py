"""The look at what is due that beat asks for every minute: all connections at once, beside a plan for each of them.

    DATABASE_URL=postgresql://…/ringbook_sweep python -m bench.sweep --connections 200 --years 5

Makes the ledgers first where the database is empty.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import timedelta

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - after the setup
from django.db import connection as database  # noqa: E402

from portal.tenants import wall  # noqa: E402
from portal.tenants.models.tenants import Environment, Tenant  # noqa: E402
from portal.work.clock import database_now  # noqa: E402
from sync import windows  # noqa: E402
from sync.models.connections import Connection  # noqa: E402
from sync.models.runs import Window  # noqa: E402
from sync.providers import registry  # noqa: E402
from sync.reading.due import due_streams  # noqa: E402
from sync.reading.runner import plan  # noqa: E402

TENANTS = 50
DAILY = ("calls", "callbacks")


def fill(connections: int, days: int) -> None:
    """Everything was read whole a moment ago."""
    now = database_now()
    today = now.date()
    for number in range(connections):
        tenant, _ = Tenant.objects.get_or_create(
            slug=f"t{number % TENANTS}", defaults={"name": f"T {number % TENANTS}"}
        )
        with wall.tenant(tenant):
            environment = Environment.objects.create(tenant=tenant, name=f"E {number}", provider="talkover")
            Connection.objects.create(
                tenant=tenant, environment=environment, provider="talkover", base_url="https://vendor.example/api/v1",
                token="talq_bench", since=today - timedelta(days=days - 1),
            )  # fmt: skip
            parts = [(stream, today - timedelta(days=back)) for stream in DAILY for back in range(days)]
            rows = [(stream, day.isoformat(), day) for stream, day in parts]
            rows += [(stream, "all", None) for stream in ("agents", "campaigns")]
            Window.objects.bulk_create(
                [
                    Window(
                        tenant=tenant, environment=environment, stream=stream, part=part, day=day, state="complete",
                        read_at=now, next_attempt_at=windows.again(stream, day, now), vendor_total=100, mirrored=100,
                    )
                    for stream, part, day in rows
                ],
                batch_size=5_000,
            )  # fmt: skip


def plan_each() -> int:
    """What the sweep did before: the whole ledger of every connection, stream by stream."""
    due = 0
    for tenant in Tenant.objects.filter(active=True):
        with wall.tenant(tenant):
            for connection in Connection.objects.defer("token"):
                provider = registry.get(connection.provider)
                due += sum(bool(plan(connection, provider, stream)) for stream in provider.streams)
    return due


def timed(work: Callable[[], object], rounds: int) -> tuple[float, int]:
    """Median seconds, and how many queries one round asks."""
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    asked = 0

    def count(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        nonlocal asked
        asked += 1
        return execute(sql, params, many, context)

    with database.execute_wrapper(count):
        work()
    return statistics.median(taken), asked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--years", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    call_command("migrate", verbosity=0)
    if not Tenant.objects.exists():
        fill(asked.connections, asked.years * 365)
        with database.cursor() as cursor:
            cursor.execute("ANALYZE")
    with wall.every_tenant("a benchmark"):
        count = Window.objects.count()
    print(f"{count:,} windows, {database.vendor}")
    for name, work in (("a plan for each", plan_each), ("all at once", due_streams)):
        seconds, queries = timed(work, asked.rounds)
        print(f"{name:16} {seconds * 1000:9.1f} ms {queries:6} queries")


if __name__ == "__main__":
    main()
