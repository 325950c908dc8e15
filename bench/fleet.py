"""An hour of daily reading for many tenants on one machine: the whole portal, as ``serve`` runs it, beside a sandbox.

    python -m bench.fleet --connections 200 --tenants 50 --minutes 10

Pauses between readings are divided by ``60 / minutes`` (READING_HASTE), so that an hour goes by in ``minutes``; budgets
are not. Measured: how often each stream was read and how late, requests a minute at the vendor, how long files waited,
and memory. DATABASE_URL and REDIS_URL say where, and the database must be empty; without them all is embedded, in a
folder of its own that is taken away afterwards.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile

SANDBOX_SECONDS = 120  # for counting up what was asked of it


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--tenants", type=int, default=50)
    parser.add_argument("--minutes", type=int, default=10, help="in which an hour goes by")
    parser.add_argument("--workers", type=int, default=2, help="processes that read")
    parser.add_argument("--calls-per-day", type=int, default=40, help="of each connection")
    asked = parser.parse_args()
    many = ("--connections", str(asked.connections))
    with tempfile.TemporaryDirectory(prefix="fleet-") as folder:
        sandbox = subprocess.Popen(
            [sys.executable, "-m", "bench.vendors", *many, "--calls-per-day", str(asked.calls_per_day)],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert sandbox.stdout is not None
            address = sandbox.stdout.readline().strip()
            portal = {
                "DATA_DIR": folder,
                "UPSTREAM_ALLOW_PRIVATE": "true",
                "READING_HASTE": str(max(1, 60 // asked.minutes)),
                "DJANGO_SETTINGS_MODULE": "portal.settings",
            }
            watched = subprocess.run(
                [
                    *(sys.executable, "-m", "bench.fleet_watch", "--address", address, *many),
                    *(
                        "--tenants",
                        str(asked.tenants),
                        "--minutes",
                        str(asked.minutes),
                        "--workers",
                        str(asked.workers),
                    ),
                ],
                env=os.environ | portal,
                check=False,
            )
        finally:
            sandbox.send_signal(signal.SIGTERM)
            told, _ = sandbox.communicate(timeout=SANDBOX_SECONDS)
    vendor = json.loads(told.splitlines()[-1])
    print(f"{'requests at the vendor':42} {vendor['requests']:,}")
    print(f"{'most of one connection within a minute':42} {vendor['busiest_minute']} of 90")
    print(f"{'refused for too many, or failed':42} {vendor['refused']}, {vendor['failed']}")
    sys.exit(watched.returncode or bool(vendor["refused"] or vendor["busiest_minute"] > 90))


if __name__ == "__main__":
    main()
