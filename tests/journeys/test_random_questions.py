"""Four hundred random questions: page, API, CSV and XLSX tell what plain Python counts over the mirrored rows.

A question is any metrics by any groupings for any period in any zone, with any filters. Each face is asked by its own
address or writer; the count is :mod:`tests.journeys.recount`'s, which shares no formula with them.
"""

import csv
import html
import io
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.test import Client, override_settings
from python_calamine import CalamineWorkbook

from portal.tenants import wall
from portal.tenants.models.people import Membership, Role
from portal.tenants.models.tenants import Tenant
from reports.definitions.metrics import METRICS
from reports.definitions.periods import Period
from reports.files import as_csv, as_xlsx
from reports.files.table import Kind
from reports.files.tables import report_table
from reports.queries.question import Filters, Question, write_question
from reports.queries.scope import Scope
from sync.sandbox.server import Sandbox
from tests import databases
from tests.browser.town import AT_ONCE, Town, fill
from tests.conftest import member
from tests.journeys.books import Books, Span, keys_of
from tests.journeys.recount import Recounted, Result, change, faced

pytestmark = pytest.mark.django_db

QUESTIONS = 400
NOW = datetime(2025, 11, 3, 13, 30, tzinfo=UTC)  # a Monday; New York's clocks went back on Sunday
DAYS = 40
ZONES = ("America/Sao_Paulo", "UTC", "Asia/Kathmandu", "America/New_York")
GROUPINGS = (
    "hour", "day", "week", "month", "weekday", "hour_of_day", "agent", "status", "direction", "environment", "cause",
    "side", "area_code", "line", "length",
)  # fmt: skip
MOST_ROWS = 160
OF_RETURNS = [key for key in METRICS if METRICS[key].of_returns]


@dataclass
class World:
    tenant: Tenant
    scope: Scope
    books: Books
    client: Client
    user: Any


@databases.world
def questioned() -> Iterator[World]:
    """Both vendors mirrored over HTTP, rollups counted for all but the last days, and the books of it."""
    end = NOW - timedelta(minutes=10)
    box = Sandbox(days=DAYS, calls_per_day=15, seed=11, end=end, originsai_per_day=6)
    with box, override_settings(**AT_ONCE), time_machine.travel(NOW, tick=False):
        tenant = Tenant.objects.create(slug="acme", name="Acme", zone="America/Sao_Paulo", language="en")
        user = member(tenant, "ana@acme.example", Role.OWNER, numbers=True)
        loosen(box)
        fill(Town("", tenant, box), since=(end - timedelta(days=DAYS + 1)).date())
        with wall.tenant(tenant):
            scope = Scope.of(Membership.objects.select_related("grant", "tenant").get(user=user).grant)
            books = Books.read(tenant, NOW)
    yield World(tenant, scope, books, Client(), user)


@pytest.fixture
def world(questioned) -> Iterator[World]:
    with time_machine.travel(NOW, tick=False):
        yield questioned


def loosen(box: Sandbox) -> None:
    """Calls that are not over, tests, withheld numbers and several calls in one second."""
    for hours, status in ((1, "ringing"), (1, "answered"), (3, "answered"), (50, "initiated"), (72, "queued")):
        at = (NOW - timedelta(hours=hours, minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        box.world.insert(created_at=at, status=status, is_testing=False)
        box.world.insert(created_at=at, status=status, is_testing=True)
        box.world.insert(created_at=at, direction="inbound", **{"from": "anonymous"}, is_testing=False)
    for hours, status in ((1, "INITIATED"), (3, "ANSWERED"), (50, "ANSWERED"), (72, "QUEUED")):
        at = (NOW - timedelta(hours=hours, minutes=1)).isoformat()
        box.history.insert(8, initiation_time=at, answer_time=None, end_time=None, call_status=status)


# --- questions --------------------------------------------------------------------------------------------------------


def random_question(dice: random.Random, books: Books) -> Question:
    days = dice.choice((1, 2, 7, 7, 14, 31, 36))
    start = NOW.date() - timedelta(days=dice.randrange(days + 20))
    period = (start, start + timedelta(days=days))
    match dice.randrange(12):
        case 0:
            period = (date(2025, 10, 1), date(2025, 11, 1))  # a whole month, compared with the one before
        case 1:
            period = (date(2025, 10, 27), date(2025, 11, 10))  # running
        case 2:
            period = (date(2025, 7, 1), date(2025, 11, 1))  # long: percentiles from histograms
    zone = dice.choice(ZONES)
    chosen = dice.choice(books.calls)
    metrics = tuple(dice.sample(sorted(METRICS), dice.randrange(1, 8)))
    by = tuple(dice.sample(GROUPINGS, dice.choice((0, 1, 1, 1, 2, 2, 3))))
    filters = random_filters(dice, books, keys_of(chosen, zone), chosen) if dice.random() < 0.6 else Filters()
    if dice.random() < 0.05:
        by = tuple(dict.fromkeys((*by[:2], "source_agent")))
    if filters.source_agents or "source_agent" in by:
        metrics = tuple(dice.sample(OF_RETURNS, dice.randrange(1, 4)))
    return Question(metrics, Period(*period, zone), by, filters, dice.random() < 0.6)


def random_filters(dice: random.Random, books: Books, keys: dict[str, str | None], chosen) -> Filters:
    """One to three filters that at least the call ``chosen`` of some period passes."""
    number = chosen.contact or "5511999990000"
    environment, agent = chosen.environment, chosen.agent or next(iter(books.homes))
    ways: list[dict[str, Any]] = [
        {"environments": (environment,)},
        {"environments": tuple(sorted(books.vendors))},
        {"agents": (agent,)},
        {"agents": tuple(dice.sample(sorted(books.homes), 3))},
        {"source_agents": tuple(dice.sample(sorted(filter(None, books.covered)), 2))},
        {"statuses": (chosen.status, "busy")},
        {"direction": chosen.direction},
        {"outcomes": (chosen.outcome,)},
        {"outcomes": ("open", "unresolved")},
        {"causes": (chosen.cause or "none",)},
        {"sides": (keys["side"] or "unknown",)},
        {"area_codes": tuple({keys["area_code"] or "none", "11"})},
        {"line": chosen.line},
        {"weekdays": (int(keys["weekday"] or 1),)},
        {"hours": tuple(sorted({int(keys["hour_of_day"] or 0), 9, 14}))},
        {"min_duration": 6.0},
        {"max_duration": 30.0},
        {"min_duration": 3.001, "max_duration": 60.0},
        {"testing": "include"},
        {"testing": "only"},
        {"number": number, "number_match": "exact"},
        {"number": number[:6], "number_match": "begins"},
        {"number": number.removeprefix("55"), "number_match": "exact"},
        {"number": number.removeprefix("55")[:6], "number_match": "begins"},
        {"number": number[-4:], "number_match": "ends"},
        {"number": number[3:8], "number_match": "contains"},
    ]
    found: dict[str, Any] = {}
    for way in dice.sample(ways, dice.choice((1, 1, 2, 3))):
        found |= way
    for name in ("environments", "agents", "source_agents"):
        found[name] = tuple(UUID(word) for word in found.get(name, ()))
    return Filters(**found)


# --- what the faces tell ----------------------------------------------------------------------------------------------


@dataclass
class Face:
    """Rows in order: keys as the API tells them, and values by metric."""

    rows: list[tuple[dict[str, str | None] | None, dict[str, float | None]]]
    totals: dict[str, float | None]


_ROW = re.compile(r'<tr data-key="([^"]*)".*?</tr>', re.DOTALL)
_CELL = re.compile(r'data-metric="(\w+)"><data value="([^"]*)"')


def page(world: World, question: Question) -> Face:
    """Every page of the report's rows."""
    rows: list[Any] = []
    totals: dict[str, float | None] = {}
    number, last = 1, 1
    while number <= last:
        answer = world.client.get(f"/t/acme/reports/query/?{write_question(question)}&page={number}")
        assert answer.status_code == 200, answer.content[:2000]
        told = [
            (
                json.loads(html.unescape(found[1])),
                {name: float(raw) if raw else None for name, raw in _CELL.findall(found[0])},
            )
            for found in _ROW.finditer(answer.content.decode())
        ]
        totals = told[0][1]
        rows += told[1:]
        count = re.search(r'data-pages="(\d+)"', answer.content.decode())
        last, number = int(count[1]) if count else 1, number + 1
    return Face(rows, totals)


def api(world: World, question: Question) -> dict[str, Any]:
    answer = world.client.get(f"/api/v1/reports/query/?{write_question(question)}")
    assert answer.status_code == 200, answer.content
    return json.loads(answer.content)


def files(world: World, question: Question) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of the CSV and of the XLSX by column; without groupings the one row of the whole."""
    with wall.tenant(world.tenant):
        table = report_table(question, world.scope, now=NOW)
    table = replace(table, rows=list(table.rows))
    names = [column.key for column in table.columns]
    kinds = [column.kind for column in table.columns]
    written = []
    for writer in (as_csv, as_xlsx):
        out = io.BytesIO()
        assert writer.write(table, out).rows == len(table.rows)
        out.seek(0)
        written.append(out)
    _head, *lines = csv.reader(io.TextIOWrapper(written[0], encoding="utf-8-sig"))
    told = [
        dict(zip(names, (_read(text, kind) for text, kind in zip(line, kinds, strict=True)), strict=True))
        for line in lines
    ]
    _head, *cells = CalamineWorkbook.from_filelike(written[1]).get_sheet_by_index(0).to_python()
    sheet = [
        dict(zip(names, (_cell(value, kind) for value, kind in zip(line, kinds, strict=True)), strict=True))
        for line in cells
    ]
    # A row without a value is no row to a spreadsheet.
    return told, sheet + [dict.fromkeys(names)] * (len(told) - len(sheet))


def _read(text: str, kind: Kind) -> Any:
    return (float(text) if text else None) if kind.is_number else text


def _cell(value: Any, kind: Kind) -> Any:
    return (None if value == "" else float(value)) if kind.is_number else value


# --- the test ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", range(4))
def test_every_face_tells_what_the_rows_say(world, part):
    """A quarter of the questions each, so that they share the work where there are several processes."""
    dice = random.Random(f"questions/{part}")
    world.client.force_login(world.user)
    wrong: list[str] = []
    asked = 0
    while asked < QUESTIONS // 4:
        question = random_question(dice, world.books)
        span = Span.of(question)
        here = Recounted.of(question, span, world.books)
        if len(here.rows) > MOST_ROWS:
            continue
        asked += 1
        wrong += [f"{fault}: {write_question(question)}" for fault in differences(world, question, here)]
    assert wrong == []


def differences(world: World, question: Question, here: Recounted) -> list[str]:
    told = api(world, question)
    seen = {tuple(row["key"].values()): row["cells"] for row in told["rows"]}
    if set(seen) != set(here.rows):
        return [f"rows {sorted(set(seen) ^ set(here.rows), key=str)[:4]}"]
    before = Recounted.of(question, here.span.before(NOW), world.books) if question.compare else None
    found: list[str] = []
    groups = [((), {}, here.whole, told["totals"])]
    groups += [(key, dict(zip(question.by, key, strict=True)), here.rows[key], cells) for key, cells in seen.items()]
    for key, keys, group, cells in groups:
        for name in question.metrics:
            value, n = here.result(name, group, keys)
            cell = cells[name]
            if not same(cell["value"], value, question, name) or cell["n"] != n:
                found.append(f"{name} of {key}: API {cell['value']}, n {cell['n']}; counted {value}, n {n}")
            past = previous(name, key, keys, here, before)
            if before is not None and past is not None:
                if not same(cell["previous"], past[0], question, name):
                    found.append(f"{name} of {key} before: API {cell['previous']}; counted {past[0]}")
                moved = change(cell["value"], cell["previous"], rate=METRICS[name].unit == "percent")
                if not same(cell["change"], moved, question, ""):
                    found.append(f"{name} of {key} changed: API {cell['change']}; counted {moved}")
    return (found or faces_differ(world, question, told))[:3]


def previous(
    name: str, key: tuple[str | None, ...], keys: dict[str, str | None], here: Recounted, before: Recounted | None
) -> Result | None:
    """What the period before has in the row's place; None where that is not counted here."""
    if name == "still_open":  # of older periods the most has been followed up since
        return (None, 0)
    if before is None or "hour" in keys or name == "campaign_success_rate":
        return None
    if not key:
        return before.result(name, before.whole, {})
    there = faced(key, here.question, here.span, before.span)
    if there is None:
        return (None, 0)
    facing = dict(zip(here.question.by, there, strict=True))
    return before.result(name, before.rows.get(there, type(before.whole)()), facing)


def faces_differ(world: World, question: Question, told: dict[str, Any]) -> list[str]:
    """Page and files against the API, row by row in its order: values with every digit, but for what a page keeps
    back.
    """
    found = []
    shown = page(world, question)
    rows = [(row["key"], row["cells"]) for row in told["rows"]]
    wanted = [
        (key, {name: None if cell["small"] else cell["value"] for name, cell in cells.items()}) for key, cells in rows
    ]
    if shown.rows != wanted:
        found.append("the page's rows")
    if shown.totals != {name: None if cell["small"] else cell["value"] for name, cell in told["totals"].items()}:
        found.append("the page's totals")
    for face, lines in zip(("CSV", "XLSX"), files(world, question), strict=True):
        whole = [({}, told["totals"])]
        lines_of = rows if question.by else whole
        if len(lines) != len(lines_of):
            found.append(f"the {face}'s rows: {len(lines)} of {len(lines_of)}")
            continue
        for line, (key, cells) in zip(lines, lines_of, strict=True):
            for name, cell in cells.items():
                parts = {
                    name: cell["value"],
                    f"{name}_n": cell["n"],
                    f"{name}_previous": cell["previous"],
                    f"{name}_change": cell["change"],
                    f"{name}_previous_n": cell["previous_n"],
                }
                if any(part in line and line[part] != wanted for part, wanted in parts.items()):
                    found.append(f"the {face}'s {name} of {key}: {line}; API {cell}")
            for part, word in key.items():
                if f"{part}_name" in line and (line[part] or None) != word:
                    found.append(f"the {face}'s {part} of {key}: {line}")
                if part in ("day", "week", "month") and str(line[part])[:10] != word:
                    found.append(f"the {face}'s {part} of {key}: {line}")
                if part == "hour" and wall_clock(line[part]) != word[:13]:
                    found.append(f"the {face}'s hour of {key}: {line}")
    return found


def wall_clock(moment: Any) -> str:
    """To the hour; midnight comes out of a spreadsheet as a date."""
    if isinstance(moment, date) and not isinstance(moment, datetime):
        return f"{moment}T00"
    return (moment.isoformat() if isinstance(moment, datetime) else str(moment)).replace(" ", "T")[:13]


def same(told: float | None, counted: float | None, question: Question, name: str) -> bool:
    if told is None or counted is None:
        return told is counted
    near = 1e-9
    return told == pytest.approx(counted, rel=near, abs=1e-9)
