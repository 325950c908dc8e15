"""Reports at size: Ringbook, the same questions as SQL on the calls, and DuckDB alone on the same files, in one run.

``python -m bench.reports`` needs the database that ``bench.seed`` made at DATABASE_URL, and its column files in
DATA_DIR; ``--calls`` draws both anew first. Measured: an overview of twelve months, of the largest environment and of
all; random questions with one to four filters; lists and whole pages; the columns made anew; and a web worker's memory.
Each way answers every question once before the clock runs; then rounds alternate and medians are compared. That all say
the same is checked on every question before anything is timed. The zone is São Paulo, three hours from UTC all year, so
that the rivals need no rules of zones.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import django
import psycopg

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
os.environ["ANSWERS_KEPT_SECONDS"] = "0"  # every question is computed
django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection as wire  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.utils import timezone  # noqa: E402

from bench import seeding  # noqa: E402
from bench.bare import BareDuck  # noqa: E402
from bench.questions import QUESTIONS, in_columns, in_mirror  # noqa: E402
from bench.random_questions import draw, known  # noqa: E402
from bench.seeding import OWNER, SLUG  # noqa: E402
from portal.tenants import wall  # noqa: E402
from portal.tenants.models.people import User  # noqa: E402
from portal.tenants.models.tenants import Environment, Tenant  # noqa: E402
from reports.definitions.periods import Period, local_date  # noqa: E402
from reports.queries.ask import ask_together  # noqa: E402
from reports.queries.calls.lists import page  # noqa: E402
from reports.queries.question import CallQuestion, Filters, Question  # noqa: E402
from reports.queries.scope import Scope  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
RANDOM = 100


def timed(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


class Ours:
    """Questions asked as a page asks them."""

    def __init__(self, tenant: Tenant, period: Period) -> None:
        self.environments = list(Environment.objects.order_by("name"))
        self.period = period
        everything = frozenset(each.pk for each in self.environments)
        self.scope = Scope(tenant.pk, tenant.zone, everything, None, sees_numbers=True)

    def overview(self, environments: Sequence[Environment]) -> list[Question]:
        whole = len(environments) == len(self.environments)
        filters = Filters() if whole else Filters(environments=tuple(each.public_id for each in environments))
        return [Question(each.metrics, self.period, each.by, filters, compare=False) for each in QUESTIONS.values()]

    def ask(self, questions: Sequence[Question]) -> list[Any]:
        return list(ask_together(questions, self.scope))

    def totals(self, question: Question) -> list[float | None]:
        return [cell.value for cell in self.ask([question])[0].totals.values()]


def measure_overview(ours: Ours, url: str, bare: BareDuck, environments: Sequence[Environment], rounds: int) -> None:
    keys = [each.pk for each in environments]
    mirror, files = in_mirror(keys, ours.period), in_columns(bare.table(keys), keys, ours.period)
    questions = dict(zip(QUESTIONS, ours.overview(environments), strict=True))
    times: dict[str, dict[str, list[float]]] = {
        key: {"ours": [], "sql": [], "duckdb": []} for key in [*QUESTIONS, "all"]
    }
    with psycopg.connect(url, autocommit=True) as raw:
        for key, each in QUESTIONS.items():
            totals = ours.totals(questions[key])
            _agree(key, totals, raw.execute(mirror.write(each.total)).fetchone())
            _agree(key, totals, bare.rows(files.write(each.total))[0])
        for _round in range(rounds):
            for key, each in QUESTIONS.items():
                times[key]["ours"].append(timed(lambda key=key: ours.ask([questions[key]])))
                times[key]["sql"].append(timed(lambda each=each: raw.execute(mirror.write(each.sql)).fetchall()))
                times[key]["duckdb"].append(bare.seconds(files.write(each.sql)))
            times["all"]["ours"].append(timed(lambda: ours.ask(list(questions.values()))))
    for way in ("sql", "duckdb"):
        times["all"][way] = [sum(statistics.median(times[key][way]) for key in QUESTIONS)]
    print(f"\n| overview, {len(keys)} of {len(ours.environments)} environments, {ours.period.days} days", end="")
    print(" | ours, ms | SQL on calls, ms | DuckDB, ms | faster than SQL | than DuckDB |")
    print("|---|---:|---:|---:|---:|---:|")
    for key, taken in times.items():
        mine, theirs, other = (statistics.median(taken[way]) * 1000 for way in ("ours", "sql", "duckdb"))
        label = QUESTIONS[key].label if key in QUESTIONS else "all of them together"
        print(f"| {label} | {mine:.0f} | {theirs:.0f} | {other:.0f} | {theirs / mine:.1f} | {other / mine:.1f} |")


def _agree(key: object, ours: Collection[float | None], other: Sequence[Any]) -> None:
    for mine, theirs in zip(ours, other, strict=True):
        if abs(float(mine or 0) - float(theirs or 0)) > 1e-6 * max(1.0, abs(float(theirs or 0))):
            sys.exit(f"{key}: ours {ours}, the other way {other}")


def measure_random(ours: Ours, bare: BareDuck, rounds: int) -> None:
    mine, theirs = [], []
    for number, drawn in enumerate(draw(RANDOM, ours.period.last_day, ours.scope.zone, known())):
        sql = drawn.sql(bare.table(drawn.environments))
        # The whole has the highest first column; without any call DuckDB gives no row of it where there are groups.
        whole = max(bare.rows(sql), key=lambda row: row[0], default=(0, *(None for _ in drawn.question.metrics)))
        _agree((number, drawn), ours.totals(drawn.question), whole[1 : 1 + len(drawn.question.metrics)])
        taken = [(timed(lambda drawn=drawn: ours.ask([drawn.question])), bare.seconds(sql)) for _round in range(rounds)]
        mine.append(statistics.median(each[0] for each in taken) * 1000)
        theirs.append(statistics.median(each[1] for each in taken) * 1000)
    ratios = [ours_ms / bare_ms for ours_ms, bare_ms in zip(mine, theirs, strict=True)]
    print(f"\n| {RANDOM} random questions | ours | DuckDB |\n|---|---:|---:|")
    for label, share in (("median", 50), ("95th percentile", 95)):
        pair = [statistics.quantiles(each, n=100)[share - 1] for each in (mine, theirs)]
        print(f"| {label}, ms | {pair[0]:.0f} | {pair[1]:.0f} |")
    print(f"| together, ms | {sum(mine):.0f} | {sum(theirs):.0f} |")
    print(f"| together, against DuckDB | {sum(mine) / sum(theirs):.2f} | 1 |")
    print(f"| median of the ratios | {statistics.median(ratios):.2f} | 1 |")
    more = statistics.median(ours_ms - bare_ms for ours_ms, bare_ms in zip(mine, theirs, strict=True))
    print(f"| median of what ours takes more, ms | {more:.0f} | |")


def measure_lists(ours: Ours, url: str, rounds: int, pages: int) -> None:
    environment = ours.environments[0]
    question = CallQuestion(filters=Filters(environments=(environment.public_id,)))
    deep = ""
    for _step in range(pages // 10):  # ten pages of the size asked for in one step
        deep = page(question, ours.scope, cursor=deep, size=500).next
    raw = psycopg.connect(url, autocommit=True)
    offset = (
        "SELECT * FROM sync_call WHERE environment_id = %s AND NOT is_test"
        " ORDER BY started_at DESC, id DESC LIMIT 50 OFFSET %s"
    )
    ways = {
        "first page": lambda: page(question, ours.scope),
        f"page {pages:,}": lambda: page(question, ours.scope, cursor=deep),
        f"page {pages:,} by OFFSET, SQL": lambda: raw.execute(offset, [environment.pk, pages * 50]).fetchall(),
    }
    for act in ways.values():
        act()
    taken = {name: statistics.median(timed(act) for _ in range(rounds * 3)) * 1000 for name, act in ways.items()}
    print("\n| list of calls, 50 a page | ms | against the first page |\n|---|---:|---:|")
    for name, took in taken.items():
        print(f"| {name} | {took:.1f} | {took / taken['first page']:.2f} |")


def measure_pages(ours: Ours, rounds: int) -> None:
    client = Client(headers={"accept-encoding": "gzip", "host": "127.0.0.1"})
    client.force_login(User.objects.get(email=OWNER))
    days, one = _days(ours.period), f"environment={ours.environments[0].public_id}"
    print("\n| page | ms | queries | kB compressed |\n|---|---:|---:|---:|")
    for label, address in (
        ("overview, 12 months, largest environment", f"/t/{SLUG}/?{days}&{one}"),
        ("overview, 12 months, all environments", f"/t/{SLUG}/?{days}"),
        ("calls, first page, largest environment", f"/t/{SLUG}/calls/?{days}&{one}"),
        ("calls, first page, all environments", f"/t/{SLUG}/calls/"),
        ("callbacks, 12 months, largest environment", f"/t/{SLUG}/callbacks/?{days}&{one}"),
        ("callbacks, 12 months, all environments", f"/t/{SLUG}/callbacks/?{days}"),
    ):
        client.get(address)
        with CaptureQueriesContext(wire) as captured:
            answer = client.get(address)
        queries = len(captured)  # now: the next request begins a new count
        if answer.status_code != 200:
            sys.exit(f"{address}: {answer.status_code}")
        took = statistics.median(timed(lambda address=address: client.get(address)) for _ in range(rounds)) * 1000
        print(f"| {label} | {took:.0f} | {queries} | {len(answer.content) / 1000:.0f} |")


def _days(period: Period) -> str:
    return f"period=custom&date_from={period.start}&date_to={period.last_day}"


def measure_readers(ours: Ours) -> None:
    command = [sys.executable, "-m", "bench.wide_readers", "--address", f"/t/{SLUG}/?{_days(ours.period)}"]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    seen = json.loads(answer.stdout.splitlines()[-1])
    print("\n| eight wide readers at once in one process | |\n|---|---:|")
    print(f"| memory above idle | {seen['mb']:.0f} MB |\n| all answered after | {seen['seconds']:.1f} s |")
    print(f"| failed | {sum(status != 200 for status in seen['statuses'])} |")


def measure_rebuild() -> None:
    began = time.perf_counter()
    rows, size = seeding.columns()
    took = time.perf_counter() - began
    print("\n| columns of all calls made anew, once | |\n|---|---:|")
    print(f"| calls | {rows:,} |\n| seconds | {took:.1f} |\n| calls/s | {rows / took:,.0f} |")
    print(f"| bytes a call | {size / rows:.1f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=0, help="draw so many first, into a database made anew")
    parser.add_argument("--pages", type=int, default=200, help="how deep to go into the list of calls")
    parser.add_argument("--only", default="overview,random,lists,pages,readers,rebuild")
    asked = parser.parse_args()
    if asked.calls:
        seed = [sys.executable, "-m", "bench.seed", "--calls", str(asked.calls)]
        subprocess.run(seed, check=True, cwd=ROOT, stdout=sys.stderr)
    url, parts = os.environ["DATABASE_URL"], asked.only.split(",")
    tenant = Tenant.objects.get(slug=SLUG)
    print(f"{settings.COLUMNS_THREADS} threads, {settings.COLUMNS_MEMORY}, medians of {asked.rounds}")
    with wall.tenant(tenant):
        today = local_date(timezone.now(), tenant.zone)
        ours, bare = Ours(tenant, Period(today - timedelta(days=365), today, tenant.zone)), BareDuck()
        if "overview" in parts:
            for environments in (ours.environments[:1], ours.environments):
                measure_overview(ours, url, bare, environments, asked.rounds)
        if "random" in parts:
            measure_random(ours, bare, asked.rounds)
        if "lists" in parts:
            measure_lists(ours, url, asked.rounds, asked.pages)
    if "pages" in parts:
        measure_pages(ours, asked.rounds)
    if "readers" in parts:
        measure_readers(ours)
    if "rebuild" in parts:
        measure_rebuild()


if __name__ == "__main__":
    main()
