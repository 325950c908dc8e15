"""Ingest: Ringbook on PostgreSQL and on SQLite, dlt at its defaults and tuned, and a bare COPY, on the same pages.

Every way runs in a process of its own against a database of its own, PostgreSQL's on one server. Rounds alternate; the
medians are compared. Written per call, on PostgreSQL: row versions (inserts and updates of the calls' and payloads'
tables) and WAL.
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from bench.pages import FIRST_DAY
from sync.sandbox.server import Sandbox

ROOT = Path(__file__).resolve().parent.parent
SERVER = os.environ.get("BENCH_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
DLT = ROOT / "bench" / ".venv" / "bin" / "python"
TABLES = ("sync_call", "sync_payload")


def database_url(name: str) -> str:
    return urlunsplit(urlsplit(SERVER)._replace(path=f"/{name}"))


def fresh_database(name: str) -> str:
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{name}"')
    return database_url(name)


@contextmanager
def vendor(calls: int, days: int, latency: float = 0.0):
    command = [sys.executable, "-m", "bench.pages", f"--calls={calls}", f"--days={days}", f"--latency={latency}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        finally:
            server.terminate()


def run(command: list[str], **environment: str) -> dict:
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def ours(url: str, base: str, days: int, fetchers: int = 8) -> dict:
    last = (FIRST_DAY + timedelta(days=days - 1)).date()
    command = [sys.executable, "-m", "bench.ours", f"--base-url={base}/api/v1", f"--since={FIRST_DAY.date()}"]
    folder = Path(tempfile.gettempdir()) / "ringbook-bench"
    return run(
        [*command, f"--until={last}", f"--fetchers={fetchers}"],
        DATABASE_URL=url,
        DATA_DIR=str(folder),
        UPSTREAM_ALLOW_PRIVATE="true",
        UPSTREAM_RATE_PER_MINUTE="100000000",
    )


def dlt(mode: str, url: str, base: str, folder: str) -> dict:
    # dlt insists on a password, also where the server trusts local users.
    parts = urlsplit(url)
    if not parts.password:
        url = urlunsplit(parts._replace(netloc=f"{parts.username}:unused@{parts.hostname}:{parts.port or 5432}"))
    return run(
        [str(DLT), "-m", "bench.rival_dlt", mode, f"--base-url={base}", f"--database-url={url}", f"--folder={folder}"]
    )


def bare_copy(url: str) -> dict:
    """COPY of our own rows into tables with the same columns and indexes."""
    with psycopg.connect(url) as connection:
        rows = {}
        for table in TABLES:
            text = io.BytesIO()
            with connection.cursor().copy(f"COPY {table} TO STDOUT") as copy:
                for block in copy:
                    text.write(block)
            rows[table] = text.getvalue()
            connection.execute(f"DROP TABLE IF EXISTS bare_{table}")
            connection.execute(f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING ALL)")
        connection.commit()
        began = time.perf_counter()
        for table in TABLES:
            with connection.cursor().copy(f"COPY bare_{table} FROM STDIN") as copy:
                copy.write(rows[table])
        connection.commit()
        return {"seconds": time.perf_counter() - began}


class Written:
    """Row versions and WAL between two moments."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.before = self._now()

    def _now(self) -> tuple[int, int]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("SELECT pg_stat_force_next_flush()")
            time.sleep(1.2)
            versions = connection.execute(
                "SELECT coalesce(sum(n_tup_ins + n_tup_upd), 0) FROM pg_stat_user_tables WHERE relname = ANY(%s)",
                [list(TABLES)],
            ).fetchone()[0]
            wal = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')").fetchone()[0]
        return int(versions), int(wal)

    def since(self) -> tuple[int, int]:
        now = self._now()
        return now[0] - self.before[0], now[1] - self.before[1]


def one_round(calls: int, days: int, base: str) -> dict[str, float]:
    told: dict[str, float] = {}
    url = fresh_database("ringbook_bench")
    _ours_once(told, "ours", url, (base, calls, days))
    told["copy"] = bare_copy(url)["seconds"]
    with tempfile.TemporaryDirectory() as folder:
        _ours_once(told, "ours on SQLite", f"sqlite:///{folder}/bench.db", (base, calls, days))
    for mode in ("default", "tuned"):
        other = fresh_database(f"ringbook_bench_dlt_{mode}")
        with tempfile.TemporaryDirectory() as folder:
            for step, version in (("first", "a"), ("changed", "b")):
                written = Written(other)
                result = dlt(mode, other, f"{base}/{version}/api/v1", folder)
                if result["rows"] != calls:
                    sys.exit(f"dlt {mode} has {result['rows']} rows of {calls}")
                key = f"dlt {mode}.{step}"
                told |= {key: result["seconds"], f"{key}.mb": result["mb"], f"{key}.wal": written.since()[1] / calls}
    return told


def _ours_once(told: dict[str, float], way: str, url: str, pages: tuple[str, int, int]) -> None:
    base, calls, days = pages
    # The tables first, so that what is written is told apart from what migrations write.
    run([sys.executable, "-c", MIGRATE], DATABASE_URL=url, DATA_DIR=tempfile.gettempdir() + "/ringbook-bench")
    for step, version in (("first", "a"), ("same", "a"), ("changed", "b")):
        written = None if url.startswith("sqlite") else Written(url)
        result = ours(url, f"{base}/{version}", days)
        if result["seen"] != calls:
            sys.exit(f"{way}, {step}: {result['seen']} calls read of {calls}")
        told |= {f"{way}.{step}": result["seconds"], f"{way}.{step}.mb": result["mb"]}
        if written is not None:
            versions, wal = written.since()
            told |= {f"{way}.{step}.versions": versions / calls, f"{way}.{step}.wal": wal / calls}


MIGRATE = (
    "import os, django; os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'portal.settings'); django.setup();"
    "from django.core.management import call_command; call_command('migrate', verbosity=0); print('{}')"
)


def fetchers(calls: int = 20_000, days: int = 4) -> dict[str, float]:
    """Eight fetchers against one, 50 ms from the vendor."""
    told = {}
    with vendor(calls, days, latency=0.05) as base:
        for count in (1, 8):
            told[f"{count} fetchers"] = ours(fresh_database("ringbook_bench_far"), f"{base}/a", days, count)["seconds"]
    return told


def stream(megabytes: int = 300) -> dict[str, float]:
    """Memory over one unpaged answer of OriginsAI's, on both databases."""
    told = {}
    with Sandbox(days=8, calls_per_day=40, originsai_extra_mb=megabytes) as box:  # a weekend may have no calls to pad
        agents = ",".join(f"{number}:{name}" for number, name in box.originsai_agents.items())
        today = box.now.date().isoformat()
        command = [sys.executable, "-m", "bench.ours", f"--base-url={box.originsai_url}", f"--since={today}"]
        command += [f"--until={today}", f"--agents={agents}", f"--token={box.originsai_token}"]
        with tempfile.TemporaryDirectory() as folder:
            databases = {"PostgreSQL": fresh_database("ringbook_bench_far"), "SQLite": f"sqlite:///{folder}/bench.db"}
            for name, url in databases.items():
                settings = {"DATABASE_URL": url, "DATA_DIR": folder, "UPSTREAM_ALLOW_PRIVATE": "true"}
                told[name] = run(command, **settings)["mb"]
    return told


def table(rounds: list[dict[str, float]], far: dict[str, float], streamed: dict[str, float], calls: int) -> str:
    middle = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    lines = [
        f"{calls:,} calls, {len(rounds)} rounds, medians.",
        "",
        "| way | seconds | calls/s | against bare COPY | memory above idle | row versions a call | WAL bytes a call |",
        "|---|---:|---:|---:|---:|---:|---:|",
        f"| bare COPY, same rows, same indexes | {middle['copy']:.2f} | {calls / middle['copy']:,.0f} | 1.00 | | | |",
    ]
    names = [(way, step) for way in ("ours", "ours on SQLite") for step in ("first", "same", "changed")]
    names += [(way, step) for way in ("dlt default", "dlt tuned") for step in ("first", "changed")]
    words = {"first": "first load", "same": "re-read, nothing changed", "changed": "re-read, 1 % changed"}
    for way, step in names:
        key = f"{way}.{step}"
        seconds = middle[key]
        versions = f"{middle[key + '.versions']:.3f}" if key + ".versions" in middle else ""
        wal = f"{middle[key + '.wal']:,.0f}" if key + ".wal" in middle else ""
        lines.append(
            f"| {way}: {words[step]} | {seconds:.2f} | {calls / seconds:,.0f} | {middle['copy'] / seconds:.2f} "
            f"| {middle[key + '.mb']:.0f} MB | {versions} | {wal} |"
        )
    return "\n".join([*lines, "", *goals(middle, far, streamed)])


def goals(middle: dict[str, float], far: dict[str, float], streamed: dict[str, float]) -> list[str]:
    first, again = middle["ours.first"], middle["ours.changed"]
    default, tuned = middle["dlt default.first"], middle["dlt tuned.first"]
    return [
        "| goal | wanted | measured |",
        "|---|---:|---:|",
        f"| first load against bare COPY | ≥ 0.5 | {middle['copy'] / first:.2f} |",
        f"| first load against dlt, tuned | ≥ 1.2 | {tuned / first:.2f} |",
        f"| first load against dlt, defaults | ≥ 3.5 | {default / first:.1f} |",
        f"| re-read, 1 % changed, against dlt, defaults | ≥ 10 | {middle['dlt default.changed'] / again:.1f} |",
        f"| row versions a call, re-read of unchanged history | 0 | {middle['ours.same.versions']:.3f} |",
        f"| eight fetchers against one, 50 ms away | ≥ 6.5 | {far['1 fetchers'] / far['8 fetchers']:.1f} |",
        *(f"| memory over a 300 MB answer, {name} | < 150 MB | {mb:.0f} MB |" for name, mb in streamed.items()),
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=200_000)
    parser.add_argument("--days", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    rounds = []
    with vendor(asked.calls, asked.days) as base:
        for number in range(asked.rounds):
            rounds.append(one_round(asked.calls, asked.days, base))
            print(f"round {number + 1}: {json.dumps(rounds[-1])}", file=sys.stderr)
    print(table(rounds, fetchers(), stream(), asked.calls))


if __name__ == "__main__":
    main()
