"""All that a weekly mail tells and carries, beside the pages and what a count of the vendors' own data gives: its
files, callbacks, who waits, short calls, campaigns, corrections; and the boards and share links that its readers open.
"""

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import pypdf
import pytest
import python_calamine
import time_machine
from django.test import Client
from django.urls import reverse

from portal.formats import figures
from portal.outbox.models import Message
from portal.tenants import wall
from reports.definitions.metrics import METRICS
from reports.mail.enclosed import OF_AGENTS, OF_DAYS
from reports.mail.facts import SHORT_CALLS, SHORT_TALKS
from sync.models.agents import Agent
from tests.journeys import faces, truth
from tests.journeys.acts import pull
from tests.journeys.books import Books, Return
from tests.journeys.week import HEADLINES, SAO_PAULO, World, close, expected, params_of, week_of

pytestmark = pytest.mark.django_db(transaction=True)
WEEK = timedelta(days=7)


def files_of(world: World, message: Message) -> dict[str, bytes]:
    with wall.tenant(world.tenant):
        rows = list(message.enclosures.exclude(content_type="image/png").order_by("id").values_list("name", "content"))
    return {name.replace(f"-{'-'.join(map(str, week_of(world)))}", ""): bytes(content) for name, content in rows}


def by_agent(world: World, calls: list[truth.VendorCall]) -> dict[str, list[truth.VendorCall]]:
    """Calls by the agent's name as it stands where there is another of that name."""
    with wall.tenant(world.tenant):
        rows = list(Agent.objects.select_related("environment"))
    names = Counter(row.shown_name for row in rows)
    shown = {
        row.external_id: f"{row.shown_name} · {row.environment}" if names[row.shown_name] > 1 else row.shown_name
        for row in rows
    }
    found = defaultdict(list)
    for call in calls:
        found[shown[call.agent]].append(call)
    return dict(found)


def in_file(value: float | None) -> Any:
    """A figure as a cell of a workbook has it: every digit, or nothing."""
    return "" if value is None else value


def test_every_file_of_a_mail_tells_the_same_week(world):
    first, last = week_of(world)
    message = world.message(attachments=["xlsx", "csv", "pdf"])
    files = files_of(world, message)
    assert set(files) == {"acme-summary.xlsx", "acme-calls.csv", "acme-days.pdf", "acme-agents.pdf"}
    calls = truth.within(world.calls(), first, last, SAO_PAULO)
    hold_workbook(world, files["acme-summary.xlsx"], calls)
    rows = faces.csv_calls(
        files["acme-calls.csv"].decode("utf-8-sig"), {home: vendor for vendor, home in world.environments.items()}
    )
    assert {row.id for row in rows} == {call.id for call in calls}
    assert truth.figures(rows)["connect_rate"] == close(truth.figures(calls)["connect_rate"])
    assert len(list(csv.DictReader(io.StringIO(files["acme-calls.csv"].decode())))) == len(calls)
    hold_days(world, printed(files["acme-days.pdf"]), first)
    hold_agents(printed(files["acme-agents.pdf"]), by_agent(world, calls))


def hold_workbook(world: World, content: bytes, calls: list[truth.VendorCall]) -> None:
    """Summary with the week before, a row for each day and each agent, and the calls themselves."""
    first, last = week_of(world)
    book = python_calamine.load_workbook(io.BytesIO(content))
    sheets = {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
    summary = {row["Figure"]: row for row in dicts(sheets["Summary"])}
    for column, days in (("Value", (first, last)), ("Before", (first - WEEK, last - WEEK))):
        wanted = expected(world, *days, SAO_PAULO)
        for key in (*HEADLINES, *SHORT_CALLS):
            told = summary[head(key)][column]
            assert told == pytest.approx(in_file(wanted[key]), abs=1e-9), (key, column)
    days = {row["Day"]: row for row in dicts(sheets["Day by day"])}
    assert list(days) == [first + timedelta(days=n) for n in range(7)]
    for day, row in days.items():
        found = truth.figures(truth.within(calls, day, day, SAO_PAULO)) | world.callbacks(day, day)
        for key in OF_DAYS:
            assert row[head(key)] == pytest.approx(in_file(found[key]), abs=1e-9), (day, key)
    agents = by_agent(world, calls)
    rows = {row["Agent"]: row for row in dicts(sheets["Agents"])}
    assert {name for name, row in rows.items() if row["Attempts"]} == set(agents)
    for name, own in agents.items():
        found = truth.figures(own)
        for key in OF_AGENTS:  # a mean's last digit depends on the order in which calls are added up
            assert rows[name][head(key)] == pytest.approx(in_file(found[key]), abs=1e-9), (name, key)
    listed = dicts(sheets["Calls"])
    assert sorted(row["Vendor's id"] for row in listed) == sorted(call.id for call in calls)
    assert sum(row["Duration (s)"] or 0 for row in listed) == pytest.approx(sum(call.duration or 0 for call in calls))


def dicts(sheet: list[list[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(sheet[0], row, strict=True)) for row in sheet[1:]]


def head(key: str) -> str:
    unit = {"percent": " (%)", "seconds": " (s)"}.get(METRICS[key].unit, "")
    return f"{METRICS[key].label}{unit}"


def printed(content: bytes) -> list[str]:
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    return "\n".join(page.extract_text() for page in pages).split("\n")


def cells(lines: list[str], beginning: str) -> list[str]:
    """The figures of the line of a PDF that begins so."""
    [line] = [line for line in lines if line.startswith(f"{beginning} ") and line.removeprefix(beginning)[1].isdigit()]
    return line.removeprefix(beginning).replace(" *", "").replace(figures.MINUS, "-").split()


def hold_days(world: World, lines: list[str], first: date) -> None:
    table = next(n for n, line in enumerate(lines) if line.startswith("Day Attempts"))
    lines = lines[table:]  # the axis of the chart above names days too
    for day in (first + timedelta(days=n) for n in range(7)):
        found = truth.figures(truth.within(world.calls(), day, day, SAO_PAULO))
        attempts, *rest = cells(lines, f"{day.day} {day:%b %Y}")
        assert float(attempts) == found["attempts"]
        hold_rate_and_length(rest, found)
        assert str(world.callbacks(day, day)["callbacks_received"]) in rest[-2:]
    assert cells(lines, "Whole period")[0] == str(
        len(truth.within(world.calls(), first, first + 6 * timedelta(days=1), SAO_PAULO))
    )


def hold_agents(lines: list[str], agents: dict[str, list[truth.VendorCall]]) -> None:
    for name, calls in agents.items():
        found = truth.figures(calls)
        attempts, *rest = cells(lines, name)
        assert float(attempts) == found["attempts"]
        hold_rate_and_length(rest, found)


def hold_rate_and_length(cells: list[str], found: dict[str, float | None]) -> None:
    rate = truth.shown(found["connect_rate"], "percent")
    place = next(place for place, cell in enumerate(cells[:2]) if float(cell) == rate)  # beside the change of calls
    length = next(cell for cell in cells[place:] if ":" in cell)
    assert truth.read_shown(length) == truth.shown(found["average_duration"], "seconds")


def test_what_a_mail_tells_beside_its_tables_is_what_the_calls_say(world):
    with met_later(world, week_of(world)[0] + timedelta(days=1)):
        text, html = world.mail()
        hold_what_calls_say(world, text, html)


@contextmanager
def met_later(world: World, day: date) -> Iterator[None]:
    """Somebody calls and is not answered, and is called back within the hour: missed, and waits no more."""
    sandbox, number = world.box.world, "+5511912344321"
    catchers = {agent.id for agent in sandbox.callback_agents}
    agent = next(call["agent"] for call in sandbox.calls.values() if call["agent"]["id"] not in catchers)
    rang = {"agent": agent, "from": number, "direction": "inbound", "status": "no-answer", "duration": 0}
    back = {"agent": agent, "to": number, "direction": "outbound", "status": "completed", "duration": 60}
    calls = [
        sandbox.insert(created_at=f"{day}T{hour}:00:00Z", is_testing=False, **call)
        for hour, call in (("15", rang), ("16", back))
    ]
    try:
        assert pull(world.environments["talkover"], day, day)[0] == 0
        yield
    finally:
        for call in calls:
            sandbox.drop(call)


def hold_what_calls_say(world: World, text: faces.Mail, html: faces.Mail) -> None:
    first, last = week_of(world)
    with wall.tenant(world.tenant):
        books = Books.read(world.tenant, world.now)
    hold_callbacks(world, books, text, html)
    hold_who_waits(world, books, text, html)

    found = truth.figures(calls := truth.within(world.calls(), first, last, SAO_PAULO))
    final = sum(call.outcome in (truth.CONNECTED, truth.UNREACHED) for call in calls)
    three, six, of_three, of_six = (truth.shown(found[key], "percent") for key in (*SHORT_CALLS, *SHORT_TALKS))
    for said in (
        f"{three} % lasted at most 3 s, {six} % at most 6 s (n = {final}).",
        f"Of the connected calls alone: {of_three} % and {of_six} % (n = {found['connected']}).",
    ):
        assert said in text.said
        assert said in html.said

    sandbox, told = world.box.world, {}
    for campaign in sandbox.campaigns:
        if campaign["status"] in ("active", "paused"):
            placed = [truth.of_talkover(row.element, world.now) for row, _ in sandbox.campaign_rows(campaign["id"])]
            of_week = truth.within(filter(None, placed), first, last, SAO_PAULO)
            paused = " (paused)" if campaign["status"] == "paused" else ""
            told[f"{campaign['name']}{paused}"] = len(of_week)
    assert sum(told.values()) > 50
    for mail in (text, html):
        assert {line[0]: int(line[1]) for line in mail.campaigns} == told


def hold_callbacks(world: World, books: Books, text: faces.Mail, html: faces.Mail) -> None:
    """Each callback found stands with the agent that had called last; their sum and the vendor's are told apart."""
    first, last = week_of(world)
    with wall.tenant(world.tenant):
        names = {str(row.public_id): row.shown_name for row in Agent.objects.all()}
    sources: dict[str, list[Return]] = defaultdict(list)
    here = [each for each in books.returns if first <= local(each.ring.start, SAO_PAULO) <= last]
    for each in here:
        sources[names[each.attempts[-1].agent or ""]].append(each)
    wanted = {}
    for name, returns in sources.items():
        median = truth.percentile(sorted(each.minutes for each in returns), 0.5)
        assert median is not None
        wanted[name] = (len(returns), figures.wait(median * 60).replace(figures.SPACE, " "))
    for mail in (text, html):
        assert {line[0]: (int(line[1]), line[2].replace(figures.SPACE, " ")) for line in mail.sources} == wanted
        theirs = world.callbacks(first, last)["callbacks_received"]
        said = f"The vendor counted {theirs} callbacks, every call to a callback agent; {len(here)} of the calls answer"
        assert said in mail.said
        assert said in " ".join(world.page("callbacks/", **params_of(world, first, last)).text.split())
    assert len(here) > 5


def hold_who_waits(world: World, books: Books, text: faces.Mail, html: faces.Mail) -> None:
    """Contacts who called and met nobody, and those whom nobody has met since; as the page of callbacks has it."""
    first, last = week_of(world)
    missed = {
        (call.environment, call.contact)
        for call in books.calls
        if call.direction == "inbound" and call.outcome == truth.UNREACHED and call.contact and not call.test
        and first <= local(call.start, SAO_PAULO) <= last
    }  # fmt: skip
    still = {(call.environment, call.contact) for call in books.missed if first <= local(call.start, SAO_PAULO) <= last}
    assert still < missed
    met = len(missed) - len(still)
    said = f"{len(missed)} contacts called in this period and were not answered."
    rest = f"With {met} a call has connected since; {len(still)} are still waiting."
    page = " ".join(world.page("callbacks/", **params_of(world, first, last)).text.split())
    for form in (text.said, html.said, page):
        assert said in form
        assert rest in form
    assert truth.read_shown(text.headlines["Still open"][0]) == len(still)


def local(at: datetime, zone: str) -> date:
    return at.astimezone(figures.ZoneInfo(zone)).date()


def test_a_late_correction_is_told_by_the_next_mail_with_both_counts(world):
    """Two calls of the week before turn up at the vendor after that week was reported."""
    first, last = week_of(world)
    before = (first - WEEK, last - WEEK)
    was = expected(world, *before, SAO_PAULO)
    world.subscribe(since=world.now - WEEK - timedelta(days=1))
    earlier = world.next_message(world.now - WEEK)
    assert f"Attempts: {was['attempts']} " in earlier.text
    day = before[0] + timedelta(days=2)
    added = [
        world.box.world.insert(
            created_at=f"{day}T15:0{n}:00Z", status="completed", duration=600, direction="outbound", is_testing=False
        )
        for n in range(2)
    ]
    try:
        later = world.now + timedelta(minutes=20)
        with time_machine.travel(later, tick=False):
            assert pull(world.environments["talkover"], day, day)[0] == 0
            message = world.next_message(later)
        now = expected(world, *before, SAO_PAULO)
        mail = faces.mail_of_html(message.subject, message.text, message.html)
        changed = {}
        for key in HEADLINES:
            shown = [figures.value(of[key], METRICS[key].unit).replace(figures.SPACE, " ") for of in (was, now)]
            if shown[0] != shown[1]:
                changed[str(METRICS[key].label)] = f"{shown[0]} → {shown[1]}"
        assert changed["Attempts"] == f"{was['attempts']} → {was['attempts'] + 2}"
        assert set(changed) == {"Attempts", "Connect rate", "Average call duration"}
        told = dict(re.findall(r"^- ([^:\n]+): (\S.* → .*)$", message.text, re.M))
        assert told == changed
        for label, both in changed.items():
            assert f"{label}: {both}" in mail.said
        assert truth.read_shown(mail.headlines["Attempts"][1]) == now["attempts"]
    finally:
        for call in added:
            world.box.world.drop(call)


def test_a_board_and_a_share_link_show_the_same_week(world):
    """The same saved reports on their own pages, on a board, and by a link without an account."""
    first, last = week_of(world)
    query = "metrics=attempts,connect_rate,average_duration&period=last_week&compare=none"
    slug = world.tenant.slug
    saved = [save(world, name, f"{query}{by}") for name, by in (("Week", ""), ("Days", "&by=day"))]
    client = world.client
    made = client.post(reverse("reports_web:board_new", args=[slug]), {"name": "Monday"})
    board = made.headers["Location"]
    for view in saved:
        assert client.post(board, {"act": "add", "view": view}).status_code == 302
    key = board.rstrip("/").split("/")[-1]
    wish = {"of": f"board:{key}", "days": "7"}
    linked = client.post(reverse("reports_web:share_links", args=[slug]), wish, follow=True).content.decode()
    address = re.search(r'/shared-link/[^"<\s]+', linked)
    assert address is not None, linked[:3000]

    calls = truth.within(world.calls(), first, last, SAO_PAULO)
    week = truth.figures(calls)
    days = [truth.figures(truth.within(calls, day, day, SAO_PAULO)) for day in span(first)]
    keys = ("attempts", "connect_rate", "average_duration")
    wanted = [[close(found[key]) for key in keys] for found in (week, *days)]
    stranger = Client()
    for who, path in ((client, board), (stranger, f"{address[0]}?language=en")):  # else it speaks the company's
        answer = who.get(path, headers={"Accept-Language": "en"})
        assert answer.status_code == 200
        shown = values(answer.content.decode())
        assert [row for row in wanted if row not in shown] == [], path
        assert f"{len(calls)} of {len(calls)} calls mirrored" in answer.content.decode()
    for view, rows in zip(saved, ([wanted[0]], wanted[1:]), strict=True):
        page = client.get(reverse("reports_web:saved_report", args=[slug, view]), follow=True)
        assert [row for row in rows if row not in values(page.content.decode())] == []


def span(first: date) -> list[date]:
    return [first + timedelta(days=n) for n in range(7)]


def save(world: World, name: str, query: str) -> str:
    made = world.client.post(
        reverse("reports_web:saved_reports", args=[world.tenant.slug]), {"name": name, "query": query}
    )
    assert made.status_code == 302, made.content
    [key] = re.findall(r"saved=([0-9a-f-]{36})", made.headers["Location"])
    return str(key)


def values(html: str) -> list[list[float | None]]:
    """The raw values of each row of the tables of a page."""
    rows = [row for table in faces.Sheet(html).tables.values() for row in table]
    return [[faces.number(value) for square in row for value in square.values] for row in rows]
