"""One pull of Ringbook's, in a process of its own, so that its memory is its own. Prints one JSON line."""

import argparse
import json
import os
import sys
import time
from datetime import date

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.core.management import call_command  # noqa: E402

from bench.memory import Growth  # noqa: E402
from portal.tenants import wall  # noqa: E402
from portal.tenants.models.tenants import Tenant  # noqa: E402
from sync.connections import Description, add_connection  # noqa: E402
from sync.models.connections import Connection  # noqa: E402
from sync.reading import fetching  # noqa: E402
from sync.reading.runner import pull  # noqa: E402
from sync.taxonomy import Stream  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--since", type=date.fromisoformat, required=True)
    parser.add_argument("--until", type=date.fromisoformat, required=True)
    parser.add_argument("--agents", default="", help="read OriginsAI's agents, 7:Reception,… and not Talkover")
    parser.add_argument("--token", default="talq_bench")
    parser.add_argument("--fetchers", type=int, default=fetching.SIZE)
    asked = parser.parse_args()
    fetching.SIZE = asked.fetchers
    call_command("migrate", verbosity=0)
    tenant, _ = Tenant.objects.get_or_create(slug="bench", defaults={"name": "Bench", "zone": "America/Sao_Paulo"})
    wanted = Description(
        "Bench",
        "originsai" if asked.agents else "talkover",
        asked.base_url,
        asked.since,
        token=asked.token,
        settings={"agents": asked.agents} if asked.agents else {},
    )
    with wall.tenant(tenant):
        found = Connection.objects.filter(environment__name="Bench").first()
        connection = found or add_connection(tenant, wanted, check=False)
        connection.base_url = asked.base_url
        connection.save()
        memory = Growth()
        began, worked = time.perf_counter(), time.process_time()
        report = pull(connection, [Stream.CALLS], since=asked.since, until=asked.until)
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    told = report.streams[Stream.CALLS]
    if report.status != "complete":
        sys.exit(f"the pull ended {report.status}: {told.fault} {told.detail}")
    print(
        json.dumps(
            {
                "seconds": seconds,
                "cpu": cpu,
                "seen": told.seen,
                "new": told.new,
                "changed": told.changed,
                "mb": memory.peak(),
            }
        )
    )


if __name__ == "__main__":
    main()
