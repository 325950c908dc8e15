"""Files of many calls: rows a second, and how far the maker's memory grows, one process a file, on PostgreSQL.

``python -m bench.exports`` seeds a database with a million calls (``bench.seed``); ``--url`` takes one that is seeded
already. Each file is made by the function that a worker calls, down to its name and its sum.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg

from bench.memory import Growth

FORMATS = ("csv", "excel-pt", "xlsx", "parquet")
LIMIT = 300  # MB above idle
NAME = "bench_exports"
ROOT = Path(__file__).parents[1]


def make(form: str) -> None:
    """Make one file in this process, and say how it went."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    import django  # noqa: PLC0415 - the settings read the database's address

    django.setup()
    from bench import exporting  # noqa: PLC0415

    row = exporting.asked(form)
    growth, began, worked = Growth(), time.monotonic(), time.process_time()
    found = exporting.made(row)
    told = {
        "rows": found.done,
        "bytes": found.bytes,
        "seconds": time.monotonic() - began,
        "busy": time.process_time() - worked,
        "peak": growth.peak(),
    }
    exporting.deleted(found)
    print(json.dumps(told))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--url", default="", help="a database that bench.seed has filled")
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--make", default="", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.make:
        make(asked.make)
        return
    server = os.environ.get("BENCH_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
    url = asked.url or f"{server.rpartition('/')[0]}/{NAME}"
    with tempfile.TemporaryDirectory(prefix="ringbook-bench-") as folder:
        os.environ |= {"DATABASE_URL": url, "DATA_DIR": folder}
        if not asked.url:
            command = [sys.executable, "-m", "bench.seed", "--calls", str(asked.calls), "--no-columns"]
            subprocess.run(command, check=True, cwd=ROOT, stdout=sys.stderr)
        over = [form for form in asked.formats.split(",") if measure(form, asked.formats.startswith(form)) >= LIMIT]
    if not asked.url:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
    print(f"goal: under {LIMIT} MB; {'missed by ' + ', '.join(over) if over else 'met'}")
    sys.exit(1 if over else 0)


def measure(form: str, first: bool) -> float:
    """Make one file in a fresh process; its peak of memory."""
    command = [sys.executable, "-m", "bench.exports", "--make", form]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    told = json.loads(said.stdout.splitlines()[-1])
    if first:
        print("| file | rows | rows/s | busy s | peak above idle | size |\n|---|---:|---:|---:|---:|---:|")
    print(
        f"| {form} | {told['rows']:,} | {told['rows'] / told['seconds']:,.0f} | {told['busy']:.1f} "
        f"| {told['peak']:.0f} MB | {told['bytes'] / 1e6:.0f} MB |",
        flush=True,
    )
    return float(told["peak"])


if __name__ == "__main__":
    main()
