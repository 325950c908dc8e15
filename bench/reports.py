"""Reports at size: Ringbook, the same questions as SQL on the table of calls, and DuckDB on a Parquet copy, in one run.

``python -m bench.reports`` needs the database that ``bench.seed`` made, its rollups counted, at DATABASE_URL. The
questions are those of an overview of twelve months of the largest environment, each alone and all together, and pages
of calls. Each way answers every question once before the clock runs; then rounds alternate and the medians are
compared. That all three say the same is checked on every question before anything is timed. The zone is São Paulo,
three hours from UTC all year, so that the rivals need no rules of zones.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import django
import psycopg

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from django.db import connection as wire  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.utils import timezone  # noqa: E402

from bench.questions import QUESTIONS, parameters, written  # noqa: E402
from bench.seeding import OWNER, SLUG  # noqa: E402
from portal.tenants import wall  # noqa: E402
from portal.tenants.models.people import User  # noqa: E402
from portal.tenants.models.tenants import Environment, Tenant  # noqa: E402
from reports.periods import Period, local_date  # noqa: E402
from reports.queries.ask import ask_together  # noqa: E402
from reports.queries.calls import page  # noqa: E402
from reports.queries.question import CallQuestion, Filters, Question  # noqa: E402
from reports.scope import Scope  # noqa: E402

DUCKDB = Path(__file__).parent / ".venv" / "bin" / "python"
ROOT = Path(__file__).resolve().parent.parent


def timed(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


class Ours:
    """Questions asked as a page asks them; nothing is kept from one asking to the next."""

    def __init__(self, tenant: Tenant, environment: Environment, period: Period) -> None:
        self.tenant, self.environment = tenant, environment
        everything = frozenset(Environment.objects.values_list("pk", flat=True))
        self.scope = Scope(tenant.pk, tenant.zone, everything, None, sees_numbers=True)
        filters = Filters(environments=(environment.public_id,))
        self.questions = [
            Question(known.metrics, period, known.by, filters, compare=False) for known in QUESTIONS.values()
        ]

    def ask(self, *places: int) -> list[Any]:
        return list(ask_together([self.questions[place] for place in places], self.scope))

    def totals(self, place: int) -> list[float | None]:
        return [cell.value for cell in self.ask(place)[0].totals.values()]


class Duck:
    """DuckDB in a process and an environment of its own; told one question a line, it answers with seconds and rows."""

    def __init__(self, parquet: Path, given: dict[str, str]) -> None:
        place = {"calls": f"'{parquet}'", "local": "(started_at - INTERVAL 3 HOUR)"}
        told = {key: written(known.sql, given, **place) for key, known in QUESTIONS.items()}
        told |= {f"total:{key}": written(known.total, given, **place) for key, known in QUESTIONS.items()}
        questions = parquet.with_name("questions.json")
        questions.write_text(json.dumps(told))
        self.process = subprocess.Popen(
            [str(DUCKDB), "-m", "bench.rival_duckdb", str(questions)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, key: str) -> dict[str, Any]:
        print(key, file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def export(url: str, folder: Path) -> Path:
    """The calls as Parquet, through CSV; made once for a database."""
    made = folder / "calls.parquet"
    if not made.exists():
        text = folder / "calls.csv"
        columns = (
            "environment_id, agent_id, direction, status, is_test, started_at AT TIME ZONE 'UTC' AS started_at,"
            " duration_ms, from_number, to_number, contact, hangup_cause"
        )
        with psycopg.connect(url) as database, text.open("wb") as out:
            query = f"COPY (SELECT {columns} FROM sync_call ORDER BY environment_id, started_at) TO STDOUT CSV HEADER"
            with database.cursor().copy(query) as copy:
                for piece in copy:
                    out.write(piece)
        subprocess.run([str(DUCKDB), "-m", "bench.rival_duckdb", "--make", str(text), str(made)], cwd=ROOT, check=True)
        text.unlink()
    return made


def measure_questions(ours: Ours, url: str, given: dict[str, str], rounds: int, folder: Path) -> None:
    duck = Duck(export(url, folder), given)
    raw = psycopg.connect(url, autocommit=True)
    keys = list(QUESTIONS)
    here = {"calls": "sync_call", "local": "(started_at AT TIME ZONE 'UTC' - interval '3 hours')", "offset": "+00"}
    sql = {key: written(known.sql, given, **here) for key, known in QUESTIONS.items()}
    for place, key in enumerate(keys):
        total = written(QUESTIONS[key].total, given, **here)
        _agree(key, ours.totals(place), raw.execute(total).fetchone(), duck.ask(f"total:{key}"))
    times: dict[str, dict[str, list[float]]] = {key: {"ours": [], "sql": [], "duckdb": []} for key in [*keys, "all"]}
    for _round in range(rounds):
        for place, key in enumerate(keys):
            times[key]["ours"].append(timed(lambda place=place: ours.ask(place)))
            times[key]["sql"].append(timed(lambda key=key: raw.execute(sql[key]).fetchall()))
            times[key]["duckdb"].append(duck.ask(key)["seconds"])
        times["all"]["ours"].append(timed(lambda: ours.ask(*range(len(keys)))))
    for way in ("sql", "duckdb"):
        times["all"][way] = [sum(statistics.median(times[key][way]) for key in keys)]
    duck.end()
    print("| question | ours, ms | SQL on calls, ms | DuckDB, ms | faster than SQL | than DuckDB |")
    print("|---|---:|---:|---:|---:|---:|")
    for key, found in times.items():
        mine, theirs, other = (statistics.median(found[way]) * 1000 for way in ("ours", "sql", "duckdb"))
        label = QUESTIONS[key].label if key in QUESTIONS else "all of them together"
        print(f"| {label} | {mine:.0f} | {theirs:.0f} | {other:.0f} | {theirs / mine:.1f} | {other / mine:.1f} |")


def _agree(key: str, ours: list[float | None], sql: Any, duck: dict[str, Any]) -> None:
    for mine, theirs, other in zip(ours, sql, duck["rows"][0], strict=True):
        near = QUESTIONS[key].within
        if abs(float(mine or 0) - float(theirs or 0)) > near * max(1.0, abs(float(theirs or 0))):
            sys.exit(f"{key}: ours {ours}, SQL {sql}")
        if abs(float(theirs or 0) - float(other or 0)) > 1e-6 * max(1.0, abs(float(theirs or 0))):
            sys.exit(f"{key}: SQL {sql}, DuckDB {duck['rows'][0]}")


def measure_lists(ours: Ours, url: str, rounds: int) -> None:
    question = CallQuestion(filters=Filters(environments=(ours.environment.public_id,)))
    deep = ""
    for _step in range(2500):  # ten pages of the size asked for in one step
        deep = page(question, ours.scope, cursor=deep, size=500).next
    raw = psycopg.connect(url, autocommit=True)
    offset = (
        "SELECT * FROM sync_call WHERE environment_id = %s AND NOT is_test"
        " ORDER BY started_at DESC, id DESC LIMIT 50 OFFSET %s"
    )
    ways = {
        "first page": lambda: page(question, ours.scope),
        "page 25,000": lambda: page(question, ours.scope, cursor=deep),
        "page 25,000 by OFFSET, SQL": lambda: raw.execute(offset, [ours.environment.pk, 1_250_000]).fetchall(),
    }
    for act in ways.values():
        act()
    found = {name: statistics.median(timed(act) for _ in range(rounds * 3)) * 1000 for name, act in ways.items()}
    print("\n| list of calls, 50 a page | ms | against the first page |\n|---|---:|---:|")
    for name, took in found.items():
        print(f"| {name} | {took:.1f} | {took / found['first page']:.2f} |")


def measure_pages(ours: Ours, period: Period, rounds: int) -> None:
    client = Client(headers={"accept-encoding": "gzip", "host": "127.0.0.1"})
    client.force_login(User.objects.get(email=OWNER))
    days = f"period=custom&date_from={period.start}&date_to={period.last_day}"
    one = f"environment={ours.environment.public_id}"
    print("\n| page | ms | queries | kB compressed |\n|---|---:|---:|---:|")
    for label, address in (
        ("overview, 12 months, largest environment", f"/t/{SLUG}/?{days}&{one}"),
        ("overview, 12 months, all environments", f"/t/{SLUG}/?{days}"),
        ("calls, first page, largest environment", f"/t/{SLUG}/calls/?{days}&{one}"),
        ("calls, first page, all environments", f"/t/{SLUG}/calls/"),
        ("callbacks, 12 months, largest environment", f"/t/{SLUG}/callbacks/?{days}&{one}"),
    ):
        client.get(address)
        with CaptureQueriesContext(wire) as captured:
            answer = client.get(address)
        queries = len(captured)  # now: the next request begins a new count
        if answer.status_code != 200:
            sys.exit(f"{address}: {answer.status_code}")
        took = statistics.median(timed(lambda address=address: client.get(address)) for _ in range(rounds)) * 1000
        print(f"| {label} | {took:.0f} | {queries} | {len(answer.content) / 1000:.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "ringbook-bench")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    url = os.environ["DATABASE_URL"]
    tenant = Tenant.objects.get(slug=SLUG)
    with wall.tenant(tenant):
        environment = Environment.objects.order_by("name").first()
        today = local_date(timezone.now(), tenant.zone)
        period = Period(today - timedelta(days=365), today, tenant.zone)
        ours = Ours(tenant, environment, period)
        measure_questions(ours, url, parameters(environment.pk, period), asked.rounds, asked.folder)
        measure_lists(ours, url, asked.rounds)
    measure_pages(ours, period, asked.rounds)


if __name__ == "__main__":
    main()
