"""The page of any question: what it asks is what the API asks, it leads to the calls behind, and says what is wrong."""

import html
import json
import re
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine

from portal.tenants import wall
from portal.tenants.models.people import Membership
from reports.definitions.catalogue import CATALOGUE
from reports.definitions.dimensions import DIMENSIONS
from reports.definitions.metrics import METRICS
from reports.definitions.periods import Period
from reports.queries.ask import ask
from reports.queries.calls.lists import calls as listed
from reports.queries.question import Filters, Question, read_calls, write_question
from reports.queries.scope import Scope
from reports.web.report import table as report_table
from reports.web.report.form import _Given, _metrics, canonical
from reports.web.report.links import _NARROW, calls_behind
from tests import factories

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 7, 15, 15, 0, tzinfo=UTC)  # a Wednesday noon in Sao Paulo
PAGE = "/t/acme/reports/query/"
MONTH = Period(date(2026, 7, 1), date(2026, 7, 16), "America/Sao_Paulo")


@pytest.fixture(autouse=True)
def _on_wednesday():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def calls(acme, sales, care):
    """Two weeks of calls of every kind in both environments, some without an agent, a cause or a length."""
    with wall.tenant(acme), factories.at_once():
        for place, environment in enumerate((sales, care)):
            agents = [factories.agent(environment, f"{environment.name}-{n}") for n in (1, 2)]
            for n in range(90):
                status = ("completed", "no-answer", "busy", "completed", "failed", "ringing")[(n + place) % 6]
                factories.call(
                    environment,
                    f"{environment.name}-{n}",
                    agent=None if n % 11 == 0 else agents[n % 2],
                    status=status,
                    seconds=(2, 3, 6, 31, 700)[n % 5] if status == "completed" else None,
                    direction=("outbound", "inbound")[n % 4 == 0],
                    started_at=NOW - timedelta(hours=3 * n + 1, minutes=n),
                    hangup_cause=("", "USER_BUSY", "Normal, Clearing")[n % 3],
                    to_number=("+5511987654321", "+5521987654321", "+12125550100")[n % 3],
                )


@pytest.fixture
def ask_page(client, ana):
    client.force_login(ana)

    def ask_page(query: str, status: int = 200) -> str:
        answer = client.get(f"{PAGE}?{query}", headers={"Accept-Language": "en"})
        assert answer.status_code == status, answer.content[:500]
        return answer.content.decode()

    return ask_page


def rows_of(page: str) -> list[tuple[dict[str, str | None], dict[str, str]]]:
    found = re.findall(r'<tr data-key="([^"]*)"(.*?)</tr>', page, re.DOTALL)
    return [
        (json.loads(html.unescape(key)), dict(re.findall(r'data-metric="(\w+)"><data value="([^"]*)"', cells)))
        for key, cells in found
    ]


def scope_of(user) -> Scope:
    return Scope.of(Membership.objects.select_related("grant", "tenant").get(user=user).grant)


@pytest.mark.parametrize("by", [key for key, each in DIMENSIONS.items() if not each.of_returns])
def test_each_row_leads_to_just_its_calls(acme, ana, calls, by) -> None:
    """Followed, the link lists as many calls as the row counts, whatever it is grouped by."""
    assert by in _NARROW, "say in report_links how the list is narrowed to a row of this grouping"
    other = "status" if by == "direction" else "direction"
    with wall.tenant(acme):
        scope = scope_of(ana)
        for zone, filters in ((MONTH.zone, Filters()), ("Asia/Kathmandu", Filters(min_duration=3.0))):
            period = Period(MONTH.start, MONTH.end, zone)
            answer = ask(Question(("attempts",), period, (by, other), filters, compare=False), scope)
            assert answer.rows
            filled = [row for row in answer.rows if row.cells["attempts"].value]
            for row in [*filled[:40], *answer.rows[:3]]:
                keys = dict(zip((by, other), row.key, strict=True))
                query = calls_behind(answer.question, keys, zone=scope.zone)
                if not query:
                    assert row.key[0] is None
                    continue
                params = {name: values[0] for name, values in parse_qs(query).items()}
                assert listed(read_calls(params, scope), scope).count() == row.cells["attempts"].value, (keys, query)


def test_the_page_shows_what_ask_says(acme, ana, calls, ask_page) -> None:
    question = Question(("attempts", "connect_rate", "unique_contacts"), MONTH, ("day",))
    with wall.tenant(acme):
        answer = ask(question, scope_of(ana))
    (whole, totals), *rows = rows_of(ask_page(write_question(question)))
    assert whole == {}
    assert float(totals["attempts"]) == answer.totals["attempts"].value
    assert [key["day"] for key, _cells in rows] == [row.key[0] for row in answer.rows]
    shown = [cells["connect_rate"] for _key, cells in rows]
    assert shown == [
        "" if row.cells["connect_rate"].small or row.cells["connect_rate"].value is None
        else repr(row.cells["connect_rate"].value)
        for row in answer.rows
    ]  # fmt: skip
    assert "not over yet" in ask_page(write_question(question))
    assert "n too small" in ask_page(write_question(question))


def test_a_column_sorts_and_rows_without_a_figure_stay_last(calls, ask_page) -> None:
    def order(sort: str) -> list[str]:
        query = f"metrics=average_duration&by=day&date_from=2026-07-01&date_to=2026-07-15&sort={sort}"
        return [cells["average_duration"] for _key, cells in rows_of(ask_page(query))[1:]]

    up, down = order("average_duration"), order("-average_duration")
    known = [float(value) for value in up if value]
    assert known == sorted(known)
    assert [float(value) for value in down if value] == known[::-1]
    assert "" not in up[: len(known)]
    assert "" not in down[: len(known)]
    days = [
        key["day"] for key, _cells in rows_of(ask_page("by=day&date_from=2026-07-01&date_to=2026-07-15&sort=-day"))[1:]
    ]
    assert days == sorted(days, reverse=True)


def test_long_answers_come_in_pages_with_an_honest_count(calls, ask_page, monkeypatch) -> None:
    monkeypatch.setattr(report_table, "PAGE_ROWS", 10)
    query = "metrics=attempts&by=day,status&date_from=2026-07-01&date_to=2026-07-15"
    pages, number = [], 0
    first = ask_page(query)
    count = int(re.search(r'data-pages="(\d+)"', first)[1])
    while number < count:
        number += 1
        pages += [json.dumps(key) for key, _cells in rows_of(ask_page(f"{query}&page={number}"))[1:]]
    assert len(pages) == len(set(pages)) == 15 * 5
    assert "Rows 1–10 of 75" in first
    assert rows_of(ask_page(f"{query}&page=99"))[1:] == rows_of(ask_page(f"{query}&page={count}"))[1:]


def test_it_says_beside_each_field_what_is_wrong(calls, ask_page) -> None:
    page = ask_page("metrics=attempts,nonsense&by=bla&date_from=2026-13-01&zone=Mars&min_duration=x", 400)
    for name, text in (
        ("metrics", "Unknown: nonsense."),
        ("by-1", "Unknown: bla."),
        ("date_from", "“2026-13-01” is not a date"),
        ("zone", "“Mars” is not a time zone"),
        ("min_duration", "“x” is not a number of seconds."),
    ):
        assert f'href="#{name}"' in page
        assert f'id="{name}"' in page
        assert text in html.unescape(page)
    assert "Known are" not in page  # what can be chosen stands in the form
    assert '<input type="date" id="date_from" name="date_from" value=""' in page
    known = ask_page("outcome=bla&compare=no&date_from=2026-07-02&date_to=2026-07-01", 400)
    assert html.unescape(known).count("Unknown: bla.") == html.unescape(known).count("Unknown: no.") == 1
    assert 'type="date" id="date_to" name="date_to" value="2026-07-01"' in known
    assert "data-key" not in page
    too_many = ask_page("metrics=attempts&by=hour,agent&date_from=2024-08-01&date_to=2026-07-15", 400)
    assert "more than 20000 rows" in too_many.replace(",", "").replace(".", "")


def test_a_form_without_scripts_ends_at_the_tidy_address(client, ana) -> None:
    client.force_login(ana)
    sent = "metrics=attempts&metrics=connect_rate&by=day&by=&by=agent&status=&number=&date_from=2026-07-01&compare=none"
    answer = client.get(f"{PAGE}?{sent}")
    assert answer.status_code == 302
    query = parse_qs(urlsplit(answer["Location"]).query)
    assert query == {
        "metrics": ["attempts,connect_rate"], "by": ["day,agent"], "date_from": ["2026-07-01"], "compare": ["none"]
    }  # fmt: skip


def test_the_same_question_goes_to_the_api_and_to_a_file(calls, ask_page, client) -> None:
    query = write_question(Question(("attempts",), MONTH, ("agent",), Filters(statuses=("busy",)), compare=False))
    page = html.unescape(ask_page(query))
    address = re.search(r'id="api" readonly value="([^"]*)"', page)[1]
    told = client.get(address.removeprefix("http://testserver")).json()
    assert [row["key"] for row in told["rows"]] == [key for key, _cells in rows_of(ask_page(query))[1:]]
    export = re.search(r'href="([^"]*\?what=report&[^"]*)"', page)[1]
    assert export.endswith(query)


def test_ids_of_nobody_are_absent(client, ana, foreign) -> None:
    client.force_login(ana)
    for name in ("environment", "agent"):
        assert client.get(f"{PAGE}?{name}={foreign.public_id}").status_code == 404


def test_crossed_margins_are_answers_of_their_own(acme, ana, calls, ask_page) -> None:
    """Contacts do not add up, so the margin of a row is asked for."""
    query = "metrics=unique_contacts&by=agent,status&view=crossed&date_from=2026-07-01&date_to=2026-07-15"
    page = ask_page(query)
    with wall.tenant(acme):
        alone = ask(Question(("unique_contacts",), MONTH, ("agent",), compare=False), scope_of(ana))
    body = page[page.index("<tbody>") :]
    lines = [re.findall(r'<data value="([^"]*)"', line) for line in body.split("<tr>")[1:]]
    assert [float(line[0]) for line in lines] == [row.cells["unique_contacts"].value for row in alone.rows]


def test_every_figure_can_be_chosen_once(rf) -> None:
    request = rf.get(PAGE)
    offered = [choice.word for _title, choices in _metrics(_Given(request.GET, {})).groups for choice in choices]
    assert sorted(offered) == sorted(METRICS)
    assert canonical(rf.get(f"{PAGE}?by=day,,agent&by=day&number=").GET) == "?by=day,agent".removeprefix("?")


def test_the_catalogue_leads_to_reports_that_answer(client, ana, calls) -> None:
    client.force_login(ana)
    page = html.unescape(client.get("/t/acme/reports/?period=last_week").content.decode())
    links = re.findall(r'href="(/t/acme/reports/query/\?[^"]*)"', page)
    assert len(links) >= 12
    for link in links:
        assert "period=last_week" in link
        assert client.get(link).status_code == 200, link
    opened = {parse_qs(urlsplit(link).query)["by"][0] for link in links if "view=crossed" in link}
    assert opened == {"weekday,hour_of_day", "direction,status", "agent,side"}
    assert len({link.split("?")[1] for link in links}) == len(CATALOGUE)
    told = client.get("/api/v1/reports/").json()["results"]
    assert not any("view" in row["query"] for row in told)


def test_what_has_no_series_of_its_own_is_drawn_with_the_others(calls, ask_page) -> None:
    """The columns are the whole, so the sentence may say which is the highest."""
    days = "date_from=2026-07-01&date_to=2026-07-15"
    whole = ask_page(f"metrics=attempts&by=weekday&{days}")
    parts = ask_page(f"metrics=attempts&by=weekday,hour_of_day&{days}")
    said = [re.search(r'id="chart-sentence">([^<]*)', page)[1] for page in (whole, parts)]
    assert said[0] == said[1]
    assert said[0].startswith("Highest: ")
    legend = re.search(r'<ul class="legend">(.*?)</ul>', parts, re.DOTALL)[1]
    assert re.findall(r"</svg>([^<]*)</li>", legend)[5:] == ["others"]
    assert "19 smaller ones are drawn together" in parts
    rates = ask_page(f"metrics=connect_rate&by=weekday,hour_of_day&{days}")
    assert "chart-sentence" not in rates
    assert "18 smaller ones are in the table only" in rates


def test_days_before_the_history_are_not_new(acme, sales, calls, ask_page) -> None:
    """The first call is of 4 July: of the days before it nothing is known, neither here nor as the period before."""
    early = ask_page("metrics=attempts&by=day&date_from=2026-07-08&date_to=2026-07-12")
    rows = re.findall(r'<tr data-key="[^"]*">(.*?)</tr>', early, re.DOTALL)
    assert [">new<" in row for row in rows] == [False] * 5
    assert ['<span class="quiet">–</span>' in row for row in rows] == [True, True, True, False, False]
    late = ask_page("metrics=attempts&by=day&date_from=2026-07-01&date_to=2026-07-14")
    assert "(0)" not in re.search(r'id="chart-sentence">([^<]*)', late)[1]
    assert ">new<" not in late
    assert "the period before" not in re.search(r'<figure class="chart".*?</figure>', late, re.DOTALL)[0]


def test_callbacks_are_asked_by_the_agent_that_called_before(client, ask_page, acme, sales):
    with wall.tenant(acme):
        dials, other = factories.agent(sales, "dials"), factories.agent(sales, "other")
        takes = factories.agent(sales, "takes", takes_callbacks=True, callback_sources=["dials", "other"])
        for n, agent in enumerate((dials, other, other)):
            number, at = f"+551198765432{n}", NOW - timedelta(hours=9)
            factories.call(sales, f"o{n}", agent=agent, status="busy", to_number=number, started_at=at)
            at += timedelta(hours=1)
            factories.call(sales, f"i{n}", agent=takes, direction="inbound", from_number=number, started_at=at)
    days = "date_from=2026-07-15&date_to=2026-07-15"
    page = ask_page(f"metrics=derived_callbacks&by=agent&source_agent={other.public_id}&{days}")
    told = rows_of(page)
    assert [(keys, cells["derived_callbacks"]) for keys, cells in told] == [
        ({}, "2"),
        ({"agent": str(takes.public_id)}, "2"),
    ]
    assert f'name="source_agent" value="{other.public_id}" checked' in page
    assert "Agent that called before" in page
    assert "/t/acme/calls/?" not in page.split("data-key", 1)[1]  # no list of calls is chosen so
    rates = ask_page(f"metrics=derived_callbacks,return_rate&by=source_agent&{days}")
    assert [(keys, cells["derived_callbacks"]) for keys, cells in rows_of(rates)] == [
        ({}, "3"),
        ({"source_agent": str(dials.public_id)}, "1"),
        ({"source_agent": str(other.public_id)}, "2"),
    ]
    assert "/t/acme/calls/?" not in rates.split("data-key", 2)[2]  # its rows are no calls of that agent
    for shown in (page, rates):  # each row leads to the callbacks that it counts
        links = re.findall(r'<th scope="row"><a href="(/t/acme/callbacks/[^"]*)#returns"', shown)
        listed = [client.get(html.unescape(link)).content.decode() for link in links]
        counts = [cells["derived_callbacks"] for keys, cells in rows_of(shown) if keys]
        assert [str(told.split('id="returns"')[1].count('<tr><th scope="row">')) for told in listed] == counts
    elsewhere = ask_page(f"metrics=derived_callbacks&by=source_agent&{days}&zone=Asia/Kathmandu")
    assert "#returns" not in elsewhere  # whose days are others there
    for chosen in (f"source_agent={other.public_id}", "by=source_agent"):
        refused = ask_page(f"metrics=attempts,derived_callbacks&{chosen}&{days}", 400)
        assert "says nothing of: Attempts." in html.unescape(refused)


def test_a_source_agent_that_is_not_the_readers_is_absent(ask_page, globex, foreign, sales):
    with wall.tenant(globex):
        other = factories.agent(foreign, "dials").public_id
    ask_page(f"metrics=derived_callbacks&source_agent={other}", 404)


def test_a_period_by_name_stays_one(client, ana, ask_page, calls):
    """Whatever is pressed on the page: a form without a script sends the days that it shows as well."""
    asked = {
        "metrics": "attempts",
        "by": "day",
        "period": "last_month",
        "date_from": "2026-07-01",
        "date_to": "2026-07-02",
    }
    answer = client.get(PAGE, asked)
    assert answer["Location"] == f"{PAGE}?metrics=attempts&by=day&period=last_month"
    text = ask_page("metrics=attempts&by=day&period=last_month")
    assert '<option value="last_month" selected>' in text
    assert all("period=last_month" in link for link in re.findall(r'href="(\?metrics[^"]*sort=[^"]*)"', text))
    days = client.get(PAGE, asked | {"period": "custom"})["Location"]
    assert days == f"{PAGE}?metrics=attempts&by=day&date_from=2026-07-01&date_to=2026-07-02"
    assert '<option value="custom" selected>' in client.get(days).content.decode()


def test_ready_made_reports_keep_the_period_by_name(client, ana, calls):
    client.force_login(ana)
    text = html.unescape(client.get("/t/acme/reports/?period=last_month").content.decode())
    asked = re.findall(r'href="/t/acme/reports/query/\?([^"]+)"', text)
    assert len(asked) == len(CATALOGUE)
    assert all("period=last_month" in query and "date_from" not in query for query in asked)
