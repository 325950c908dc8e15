"""Every mark of the overview says a number and leads to just as many calls."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from html import unescape

import pytest
import time_machine
from django.http import QueryDict

from portal.tenants import wall
from portal.tenants.models.people import Membership
from reports.definitions.metrics import METRICS
from reports.definitions.periods import Period
from reports.queries.answer import Answer, Cell, Row
from reports.queries.ask import ask
from reports.queries.calls.lists import calls as calls_of
from reports.queries.highlights import LOOKED_AT, highlights
from reports.queries.question import Question, read_calls
from reports.queries.scope import Scope
from reports.web.overview.movers import weight
from reports.web.shared.behind import BEHIND, NOT_CALLS
from reports.web.shared.contexts import SUMMARY
from tests import factories

NOW = datetime(2026, 7, 13, 12, 0, tzinfo=UTC)
WEEK = Period(date(2026, 7, 6), date(2026, 7, 13), "America/Sao_Paulo")
WORDS = (
    "completed",
    "no-answer",
    "completed",
    "busy",
    "failed",
    "completed",
    "ringing",
    "voicemail",
    "odd",
    "answered",
)
CAUSES = ("Normal Hangup", "Busy Line", "Network Congestion, far away", "100% odd", "")


@pytest.fixture(autouse=True)
def _at_noon():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def calls(acme, sales, care) -> None:
    """Three weeks of both vendors, with every status, several causes, lines, area codes and lengths."""
    with wall.tenant(acme), factories.at_once():
        for place, environment in enumerate((sales, care)):
            agents = [factories.agent(environment, f"{environment.name}-{n}") for n in (1, 2)]
            for n in range(160):
                status = WORDS[(n * 7 + place) % len(WORDS)]
                talked = status in ("completed", "answered")
                started = NOW - timedelta(minutes=183 * n + 20)
                factories.call(
                    environment,
                    f"{environment.name}-{n}",
                    agent=agents[n % 3 == 0],
                    status=status if place == 0 or talked else "failed",
                    seconds=(0, 3, 3.001, 6, 20, 61, 700)[n % 7] if talked else (None, 0)[n % 2],
                    started_at=started,
                    ended_at=started + timedelta(minutes=12) if place else None,
                    answered_at=started + timedelta(seconds=5 + n % 30) if place and talked else None,
                    billed_ms=60_000 if place and talked else None,
                    direction="inbound" if n % 5 == 0 else "outbound",
                    from_number=f"+55113000{n % 3:04}",
                    to_number=f"+55{(11, 21, 85)[n % 3]}9{n % 40:08}",
                    hangup_cause=CAUSES[n % len(CAUSES)] if place else "",
                    latencies={"stt": [200 + n], "llm": [600, 700 + n], "tts": [90]} if place and talked else None,
                )


def scope_of(user) -> Scope:
    return Scope.of(Membership.objects.get(user=user).grant)


def week(user, metrics: tuple[str, ...], *by: str) -> Answer:
    return ask(Question(metrics, WEEK, by), scope_of(user))


def page(client, user, query: str = ""):
    client.force_login(user)
    return client.get(f"/t/acme/{query}")


def number(text: str) -> int:
    return int(text.replace(",", ""))


def section(html: str, key: str) -> str:
    found = re.search(rf'<section[^>]*id="{key}">.*?</section>', html, re.DOTALL)
    return found[0] if found else ""


def marks(part: str, kind: str) -> list[tuple[str, str]]:
    """The addresses and titles of a section's slots or parts."""
    found = re.findall(rf'<a class="{kind}" href="calls/\?([^"]*)"[^>]*><title>([^<]*)</title>', part)
    return [(unescape(query), unescape(title)) for query, title in found]


def claims(html: str) -> Iterator[tuple[str, str, int]]:
    """What each mark of the charts says: where, the filters it leads to, and how many calls."""
    n = r"([\d,]+)"
    for key, kind, pattern in (
        ("trend", "part", rf": {n} "),
        ("trend", "slot", rf"{n} (?:connected|unreached|open|unresolved)"),
        ("statuses", "part", rf"\({n}\)"),
        ("statuses", "slot", rf"\({n}\)"),
        ("sides", "part", rf": {n} "),
        ("sides", "slot", rf"[:,] {n} (?:the|our|not known)"),
        ("lengths", "slot", rf": {n} connected"),
        ("short", "slot", rf"up to 6 s [\d.]+\W%\W\({n}\)"),
    ):
        for query, title in marks(section(html, key), kind):
            said = [number(text) for text in re.findall(pattern, title)]
            if said:
                yield f"{key}: {title}", query, sum(said)
    for query, title in re.findall(r'<a href="calls/\?([^"]*)" title="([^"]*)">', section(html, "hours")):
        yield title, unescape(query), number(re.search(rf"{n} calls?", title)[1])
    row = r'<th scope="row"><a href="calls/\?([^"]*)">([^<]*)</a>.*?</th>'
    bars = re.findall(row + r'<td class="stripes">.*?</td><td>([^<]*)', section(html, "sides"))
    for query, cause, amount in bars:
        yield f"cause {cause}", unescape(query), number(amount)
    rows = re.findall(r'<td><a class="behind" href="calls/\?([^"]*)">([\d,]+)</a>', section(html, "movers"))
    for query, amount in rows:
        yield f"side by side {amount}", unescape(query), number(amount)


@pytest.mark.parametrize(
    ("query", "least"),
    [
        ("", 120),
        ("?period=yesterday", 60),
        ("?period=today", 20),
        ("?map=connect_rate&date_from=2026-06-24&date_to=2026-07-09&grain=week", 100),
        ("?date_from=2026-05-01&date_to=2026-07-31&grain=month", 100),
    ],
)
def test_each_mark_leads_to_as_many_calls_as_it_says(client, acme, ana, calls, query, least) -> None:
    html = page(client, ana, query).content.decode()
    told = list(claims(html))
    assert len(told) > least
    for name in ("trend", "statuses", "sides", "lengths", "cause", "side by side"):
        assert any(where.startswith(name) for where, _query, _n in told), name
    with wall.tenant(acme):
        scope = scope_of(ana)
        for where, address, n in told:
            assert calls_of(read_calls(QueryDict(address), scope), scope).count() == n, (where, address)


@pytest.mark.parametrize("narrow", ["", "sales", "care"])
def test_each_figure_leads_to_the_calls_of_its_base(client, acme, ana, sales, care, calls, narrow) -> None:
    chosen = {"sales": sales, "care": care}.get(narrow)
    response = page(client, ana, f"?environment={chosen.public_id}" if chosen else "")
    summary = response.context["summary"]
    shown = [*summary.lead, *(figure for group in summary.groups for figure in group.figures)]
    checked = set()
    with wall.tenant(acme):
        scope = scope_of(ana)
        for figure in shown:
            key = figure.metric.key
            if figure.href and key in BEHIND and key not in NOT_CALLS:
                address = figure.href.partition("?")[2]
                assert calls_of(read_calls(QueryDict(address), scope), scope).count() == figure.cell.n, key
                checked.add(key)
    assert {"attempts", "connect_rate", "average_duration", "missed_rate", "short_call_share_6s"} <= checked
    assert ("service_level" in checked) == (narrow != "sales")


def test_the_api_counts_the_same(client, ana, calls) -> None:
    html = page(client, ana).content.decode()
    for _where, address, n in list(claims(html))[::25]:
        body = client.get(f"/api/v1/calls/?{address}&page_size=1&count=true").json()
        assert body["count"] == n, address


def test_every_metric_says_what_is_behind_it() -> None:
    assert {key for key in SUMMARY if "callback" not in key} <= set(BEHIND)
    assert set(BEHIND) >= NOT_CALLS


def test_the_table_and_the_sentence_say_what_ask_says(client, acme, ana, calls) -> None:
    html = page(client, ana).content.decode()
    with wall.tenant(acme):
        rows = week(ana, ("attempts", "connected"), "day").rows
    attempts = [int(row.cells["attempts"].value) for row in rows]
    trend = section(html, "trend")
    table = re.findall(r'<th scope="row">.*?</th>((?:<td>[^<]*</td>)+)', trend)
    cells = [re.findall(r"<td>([^<]*)</td>", row) for row in reversed(table)]
    assert [int(row[0]) for row in cells] == [int(row.cells["connected"].value) for row in rows]
    assert [int(row[-2]) for row in cells] == attempts
    mean = f"{sum(attempts) / 7:.0f} calls a day on average"
    said = unescape(re.search(r'id="trend-sentence">([^<]*)', trend)[1])
    assert said.startswith(mean)
    assert f"({max(attempts)})" in said
    assert f"({min(attempts)})" in said


def test_cells_of_too_few_calls_are_hatched_and_say_so(client, acme, ana, calls) -> None:
    html = page(client, ana, "?map=connect_rate").content.decode()
    with wall.tenant(acme):
        rows = week(ana, ("connect_rate",), "weekday", "hour_of_day").rows
    few = sum(0 < (row.cells["connect_rate"].n or 0) < METRICS["connect_rate"].minimum_n for row in rows)
    hours = section(html, "hours")
    assert hours.count('<td class="small">') == few > 0
    assert hours.count("n too small&quot;") + hours.count(', n too small"') == few
    assert '<td class="small">' not in section(page(client, ana).content.decode(), "hours")


def test_a_point_of_many_calls_stands_before_ten_of_a_few() -> None:
    def row(n: int, change: float) -> Row:
        return Row(("a",), ("a",), {"connect_rate": Cell(50.0, n, 50.0 - change, change, previous_n=n)})

    assert weight(row(4000, -2.0)) == 80
    assert weight(row(30, 20.0)) == 6
    assert weight(Row(("a",), ("a",), {"connect_rate": Cell(50.0, 30, 0, 50.0, previous_small=True)})) is None


def test_the_page_opens_with_what_changed_in_the_words_of_the_mail(client, acme, ana, calls) -> None:
    said = re.search(r'<p class="highlight">([^<]+)</p>', page(client, ana).content.decode())
    with wall.tenant(acme):
        whole, agents = week(ana, LOOKED_AT), week(ana, ("attempts", "connect_rate"), "agent")
    assert said is not None
    assert unescape(said[1]) == " ".join(highlights(whole.totals, agents.rows, whole=False))  # no days before
    assert "highlight" not in page(client, ana, "?compare=none").content.decode().split("</style>")[-1]


def test_the_largest_change_stands_first_where_it_rests_on_enough(client, acme, ana, calls) -> None:
    html = page(client, ana).content.decode()
    with wall.tenant(acme):
        answer = week(ana, ("attempts", "connect_rate"), "agent")
    known = sorted(
        (row for row in answer.rows if row.cells["connect_rate"].moved is not None),
        key=lambda row: -abs(row.cells["connect_rate"].moved) * row.cells["connect_rate"].n,
    )
    table = html.split('id="by-agent"')[1].split("</tbody>")[0]
    assert re.findall(r'scope="row"><a [^>]*>([^<]+)</a>', table)[: len(known)] == [row.labels[0] for row in known]
    assert len(known) > 2


def test_area_codes_have_the_name_of_a_place(client, ana, calls) -> None:
    table = page(client, ana).content.decode().split('id="by-area_code"')[1].split("</tbody>")[0]
    assert re.search(r">85</a><small[^>]*>Fortaleza, CE<", table)


def test_what_no_vendor_in_view_measures_is_said_and_not_drawn(client, ana, sales, care, calls) -> None:
    html = page(client, ana, f"?environment={sales.public_id}").content.decode()
    speeds = section(html, "speeds")
    assert "not measurable with this vendor" in speeds
    assert "<svg" not in speeds
    html = page(client, ana, f"?environment={care.public_id}").content.decode()
    assert section(html, "stt").count("<polyline") == 2
    assert section(html, "callbacks") == ""
    assert "0 received" not in html


def test_weeks_before_the_first_call_known_are_not_the_lowest(client, ana, calls) -> None:
    html = page(client, ana, "?date_from=2026-05-04&date_to=2026-07-12&grain=week").content.decode()
    for part in ("trend", "time_to_answer", "billed_minutes"):
        said = unescape(re.search(rf'id="{part}-sentence">([^<]*)', html)[1])
        assert "Jul" in said
        assert "May" not in said


def test_limits_of_the_tenant_are_lines(client, acme, ana, calls) -> None:
    assert 'class="limit' not in section(page(client, ana).content.decode(), "short")
    acme.short_limit_6s = 7.5
    acme.save()
    short = unescape(section(page(client, ana).content.decode(), "short"))
    assert short.count('class="limit') == 1
    assert "limit up to 6 s: 7.5" in short
    assert "Above the limit for calls of up to 6 s:" in short


def test_holidays_are_named_on_days_where_they_are_kept(client, acme, ana, sales, calls) -> None:
    with wall.tenant(acme):
        factories.call(sales, "feast", started_at=datetime(2026, 6, 4, 15, tzinfo=UTC))
    address = "?date_from=2026-06-01&date_to=2026-06-07"
    trend = section(page(client, ana, address).content.decode(), "trend")
    assert trend.count('class="holiday"') == 2  # the day, and the legend
    assert re.search(r"<title>Thu 4 Jun: 1 connected,.*Corpus Christi", trend)
    acme.zone = "Europe/Lisbon"
    acme.save()
    assert 'class="holiday"' not in page(client, ana, address).content.decode()


def test_rows_of_time_are_chosen_in_the_address_and_small_charts_stay_calm(client, ana, calls) -> None:
    html = page(client, ana, "?grain=hour").content.decode()
    assert "Calls per hour" in html
    assert len(marks(section(html, "trend"), "slot")) == 7 * 24
    assert len(marks(section(html, "statuses"), "slot")) == 7
    assert "grain=hour" in section(html, "hours")
    assert "Calls per week" in page(client, ana, "?period=last_30_days&grain=week").content.decode()


def test_peak_concurrency_is_not_asked_of_long_periods(client, ana, calls) -> None:
    html = page(client, ana, "?period=last_90_days").content.decode()
    assert re.search(r'data-metric="peak_concurrency".*?<data value="">up to 31 days</data>', html, re.DOTALL)
