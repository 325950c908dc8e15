"""Campaigns over a period on page, API and file, against a count in plain Python of what was read on which day."""

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
import time_machine

from portal.tenants import wall
from sync.models.campaigns import Campaign, CampaignCall, CampaignDay
from sync.models.runs import Window
from tests import factories
from tests.reports.api.conftest import make_key, read_days
from tests.reports.api.test_export_lists import export, rows_of  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 7, 20, 15, 0, tzinfo=UTC)
FIRST, TODAY = date(2026, 6, 28), date(2026, 7, 20)
DAY = timedelta(days=1)
ZONES = ("America/Sao_Paulo", "Asia/Kolkata", "Pacific/Auckland", "UTC")
Reading = tuple[int | None, int | None, int | None, float | None]  # total, completed, failed, rate


@dataclass
class Known:
    """What was read of one campaign: totals by UTC day, and when its calls began; test calls are not among them."""

    readings: dict[date, Reading] = field(default_factory=dict)
    calls: list[datetime] = field(default_factory=list)
    names: int = 0


@pytest.fixture(autouse=True)
def _now(settings, tmp_path, monkeypatch):
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr("reports.api.exports.hint", lambda *pair: None)
    monkeypatch.setattr("reports.queries.campaigns.lists.PORTION", 3)
    with time_machine.travel(NOW, tick=False):
        yield


def play(acme, sales, seed: int) -> dict[str, Known]:
    """Eight campaigns read on some days, some of which told no totals; one first read late, one gone for long."""
    chance = random.Random(seed)
    found = {f"k-{n}": Known() for n in range(8)}
    with wall.tenant(acme), factories.at_once():
        for n, (key, known) in enumerate(found.items()):
            total = chance.randrange(5)
            for day in (FIRST + DAY * i for i in range((TODAY - FIRST).days + 1)):
                total += chance.randrange(6) - (chance.random() < 0.1)
                if chance.random() < 0.5 or (n == 0 and day < date(2026, 7, 12)) or (n == 1 and day > date(2026, 7, 4)):
                    continue
                done, lost = total // 2, total // 3
                known.readings[day] = (total, done, lost, done * 100 / total if total else 0.0)
                if n == 2 and chance.random() < 0.3:
                    known.readings[day] = (None, None, None, None)
            last = known.readings.get(max(known.readings, default=TODAY), (None,) * 4)
            row = Campaign.objects.create(
                tenant=acme,
                environment=sales,
                external_id=key,
                name=key,
                status="active",
                changed_at=NOW,
                payload=json.dumps({"start_date": "2026-06-01"}),
                **dict(zip(("total_calls", "completed_calls", "failed_calls", "success_rate"), last, strict=True)),
            )
            for day, history in known.readings.items():
                figures = dict(
                    zip(("total_calls", "completed_calls", "failed_calls", "success_rate"), history, strict=True)
                )
                CampaignDay.objects.create(tenant=acme, environment=sales, campaign=row, day=day, **figures)
            for i in range(0 if n == 3 else 12):
                at = datetime.combine(FIRST, time(), UTC) + timedelta(minutes=chance.randrange(22 * 24 * 60))
                trial, lost = chance.random() < 0.2, chance.random() < 0.1
                if not lost:
                    factories.call(sales, f"{key}-{i}", started_at=at, is_test=trial)
                if not lost and not trial:
                    known.calls.append(at)
                known.names += 1
                CampaignCall.objects.create(tenant=acme, environment=sales, campaign=row, call_key=f"{key}-{i}")
            factories.call(sales, f"{key}-unnamed", started_at=NOW - DAY * n)
        read_days(sales, "campaigns", TODAY, TODAY, part="all", late=-timedelta(hours=10))
        read_days(sales, "calls", FIRST - DAY, TODAY + DAY, late=timedelta(0))
    return found


def recount(known: Known, first: date | None, last: date | None, zone: str) -> dict:
    """What must be told, from the readings whose whole UTC day was over by the moment in question."""

    def midnight(day: date) -> datetime:
        return datetime.combine(day, time(), ZoneInfo(zone))

    def last_over_by(moment: datetime | None) -> date | None:
        return max((d for d in known.readings if moment is None or midnight_utc(d + DAY) <= moment), default=None)

    def midnight_utc(day: date) -> datetime:
        return datetime.combine(day, time(), UTC)

    start = midnight(first) if first else None
    end = midnight(last + DAY) if last else None
    read_on = last_over_by(end if end and end <= NOW else None)
    history = known.readings[read_on] if read_on else (None,) * 4
    expected = dict(zip(("total", "completed", "failed", "rate"), history, strict=True)) | {"read_on": read_on}
    expected["totals_unknown"] = "first_read_later" if not read_on else "not_told" if history[0] is None else None
    calls = sum((not start or at >= start) and (not end or at < end) for at in known.calls)
    nameless = not known.names
    expected |= {"calls": None if nameless else calls, "calls_unknown": "calls_not_named" if nameless else None}
    added, since, why = None, None, expected["totals_unknown"]
    before = last_over_by(start) if start else None
    if not why and not start:
        added = history[0]
    elif not why and before is None:
        why = "not_read_before"
    elif not why and before == read_on:
        why = "not_read_within"
    elif not why and known.readings[before][0] is None:
        why = "not_told"
    elif not why:
        added, since = history[0] - known.readings[before][0], before
    return expected | {"added": added, "added_since": since, "added_unknown": why}


def some_periods(seed: int) -> list[tuple[date, date]]:
    chance = random.Random(seed)
    days = [sorted(FIRST + DAY * chance.randrange(23) for _edge in range(2)) for _period in range(7)]
    fixed = [(1, 5), (20, 20), (13, 26)]  # before one campaign was read, today, and this week and the one to come
    return [(first, last) for first, last in days] + [(date(2026, 7, a), date(2026, 7, b)) for a, b in fixed]


def of_api(row: dict) -> dict:
    period = row["period"]
    return {
        "total": row["total_calls"],
        "completed": row["completed_calls"],
        "failed": row["failed_calls"],
        "rate": row["success_rate"],
        "read_on": row["read_on"] and date.fromisoformat(row["read_on"]),
        "totals_unknown": period["totals_unknown"],
        "calls": period["calls"],
        "calls_unknown": period["calls_unknown"],
        "added": period["added_calls"],
        "added_since": period["added_since"] and date.fromisoformat(period["added_since"]),
        "added_unknown": period["added_unknown"],
    }


def days_of(first: date | None, last: date | None) -> dict[str, str]:
    return {name: day.isoformat() for name, day in (("date_from", first), ("date_to", last)) if day}


def query_of(first: date | None, last: date | None) -> str:
    return "&".join(f"{name}={day}" for name, day in days_of(first, last).items())


WORDS = {
    None: None,
    "first_read_later": "first read after the period",
    "not_read_before": "not read before the period",
    "not_read_within": "not read in the period",
    "not_told": "not told by the vendor",
    "calls_not_named": "the vendor names none of its calls",
}


@pytest.mark.parametrize("zone", ZONES)
def test_page_api_and_file_tell_what_was_read_by_the_end_of_the_period(client, ana, get, export, acme, sales, zone):  # noqa: F811
    acme.zone = zone
    acme.save()
    seed = ZONES.index(zone)
    world = play(acme, sales, seed)
    key = make_key(acme)
    reasons, shown = set(), 0
    for place, (first, last) in enumerate(some_periods(seed)):
        expected = {name: recount(known, first, last, zone) for name, known in world.items()}
        reasons |= {each["added_unknown"] for each in expected.values()}
        answer = get(f"/api/v1/campaigns/?{query_of(first, last)}&page_size=500", key).data
        assert answer["complete"]
        assert {row["name"]: of_api(row) for row in answer["results"]} == expected
        client.force_login(ana)
        page = client.get(f"/t/acme/campaigns/?{query_of(first, last)}")
        client.logout()
        assert {row.history.row.name for row in page.context["rows"]} == set(world)
        for row in page.context["rows"]:
            wanted, found = expected[row.history.row.name], row.progress
            totals = (found.totals.total, found.totals.completed, found.totals.failed) if found.totals else (None,) * 3
            assert totals == (wanted["total"], wanted["completed"], wanted["failed"])
            assert (found.calls, found.growth.added, found.growth.since) == (
                wanted["calls"],
                wanted["added"],
                wanted["added_since"],
            )
            assert row.unknown == (WORDS[wanted["totals_unknown"]] or "")
            assert row.course.unknown == (WORDS[wanted["added_unknown"]] or "")
            assert parse_qs(urlsplit(row.calls_href).query)["date_to"] == [last.isoformat()]
            shown += bool(row.course.text)
        if place % 4 == 0:
            _job, file = export(acme, key, what="campaigns", language="en", **days_of(first, last))
            agree_in_file(rows_of(file), expected)
    assert {"first_read_later", "not_read_before", "not_read_within", None} <= reasons
    assert shown > 10


def agree_in_file(rows: list[dict], expected: dict[str, dict]) -> None:
    assert {row["name"] for row in rows} == set(expected)
    for row in rows:
        wanted = expected[row["name"]]
        total, completed, failed = wanted["total"], wanted["completed"], wanted["failed"]
        assert (row["total_calls"], row["completed_calls"], row["failed_calls"]) == (total, completed, failed)
        assert row["success_rate"] == (wanted["rate"] if total else None)
        assert row["over"] == (pytest.approx((completed + failed) * 100 / total) if total else None)
        for name in ("read_on", "calls", "added", "added_since"):
            assert row["added_calls" if name == "added" else name] == wanted[name]
        reasons = (wanted["calls_unknown"], wanted["added_unknown"], wanted["totals_unknown"])
        assert (row["not_known"] or "") == ",".join(dict.fromkeys(reason for reason in reasons if reason))


@pytest.mark.parametrize("edges", [(date(2026, 7, 8), None), (None, date(2026, 7, 8))])
def test_a_period_may_be_open_at_either_side(get, export, acme, sales, edges):  # noqa: F811
    world = play(acme, sales, 7)
    key = make_key(acme)
    expected = {name: recount(known, *edges, "America/Sao_Paulo") for name, known in world.items()}
    answer = get(f"/api/v1/campaigns/?{query_of(*edges)}", key).data
    assert {row["name"]: of_api(row) for row in answer["results"]} == expected
    _job, file = export(acme, key, what="campaigns", language="en", **days_of(*edges))
    agree_in_file(rows_of(file), expected)


def test_without_a_period_everything_is_as_of_now(client, ana, get, export, acme, sales):  # noqa: F811
    world = play(acme, sales, 7)
    key = make_key(acme)
    latest = {
        name: (*known.readings[max(known.readings)], max(known.readings).isoformat()) for name, known in world.items()
    }
    figures = ("total_calls", "completed_calls", "failed_calls", "success_rate", "read_on")
    rows = get("/api/v1/campaigns/", key).data["results"]
    assert {row["name"]: tuple(row[name] for name in figures) for row in rows} == latest
    assert {row["period"] for row in rows} == {None}
    _job, file = export(acme, key, what="campaigns")
    for row in rows_of(file):
        assert (row["total_calls"], row["read_on"].isoformat()) == (latest[row["name"]][0], latest[row["name"]][-1])
        assert [row[name] or None for name in ("calls", "added_calls", "added_since", "not_known")] == [None] * 4
    client.force_login(ana)
    page = client.get("/t/acme/campaigns/")
    text = " ".join(page.content.decode().split())
    assert {row.history.row.name: row.progress.totals.total for row in page.context["rows"]} == {
        name: history[0] for name, history in latest.items()
    }
    assert "<span>As of now</span>" in text
    assert '<option value="to_date" selected>To date</option>' in text
    assert "Calls in the period" not in text
    assert "date_from" not in parse_qs(urlsplit(text.split("what=campaigns")[1].split('"')[0]).query)


def test_pages_of_the_api_keep_their_order_over_a_period(get, acme, sales):
    play(acme, sales, 3)
    key = make_key(acme)
    asked = "/api/v1/campaigns/?date_from=2026-07-06&date_to=2026-07-12"
    whole = get(asked, key).data["results"]
    found, address = [], f"{asked}&page_size=3&count=true"
    while address:
        page = get(address, key).data
        assert page["count"] == len(whole)
        found += page["results"]
        address = page["next"]
    assert found == whole
    assert [row["external_id"] for row in whole] == [f"k-{n}" for n in reversed(range(8))]


def test_unread_calls_are_no_zero_and_what_is_to_come_is_not_known(client, ana, get, acme, sales):
    with wall.tenant(acme):
        row = Campaign.objects.create(
            tenant=acme, environment=sales, external_id="k", name="K", total_calls=3, changed_at=NOW
        )
        CampaignCall.objects.create(tenant=acme, environment=sales, campaign=row, call_key="lost")
        CampaignDay.objects.create(tenant=acme, environment=sales, campaign=row, day=TODAY, total_calls=3)
    key = make_key(acme)

    def history(first: str, last: str) -> tuple:
        answer = get(f"/api/v1/campaigns/?date_from={first}&date_to={last}", key).data
        period = answer["results"][0]["period"]
        return (
            answer["complete"],
            period["calls"],
            period["calls_unknown"],
            period["added_calls"],
            period["added_unknown"],
        )

    assert history("2026-07-06", "2026-07-12") == (False, None, "calls_not_read", None, "first_read_later")
    assert history("2026-07-21", "2026-07-22") == (False, None, "not_begun", None, "not_begun")
    with wall.tenant(acme):
        read_days(sales, "campaigns", TODAY, TODAY, part="all", late=-timedelta(hours=10))
        read_days(sales, "calls", date(2026, 7, 5), date(2026, 7, 13))
    assert history("2026-07-06", "2026-07-12") == (True, 0, None, None, "first_read_later")
    with wall.tenant(acme):
        CampaignCall.objects.all().delete()
    assert history("2026-07-06", "2026-07-12")[1:3] == (None, "calls_not_named")
    with wall.tenant(acme):
        Campaign.objects.update(total_calls=0)
        Window.objects.filter(stream="calls").delete()
    assert history("2026-07-06", "2026-07-12")[1:3] == (0, None)  # the vendor counts none at all
    client.force_login(ana)
    text = " ".join(client.get("/t/acme/campaigns/?date_from=2026-07-06&date_to=2026-07-12").content.decode().split())
    assert '<span class="quiet">not known</span><small class="quiet">first read after the period</small>' in text
    assert '<data value="0">0</data>' in text


def test_a_misspelt_day_is_refused(get, acme, sales):
    wrong = get("/api/v1/campaigns/?date_from=2026-07-09&date_to=2026-07-01", make_key(acme))
    assert (wrong.status_code, list(wrong.data["errors"])) == (400, ["date_to"])
