"""One question, four faces: the page, the API, the weekly mail and the CSV show the figures that the vendors' own data
give when they are counted afresh; and all four say so when a part could not be read.
"""

import io
import json
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import python_calamine

from portal.formats import figures
from portal.tenants import wall
from reports.definitions.metrics import METRICS
from reports.files.making import make
from reports.files.models import Export
from reports.mail import words
from sync.sandbox import callbacks
from sync.sandbox.envelopes import data
from tests.journeys import faces, truth
from tests.journeys.acts import add_key, pull, report_of
from tests.journeys.week import (
    BY_AGENT,
    CALLS,
    HEADLINES,
    KATHMANDU,
    NEW_YORK,
    ORIGINSAI_ONLY,
    SAO_PAULO,
    SPRING,
    ZONES,
    World,
    by_hour,
    close,
    expected,
    mirrored_by,
    params_of,
    seen,
    select,
    week_of,
)

pytestmark = pytest.mark.django_db(transaction=True)


def agree(world: World, first: date, last: date, zone: str, **only: str) -> dict[str, Any]:
    """Page, API and CSV show what is expected of the days; returns the API's answer. The tenant's zone is ``zone``."""
    params = params_of(world, first, last, **only)
    wanted = expected(world, first, last, zone, **only)
    answer = world.api(metrics=",".join(wanted), **params)
    told = {key: cell["value"] for key, cell in answer["totals"].items()}
    assert told == {key: close(value) for key, value in wanted.items()}

    page = world.page(**params)
    units = {key: METRICS[key] for key in page.figures}
    for key in set(wanted) & set(page.figures):
        cell = answer["totals"][key]
        assert faces.number(page.figures[key]) == (None if cell["small"] else cell["value"]), (key, units[key])
    assert set(CALLS) - ORIGINSAI_ONLY <= set(page.figures)

    rows, _ = world.csv(**params)
    listed = truth.figures(rows)
    assert listed == {key: close(wanted[key]) for key in listed} | unmeasured(wanted, listed)
    return answer


def unmeasured(wanted: dict[str, float | None], listed: dict[str, float | None]) -> dict[str, float | None]:
    """Rows of a file know no vendor that cannot measure: where there is nothing to count they count nothing."""
    return {key: listed[key] for key in ORIGINSAI_ONLY if wanted[key] is None and not listed[key]}


@pytest.mark.parametrize("zone", ZONES)
def test_four_faces_tell_the_same_week(world, zone):
    hold_week(world, zone)


def test_four_faces_tell_the_same_week_in_spring(db):
    with mirrored_by(SPRING) as filled, seen(filled) as world:
        hold_week(world, NEW_YORK)


def hold_week(world: World, zone: str) -> None:
    world.set_zone(zone)
    first, last = week_of(world)
    live = agree(world, first, last, zone)
    assert live["complete"]
    assert live["gaps"] == []
    shown = world.page(period="last_week").figures
    assert shown == world.page(**params_of(world, first, last)).figures
    text, html = world.mail()
    for mail in (text, html):
        hold_mail(world, mail, first, zone)
    assert text.headlines.keys() == html.headlines.keys()
    assert text.sources == [[" ".join(text.split()) for text in line] for line in html.sources]
    opening = " ".join(world.page(period="last_week").text.split())
    parts = text.text.split("\n\n")
    [data] = [place for place, part in enumerate(parts) if part.startswith("Data as of")]
    for sentence in parts[data - 1].split("\n"):  # the same that the page opens with
        assert sentence in opening
        assert sentence in html.said
    # The same from the rollups as from the calls.
    report_of("rebuild_rollups")
    asked = {"metrics": ",".join(live["totals"]), **params_of(world, first, last)}
    assert world.api(**asked)["totals"] == live["totals"]
    assert world.page(period="last_week").figures == shown


def hold_mail(world: World, mail: faces.Mail, first: date, zone: str, **only: str) -> None:
    """What a mail shows of the week, of the week before and of the four before that, day by day and by agent."""
    last, week = first + timedelta(days=6), timedelta(days=7)
    spans = ((first, last), (first - week, last - week), (first - 4 * week, last - week))
    wanted = [expected(world, *span, zone, **only) for span in spans]
    for key in HEADLINES:
        metric, texts = METRICS[key], mail.headlines[str(METRICS[key].label)]
        usual = wanted[2][key]
        if usual is not None and metric.unit == "count":
            usual /= 4
        values = (wanted[0][key], wanted[1][key], usual)
        shown = [truth.shown(value, metric.unit, whole=metric.unit == "count") for value in values]
        assert [truth.read_shown(text) for text in texts[:3]] == shown, (key, texts)
    calls = select(world.calls(), **only)
    for back, line in enumerate(mail.days):
        day = last - timedelta(days=back)
        found = truth.figures(truth.within(calls, day, day, zone))
        told = [truth.read_shown(text) for text in line[1:3]]
        assert told == [found["attempts"], truth.shown(found["connect_rate"], "percent")]
        if not only:
            assert truth.read_shown(line[3]) == world.callbacks(day, day)["callbacks_received"]
    assert len(mail.days) == 14
    here = truth.within(calls, first, last, zone)
    assert sorted(int(line[1]) for line in mail.agents if line[1] != "0") == sorted(
        sum(call.agent == agent for call in here) for agent in {call.agent for call in here}
    )
    squares = {int(line[0].split()[0]): line[1:] for line in mail.hours}
    told = {
        (weekday, hour): int(text)
        for hour, line in squares.items()
        for weekday, text in enumerate(line, 1)
        if text != "·"
    }
    assert told == by_hour(here, zone)


@pytest.mark.parametrize("zone", [SAO_PAULO, KATHMANDU])
def test_filters_and_groupings_are_the_same_on_every_face(world, zone):
    world.set_zone(zone)
    first, last = week_of(world)
    month = (first.replace(day=1), (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1))
    busiest = max({call.agent for call in world.calls()}, key=lambda key: sum(c.agent == key for c in world.calls()))
    assert agree(world, *month, zone)["complete"]
    for vendor in world.environments:
        agree(world, first, last, zone, vendor=vendor)
    agree(world, first, last, zone, agent=busiest)
    agree(world, first, last, zone, agent="7", vendor="originsai")
    hold_groupings(world, first, last, zone)
    filters = f"agent={world.agents[busiest]}"
    for mail in world.mail(filters):
        hold_mail(world, mail, first, zone, agent=busiest)


def hold_groupings(world: World, first: date, last: date, zone: str) -> None:
    """By day, by agent and by hour of the week: page, API and CSV against the count."""
    params, calls = params_of(world, first, last), truth.within(world.calls(), first, last, zone)
    page = world.page(**params)
    rows, _ = world.csv(**params)

    days = world.api(metrics="attempts,connected,connect_rate", by="day", **params)["rows"]
    assert [row["key"]["day"] for row in days] == [(first + timedelta(days=n)).isoformat() for n in range(7)]
    for row in days:
        day = date.fromisoformat(row["key"]["day"])
        found = truth.figures(truth.within(calls, day, day, zone))
        listed = truth.figures(truth.within(rows, day, day, zone))
        values = [row["cells"][key]["value"] for key in ("attempts", "connected", "connect_rate")]
        assert values == [close(found[key]) for key in ("attempts", "connected", "connect_rate")]
        assert page_day(page, row["key"]["day"]) == (found["attempts"], found["connected"])
        assert listed["attempts"] == found["attempts"]
        assert listed["connect_rate"] == close(found["connect_rate"])

    shown = faces.page_agents(world.page("agents/", **params))
    agents = {
        row["key"]["agent"]: row["cells"]
        for row in world.api(metrics=",".join(BY_AGENT), by="agent", **params)["rows"]
        if row["cells"]["attempts"]["value"]
    }
    called = {call.agent for call in calls}
    assert set(agents) == {world.agents[key] for key in called}
    for key in called:
        cells = agents[world.agents[key]]
        found = truth.figures(select(calls, agent=key))
        listed = truth.figures(select(rows, agent=world.agents[key]))
        assert {name: cells[name]["value"] for name in BY_AGENT} == {name: close(found[name]) for name in BY_AGENT}
        assert shown[world.agents[key]] == [None if cells[name]["small"] else cells[name]["value"] for name in BY_AGENT]
        assert {name: listed[name] for name in BY_AGENT} == {name: close(found[name]) for name in BY_AGENT}

    hours = world.api(metrics="attempts", by="weekday,hour_of_day", **params)["rows"]
    told = {
        (int(row["key"]["weekday"]), int(row["key"]["hour_of_day"])): row["cells"]["attempts"]["value"]
        for row in hours
        if row["cells"]["attempts"]["value"]
    }
    assert told == faces.page_hours(page) == by_hour(calls, zone) == by_hour(rows, zone)


def page_day(page: faces.Sheet, day: str) -> tuple[int, int]:
    return faces.page_days(page)[day]


def test_any_zone_is_answered_whatever_the_tenants(world):
    """The API and the CSV take a zone; the repeated hour of New York is two hours, and nothing is lost in them."""
    first, last = week_of(world)
    for zone in ZONES:
        wanted = expected(world, first, last, zone)
        params = params_of(world, first, last) | {"zone": zone}
        told = world.api(metrics=",".join(wanted), **params)["totals"]
        assert {key: cell["value"] for key, cell in told.items()} == {key: close(wanted[key]) for key in wanted}
        rows, _ = world.csv(**params)
        listed = truth.figures(rows)
        assert listed == {key: close(wanted[key]) for key in listed}
    sunday = {"date_from": last.isoformat(), "date_to": last.isoformat(), "zone": NEW_YORK}
    hours = world.api(metrics="attempts", by="hour", compare="none", **sunday)["rows"]
    told = {row["key"]["hour"]: row["cells"]["attempts"]["value"] for row in hours}
    counted: dict[str, int] = dict.fromkeys(told, 0)
    for call in truth.within(world.calls(), last, last, NEW_YORK):
        counted[call.start.astimezone(ZoneInfo(NEW_YORK)).replace(minute=0, second=0, microsecond=0).isoformat()] += 1
    assert told == counted
    assert len(told) == 25
    assert told[f"{last}T01:00:00-04:00"]
    assert told[f"{last}T01:00:00-05:00"]


def test_a_running_week_counts_what_is_open_apart(world):
    first = world.now.date()
    answer = agree(world, first, first + timedelta(days=6), SAO_PAULO)
    week = truth.within(world.calls(), first, first + timedelta(days=6), SAO_PAULO)
    opened = [call for call in week if call.outcome == truth.OPEN]
    assert {(call.vendor, call.status) for call in opened} >= {
        ("talkover", "ringing"), ("talkover", "answered"), ("originsai", "initiated"), ("originsai", "answered")
    }  # fmt: skip
    assert answer["totals"]["open_calls"]["value"] == len(opened)
    assert world.page(period="this_week").figures == world.page(**params_of(world, first, first + timedelta(6))).figures


@pytest.mark.fault
def test_a_day_that_cannot_be_read_shows_on_every_face(world):
    first, last = week_of(world)
    day, params = first + timedelta(days=2), params_of(world, first, last)
    _, whole = world.csv(**params)
    assert whole.headers["X-Mirror-Complete"] == "true"
    world.box.set_faults(f"422@day={day},path=/calls")
    sales = world.environments["talkover"]
    assert pull(sales, day, day)[0] == 3

    answer = world.api(metrics="attempts", **params)
    assert not answer["complete"]
    assert [(gap["environment"], gap["stream"], gap["day"]) for gap in answer["gaps"]] == [(sales, "calls", str(day))]
    named = f"{day.day} {day:%b}"
    page = world.page(**params).text
    assert "Not complete:" in page
    assert "Not complete: Sales." in page
    assert f"Sales: calls, {named}, since" in page
    text, html = world.mail()
    assert text.subject.endswith("incomplete")
    for body in (text.text, faces.Sheet(html.html).text):
        assert "These figures are not complete" in body
        assert f"Sales: calls, {named}, since" in " ".join(body.split())
    for address in ("/api/v1/calls/csv/", "/t/acme/calls.csv"):
        file = world.client.get(address, params)
        assert file.headers["X-Mirror-Complete"] == "false"
        assert "incomplete" in file.headers["Content-Disposition"]
        file.close()

    # Other days are not touched by it.
    other = params_of(world, first + timedelta(days=4), last)
    assert world.api(metrics="attempts", **other)["complete"]
    assert "Not complete:" not in world.page(**other).text
    assert world.csv(**other)[1].headers["X-Mirror-Complete"] == "true"

    world.box.set_faults()
    assert pull(sales, day, day)[0] == 0
    assert world.api(metrics="attempts", **params)["complete"]


@pytest.mark.fault
def test_calls_that_cannot_be_understood_show_on_every_face_until_they_can_or_are_accepted(world):
    day = week_of(world)[0] + timedelta(days=2)
    world.set_zone("UTC")
    sales, key = world.environments["talkover"], add_key("vendor", world.environments["talkover"])
    total = len(world.box.world.calls_of_day(day))
    said = f"{total - 7} of {total} calls on whole UTC days, test calls included; 7 could not be read"
    tell_whole(world, day, key)
    world.box.set_faults(f"malformed@day={day},path=/calls", "spoil_items=7")
    status, report = pull(sales, day, day, "--stream", "calls")
    told = report["streams"]["calls"]
    assert (status, report["status"], told["quarantined"], told["windows_incomplete"]) == (3, "partial", 7, 1)
    assert {row["day"] for row in told["unreadable"]} == {str(day)}

    here = params_of(world, day, day, vendor="talkover")
    answer = world.api(metrics="attempts", **here)
    assert (answer["complete"], answer["mirrored"], answer["vendor_total"]) == (False, total - 7, total)
    assert (answer["quarantined"], answer["accepted"]) == (7, 0)
    assert [(gap["day"], gap["fault"], gap["quarantined"]) for gap in answer["gaps"]] == [(str(day), "unreadable", 7)]
    (listed,) = (row for row in environments_of(world) if row["id"] == sales)
    stream = listed["freshness"]["calls"]
    assert (stream["complete_through"], stream["quarantined"]) == (str(day - timedelta(days=1)), 7)
    page = world.page(**here).text
    assert "Not complete:" in page
    assert said in page
    assert "7 elements could not be understood" in page
    text, html = world.mail(f"environment={sales}")
    assert text.subject.endswith("incomplete")
    for body in (text.text, faces.Sheet(html.html).text):
        assert "These figures are not complete" in body
        assert "; 7 could not be read" in body
    for address in ("/api/v1/calls/csv/", "/t/acme/calls.csv"):
        file = world.client.get(address, here)
        assert (file.headers["X-Mirror-Complete"], file.headers["X-Mirror-Quarantined"]) == ("false", "7")
        assert "incomplete" in file.headers["Content-Disposition"]
        file.close()
    assert vendor_form(world, day, key) == "false"
    assert any(said in cell for row in workbook(world, here) for cell in row)
    world.client.cookies["django_language"] = "pt-br"
    portuguese = world.client.get("/t/acme/", here, headers={"Accept-Language": "pt-br"}).content.decode()
    assert f"{total - 7} de {total} chamadas de dias UTC inteiros, incluindo as de teste; 7 não" in portuguese
    del world.client.cookies["django_language"]

    # Exactly that day is touched.
    for other in (day - timedelta(days=1), day + timedelta(days=1)):
        tell_whole(world, other, key)

    # Whole again once they can be read, and once what can't be is accepted.
    world.box.set_faults()
    assert pull(sales, day, day)[0] == 0
    tell_whole(world, day, key)
    world.box.set_faults(f"nan@day={day},path=/calls", "spoil_items=7")
    status, report = pull(sales, day, day)
    assert (status, vendor_form(world, day, key)) == (3, "false")
    ids = [row["id"] for row in report["streams"]["calls"]["unreadable"]]
    assert report_of("accept_quarantined", *ids, "--note", "Probes of the vendor's own.") == {"accepted": ids}
    tell_whole(world, day, key)
    accepted = world.api(metrics="attempts", **here)
    assert (accepted["accepted"], accepted["quarantined"], accepted["vendor_total"]) == (7, 0, total)
    by_utc = f"{total - 7} of {total} calls on whole UTC days, test calls included"
    assert f"{by_utc}; 7 accepted as no calls" in world.page(**here).text
    assert pull(sales, day, day)[0] == 0


@pytest.mark.fault
def test_callback_totals_that_cannot_be_understood_show_wherever_they_count(world, monkeypatch):
    """The day's calls are whole; whatever rests on the vendor's totals of that day is not, until they can be read."""
    day = week_of(world)[0] + timedelta(days=2)
    world.set_zone("UTC")
    sales, key = world.environments["talkover"], add_key("vendor", world.environments["talkover"])
    here = params_of(world, day, day, vendor="talkover")
    kept = callbacks._callback_stats
    with monkeypatch.context() as patch:
        patch.setattr(
            callbacks,
            "_callback_stats",
            lambda visit: (
                data({"total_callbacks_received": "many"}) if visit.params["start_date"] == str(day) else kept(visit)
            ),
        )
        status, report = pull(sales, day, day, "--stream", "callbacks")
    found = report["streams"]["callbacks"]
    assert (status, found["quarantined"], found["windows_incomplete"]) == (3, 1, 1)
    assert [row["day"] for row in found["unreadable"]] == [str(day)]

    answer = world.api(metrics="callbacks_received", **here)
    assert not answer["complete"]
    assert [(gap["stream"], gap["day"], gap["fault"]) for gap in answer["gaps"]] == [
        ("callbacks", str(day), "unreadable")
    ]
    assert world.api(metrics="attempts", **here)["complete"]
    (listed,) = (row for row in environments_of(world) if row["id"] == sales)
    assert listed["freshness"]["callbacks"]["quarantined"] == 1
    for path in ("", "callbacks/"):
        page = world.page(path, **here).text
        assert "Not complete:" in page, path
        assert "1 element could not be understood" in page, path
    text, html = world.mail(f"environment={sales}")
    assert text.subject.endswith("incomplete")
    for body in (text.text, faces.Sheet(html.html).text):
        assert "These figures are not complete" in body
    assert callback_form(world, day, key) == "false"
    assert vendor_form(world, day, key) == "true"  # of the calls
    assert world.csv(**here)[1].headers["X-Mirror-Complete"] == "true"
    for other in (day - timedelta(days=1), day + timedelta(days=1)):
        assert callback_form(world, other, key) == "true"
        params = params_of(world, other, other, vendor="talkover")
        assert world.api(metrics="callbacks_received", **params)["complete"]

    assert pull(sales, day, day, "--stream", "callbacks")[0] == 0
    assert world.api(metrics="callbacks_received", **here)["complete"]
    assert callback_form(world, day, key) == "true"
    assert "Not complete:" not in world.page("callbacks/", **here).text


def callback_form(world: World, day: date, key: str) -> str:
    params = {"start_date": day.isoformat(), "end_date": day.isoformat()}
    address = "/vendor/talkover/api/v1/callback-agents/stats"
    answer = world.client.get(address, params, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200
    complete: str = answer.headers["X-Mirror-Complete"]
    return complete


def tell_whole(world: World, day: date, key: str) -> None:
    """Every face calls a day of Sales complete."""
    here = params_of(world, day, day, vendor="talkover")
    answer = world.api(metrics="attempts", **here)
    assert (answer["complete"], answer["gaps"]) == (True, [])
    assert "Not complete:" not in world.page(**here).text
    assert world.csv(**here)[1].headers["X-Mirror-Complete"] == "true"
    assert vendor_form(world, day, key) == "true"
    assert not any("could not be read" in cell for row in workbook(world, here) for cell in row)
    assert any(row[:2] == ["Complete", "yes"] for row in workbook(world, here))
    span = ("--since", day.isoformat(), "--until", day.isoformat())
    assert report_of("reconcile", "--environment", world.environments["talkover"], *span)["status"] == "equal"


def vendor_form(world: World, day: date, key: str) -> str:
    params = {"date_from": day.isoformat(), "date_to": day.isoformat()}
    address = "/vendor/talkover/api/v1/calls"
    answer = world.client.get(address, params, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200
    complete: str = answer.headers["X-Mirror-Complete"]
    return complete


def environments_of(world: World) -> list[dict[str, Any]]:
    answer = world.client.get("/api/v1/environments/", headers={"Authorization": f"Bearer {world.key}"})
    found: list[dict[str, Any]] = json.loads(answer.content)["results"]
    return found


def workbook(world: World, params: dict[str, str]) -> list[list[str]]:
    """The cells of the sheet about a workbook of calls, made as an export of the API."""
    asked = {"what": "calls", "format": "xlsx", **params}
    headers = {"Authorization": f"Bearer {world.key}"}
    made = world.client.post("/api/v1/exports/", asked, content_type="application/json", headers=headers)
    assert made.status_code == 202, made.content
    with wall.tenant(world.tenant):
        make(Export.objects.get(public_id=made.json()["id"]).pk)
    file = world.client.get(f"/api/v1/exports/{made.json()['id']}/download/", headers=headers)
    book = python_calamine.load_workbook(io.BytesIO(b"".join(file.streaming_content)))
    return [
        [str(cell) for cell in row] for name in book.sheet_names[1:] for row in book.get_sheet_by_name(name).to_python()
    ]


@pytest.mark.parametrize(
    ("value", "unit"),
    [(12.25, "percent"), (0.05, "percent"), (99.95, "percent"), (62.5, "seconds"), (58.5, "seconds"), (59.5, "seconds"),
     (2.5, "minutes"), (1234.5, "ms"), (1234.0, "count"), (3725.0, "seconds"), (None, "percent")],
)  # fmt: skip
def test_a_page_and_a_mail_round_alike(value, unit):
    page, mail = figures.value(value, unit), words.amount(value, unit)
    assert truth.read_shown(page) == truth.read_shown(mail) == truth.shown(value, unit)
