"""``python -m bench.row_security``: what row-level security costs, against the portal as the owner of the tables.

A first load from rendered pages, then the lists of the loaded calls, each way in a process and a database of its own,
in turn on one PostgreSQL; medians of the rounds. The owner passes row-level security: its way is the portal without.
"""

import argparse
import os
import statistics
import sys
import tempfile
from urllib.parse import urlsplit, urlunsplit

import psycopg

from bench.ingest import MIGRATE, database_url, fresh_database, ours, run, vendor

ROLE = "ringbook_bench_app"
ROLES = MIGRATE.replace("print(", "call_command('database_roles'); print(")


def as_role(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{ROLE}:bench@{parts.netloc.rpartition('@')[2]}"))


def load(base: str, calls: int, days: int) -> dict[str, float]:
    """Seconds of a first load, without and with."""
    told = {}
    for way in ("without", "with"):
        url = fresh_database(f"ringbook_bench_{way}")
        environment = {"DATABASE_URL": url, "DATA_DIR": tempfile.gettempdir() + "/ringbook-bench"}
        if way == "with":
            environment |= {"DATABASE_URL": as_role(url), "DATABASE_OWNER_URL": url}
            os.environ["DATABASE_OWNER_URL"] = url
        run([sys.executable, "-c", ROLES if way == "with" else MIGRATE], **environment)
        try:
            result = ours(environment["DATABASE_URL"], f"{base}/a", days)
        finally:
            os.environ.pop("DATABASE_OWNER_URL", None)
        if result["seen"] != calls:
            sys.exit(f"{way}: {result['seen']} calls read of {calls}")
        told[f"{way}.first load"] = result["seconds"]
    return told


def listed() -> dict[str, float]:
    """Of each list its median milliseconds, in both ways, asked by processes of their own."""
    told = {}
    for way in ("without", "with"):
        url = database_url(f"ringbook_bench_{way}")
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute("ANALYZE")  # as autovacuum does within a minute: before PostgreSQL 17 an owner alone may
        answer = run(
            [sys.executable, "-m", "bench.row_security_lists"],
            DATABASE_URL=as_role(url) if way == "with" else url,
            DATA_DIR=tempfile.gettempdir() + "/ringbook-bench",
        )
        if answer.pop("in force") != (way == "with"):
            sys.exit(f"{way}: row-level security is not as it should be")
        told |= {f"{way}.{name}": value for name, value in answer.items()}
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=200_000)
    parser.add_argument("--days", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    rounds = []
    with vendor(asked.calls, asked.days) as base:
        for _ in range(asked.rounds):
            rounds.append(load(base, asked.calls, asked.days) | listed())
    names = [name.partition(".")[2] for name in rounds[0] if name.startswith("with.")]
    print("| what | without | with | with to without |\n|---|---:|---:|---:|")
    for name in names:
        without, within = (statistics.median(each[f"{way}.{name}"] for each in rounds) for way in ("without", "with"))
        unit = "s" if name == "first load" else "ms"
        print(f"| {name} | {without:.2f} {unit} | {within:.2f} {unit} | {within / without:.2f} |")


if __name__ == "__main__":
    main()
