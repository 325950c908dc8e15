"""The overview shows what ``ask`` says, for whom it is, and says how complete it is."""

import csv
import gzip
import io
import re
from datetime import UTC, date, datetime, timedelta
from html import unescape
from urllib.parse import urlsplit

import pytest
import time_machine

from portal.tenants import wall
from portal.tenants.models.people import Membership
from reports.columns.refresh import refresh_tenant
from reports.definitions.metrics import METRICS
from reports.definitions.periods import Period
from reports.queries.ask import ask
from reports.queries.question import Filters, Question
from reports.queries.scope import Scope
from reports.web.shared.contexts import SUMMARY
from sync.models.callbacks import CallbackDay
from sync.models.connections import Connection
from sync.models.runs import Gap, Window
from tests import factories

MONDAY = datetime(2026, 7, 13, 12, 0, tzinfo=UTC)
WEEK = Period(date(2026, 7, 6), date(2026, 7, 13), "America/Sao_Paulo")
STATUSES = ("completed", "no-answer", "completed", "busy", "failed", "completed", "ringing")


@pytest.fixture(autouse=True)
def _on_monday():
    with time_machine.travel(MONDAY, tick=False):
        yield


@pytest.fixture
def calls(acme, sales, care):
    """Three weeks of calls in both environments, two agents each."""
    with wall.tenant(acme), factories.at_once():
        for place, environment in enumerate((sales, care)):
            agents = [factories.agent(environment, f"{environment.name}-{n}") for n in (1, 2)]
            for n in range(120):
                factories.call(
                    environment,
                    f"{environment.name}-{n}",
                    agent=agents[n % 3 == 0],
                    status=STATUSES[(n + place) % len(STATUSES)],
                    seconds=None if STATUSES[(n + place) % len(STATUSES)] != "completed" else 20 + n,
                    started_at=MONDAY - timedelta(hours=4 * n + 3),
                    to_number=f"+55119{n % 40:08}",
                )


def read_whole(environment, *, until: date = date(2026, 7, 13), but: date | None = None) -> None:
    """Every day since June read whole as of now, except one."""
    with wall.tenant(environment.tenant_id):
        Connection.objects.create(
            tenant_id=environment.tenant_id, environment=environment, base_url="https://x.example", since="2026-06-01"
        )
        for n in range((until - date(2026, 6, 1)).days + 1):
            day = date(2026, 6, 1) + timedelta(days=n)
            for stream in ("calls", "callbacks"):
                Window.objects.create(
                    tenant_id=environment.tenant_id,
                    environment=environment,
                    stream=stream,
                    part=str(day),
                    day=day,
                    state="incomplete" if day == but else "complete",
                    vendor_total=2,
                    mirrored=2,
                    read_at=MONDAY - timedelta(minutes=5),
                )
        if but:
            Gap.objects.create(
                tenant_id=environment.tenant_id,
                environment=environment,
                stream="calls",
                part=str(but),
                day=but,
                fault="server",
                opened_at=MONDAY - timedelta(hours=1),
            )


def shown(html: str) -> dict[str, str]:
    """The machine-readable value beside each metric's definition."""
    return dict(re.findall(r'data-metric="(\w+)".*?<data value="([^"]*)"', html, re.DOTALL))


def get(client, user, query: str = "", tenant: str = "acme"):
    client.force_login(user)
    return client.get(f"/t/{tenant}/{query}")


def text(response) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())))


@pytest.mark.parametrize("narrowed", [False, True])
def test_the_figures_are_those_of_ask(client, acme, sales, ana, calls, narrowed) -> None:
    response = get(client, ana, f"?environment={sales.public_id}" if narrowed else "")
    with wall.tenant(acme):
        scope = Scope.of(Membership.objects.get(user=ana).grant)
        filters = Filters(environments=(sales.public_id,)) if narrowed else Filters()
        totals = ask(Question(SUMMARY, WEEK, (), filters), scope).totals
    values = shown(response.content.decode())
    measured = {key for key in SUMMARY if not narrowed or "talkover" in METRICS[key].vendors}
    lead_without_data = {"callbacks_received"}
    assert measured - lead_without_data <= set(values)
    for key in measured & set(values):
        cell = totals[key]
        expected = "" if cell.value is None or cell.small else repr(cell.value)
        assert values[key] == expected, key


def test_every_metric_has_its_place_or_is_named_as_not_measurable(client, care, ana, calls) -> None:
    html = get(client, ana, f"?environment={care.public_id}").content.decode()
    for key in SUMMARY:
        assert str(METRICS[key].label) in unescape(html), key
    assert "not measurable" in html
    assert "Not measurable with this vendor:" in html


def test_what_is_chosen_is_in_the_page_and_in_its_links(client, sales, ana, calls) -> None:
    html = get(client, ana, f"?period=last_month&environment={sales.public_id}&sort=name").content.decode()
    assert '<option value="last_month" selected>' in html
    assert re.search(rf'name="environment" value="{sales.public_id}" checked', html)
    assert f"environment={sales.public_id}" in html
    assert "calls.csv?date_from=2026-06-01&amp;date_to=2026-06-30" in html
    assert 'aria-sort="ascending"' in html


def test_agents_stand_in_the_order_asked_for(client, ana, calls) -> None:
    def order(query: str) -> list[str]:
        table = get(client, ana, query).content.decode().split('id="by-agent"')[1].split("</tbody>")[0]
        return re.findall(r'scope="row"><a [^>]*>([^<]+)</a>', table)

    by_name = order("?sort=name")
    assert by_name == sorted(by_name)
    assert len(by_name) == 4
    assert order("?sort=-name") == by_name[::-1]
    assert order("?sort=attempts") == order("?sort=-attempts")[::-1] or sorted(order("?sort=attempts")) == by_name


def test_a_complete_mirror_says_so_with_its_numbers(client, sales, bruno, calls) -> None:
    read_whole(sales)
    page = get(client, bruno)
    said, attempts = text(page), shown(page.content.decode())["attempts"]
    line = rf"{attempts} of {attempts} calls mirrored .*The vendor counts whole UTC days.* · complete as of 08:55"
    assert re.search(line, said)
    assert "Not complete" not in said


@pytest.mark.parametrize(
    ("day", "complete"), [(10, False), (11, False), (12, True), (13, True)], ids=lambda value: str(value)
)
def test_a_day_that_was_read_before_it_ended_and_never_since_is_not_shown_as_whole(
    client, sales, bruno, calls, day, complete
) -> None:
    """Of today and yesterday that is no wonder, and the line says as of when; days before are read after their end."""
    read_whole(sales)
    read_at = datetime(2026, 7, day, 11, tzinfo=UTC)
    with wall.tenant(sales.tenant):
        assert Window.objects.filter(day=read_at.date(), stream="calls").update(read_at=read_at) == 1
    said = text(get(client, bruno))
    assert ("Not complete" not in said) is complete


def test_the_line_counts_no_call_but_those_of_the_figures(client, acme, sales, bruno) -> None:
    """The vendor's sum of the same days has a test call and a call of the evening before in it."""
    read_whole(sales)
    begins = datetime(2026, 7, 6, 3, tzinfo=UTC)  # midnight in São Paulo
    with wall.tenant(acme):
        for n, seconds in enumerate((-1, 0, 3600, 86400)):
            factories.call(sales, f"c{n}", started_at=begins + timedelta(seconds=seconds))
        factories.call(sales, "test", is_test=True, started_at=begins + timedelta(hours=2))
        refresh_tenant()
        answer = ask(Question(("attempts",), WEEK), Scope.of(Membership.objects.get(user=bruno).grant), now=MONDAY)
    assert (answer.completeness.counted, answer.totals["attempts"].value) == (3, 3)
    assert answer.completeness.mirrored == answer.completeness.vendor_total == 16  # two on each of eight UTC days
    assert "3 of 3 calls mirrored" in text(get(client, bruno))


def test_the_api_is_linked_for_those_who_may_hold_its_keys(client, acme, sales, ana, bruno, calls) -> None:
    assert 'href="/api/docs/"' in get(client, ana).content.decode()
    assert 'href="/api/docs/"' not in get(client, bruno).content.decode()


def test_a_gap_is_named_with_its_day_and_reason(client, sales, bruno, calls) -> None:
    read_whole(sales, but=date(2026, 7, 9))
    said = text(get(client, bruno))
    assert "Not complete:" in said
    assert "Sales: calls, 9 Jul, since 08:00 (the vendor had an error)" in said


def test_an_unread_mirror_says_so(client, bruno) -> None:
    said = text(get(client, bruno))
    assert "nothing read from the vendor yet" in said
    assert "Nothing of this period was read from the vendor yet." in said
    assert "No calls in this period." not in said


def test_a_comparison_with_a_part_says_so(client, sales, bruno, calls) -> None:
    read_whole(sales)
    assert "The period before is not complete" not in text(get(client, bruno))
    assert "The period before is not complete" in text(get(client, bruno, "?date_from=2026-06-02&date_to=2026-06-07"))


def test_a_member_sees_what_is_granted(client, sales, care, bruno, calls) -> None:
    html = get(client, bruno).content.decode()
    assert "Sales-1" in html
    assert "Care" not in html


@pytest.mark.parametrize("name", ["environment", "agent"])
def test_foreign_absent_and_malformed_ids_answer_alike(client, acme, care, foreign, bruno, name) -> None:
    with wall.tenant(foreign.tenant_id):
        theirs = {"environment": foreign.public_id, "agent": factories.agent(foreign).public_id}[name]
    with wall.tenant(acme):
        ungranted = {"environment": care.public_id, "agent": factories.agent(care).public_id}[name]
    answers = [
        get(client, bruno, f"?{name}={value}")
        for value in (theirs, ungranted, "0198a6c0-0000-7000-8000-000000000000", "1 OR 1")
    ]
    assert {answer.status_code for answer in answers} == {404}


def test_strangers_and_visitors_stay_outside(client, acme, carla) -> None:
    for address in ("/t/acme/", "/t/acme/calls.csv", "/t/nobody/"):
        client.logout()
        visitor = client.get(address)
        assert visitor.status_code == 302
        assert urlsplit(visitor.headers["Location"]).path == "/accounts/login/"
        client.force_login(carla)
        assert client.get(address).status_code == 404


def test_an_agent_of_another_environment_is_let_go_with_a_word(client, acme, sales, care, ana, calls) -> None:
    with wall.tenant(acme):
        agent = factories.agent(care, "Care-1")
    response = get(client, ana, f"?environment={sales.public_id}&agent={agent.public_id}")
    assert response.status_code == 200
    assert "That agent belongs to another environment" in text(response)


def test_an_unfinished_period_is_marked_and_the_future_left_out(client, sales, bruno, calls) -> None:
    said = text(get(client, bruno, "?period=this_week"))
    assert "13 Jul 2026 so far, against the same part of 6–12 Jul ·" in said
    assert "not over yet" in said
    assert "14 Jul" not in said


def test_long_periods_are_shown_by_week_and_month(client, bruno, calls) -> None:
    assert "Calls per week" in text(get(client, bruno, "?date_from=2026-03-01&date_to=2026-07-12"))
    assert "Calls per month" in text(get(client, bruno, "?date_from=2025-01-01&date_to=2026-07-12"))


def test_figures_are_written_in_the_readers_language(client, ana, calls) -> None:
    ana.language = "pt-br"
    ana.save()
    response = get(client, ana)
    html = response.content.decode()
    assert '<html lang="pt-br">' in html
    assert "6–12 jul 2026" in html
    assert re.search(r"\d,\d\N{NO-BREAK SPACE}%", html)
    assert not re.search(r'(?:x|y|width|height)="\d+,\d', html)


def test_nothing_on_the_page_needs_a_looser_policy(client, ana, calls) -> None:
    html = get(client, ana).content.decode()
    assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:", html)
    assert all(" src=" in tag for tag in re.findall(r"<script[^>]*>", html))
    assert len(gzip.compress(html.encode())) < 40_000


@pytest.mark.parametrize("span", ["last_week", "last_90_days", "last_12_months", "this_month"])
def test_more_days_cost_no_more_queries(client, ana, sales, calls, django_assert_max_num_queries, span) -> None:
    read_whole(sales)
    with wall.tenant(sales.tenant):
        refresh_tenant()
    get(client, ana)
    with django_assert_max_num_queries(12):
        assert client.get(f"/t/acme/?period={span}").status_code == 200


def test_the_file_holds_the_calls_behind_the_figure(client, sales, ana, calls) -> None:
    html = get(client, ana, f"?environment={sales.public_id}").content.decode()
    address = unescape(re.search(r'href="(/t/acme/calls\.csv[^"]*)"', html)[1])
    response = client.get(address)
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert 'filename="acme-calls-2026-07-06-2026-07-12' in response.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(response.getvalue().decode())))
    assert len(rows) == int(float(shown(html)["attempts"])) > 0


def test_the_file_of_days_that_were_not_read_says_so_in_its_name(client, sales, bruno) -> None:
    read_whole(sales)
    client.force_login(bruno)
    whole = client.get("/t/acme/calls.csv?date_from=2026-07-07&date_to=2026-07-08")
    assert whole.getvalue()  # nobody downloads two at once
    assert 'filename="acme-calls-2026-07-07-2026-07-08.csv"' in whole.headers["Content-Disposition"]
    assert whole.headers["X-Mirror-Complete"] == "true"
    never_read = client.get("/t/acme/calls.csv?date_from=2026-01-07&date_to=2026-01-08")
    assert 'filename="acme-calls-2026-01-07-2026-01-08-incomplete.csv"' in never_read.headers["Content-Disposition"]
    assert never_read.headers["X-Mirror-Complete"] == "false"


def test_the_file_opens_by_a_click_in_the_readers_language(client, acme, ana, calls) -> None:
    client.force_login(ana)
    client.cookies["django_language"] = "pt-br"
    text = client.get("/t/acme/calls.csv").getvalue().decode()
    assert text.startswith("\ufeff")
    assert ";" in text.splitlines()[0]
    assert "," not in text.splitlines()[0]


def test_a_file_of_nonsense_is_refused_in_words(client, bruno) -> None:
    client.force_login(bruno)
    response = client.get("/t/acme/calls.csv?date_from=soon")
    assert response.status_code == 400
    assert "date_from" in response.content.decode()


def test_agents_of_several_environments_say_where_they_belong(client, sales, ana, bruno, calls) -> None:
    html = get(client, ana).content.decode()
    assert re.search(r'>Care-1</a><small class="quiet">Care</small>', html)
    html = get(client, bruno).content.decode()
    assert '<small class="quiet">Sales' not in html


def test_callbacks_are_told_by_day_as_the_vendor_counts_them(client, acme, sales, bruno, calls) -> None:
    with wall.tenant(acme):
        for n in (1, 2):
            CallbackDay.objects.create(
                tenant=acme,
                environment=sales,
                day=date(2026, 7, 6 + n),
                received=10 + n,
                answered=7,
                unmatched=1,
                sources=[],
                payload="{}",
                digest=b"." * 16,
                changed_at=MONDAY,
            )
    said = text(get(client, bruno)).replace("\N{NO-BREAK SPACE}", " ")
    assert "Wed 8 Jul 12 7 1 58.3 % Tue 7 Jul 11 7 1 63.6 %" in said
    assert "Wed 8 Jul: 12 received, 7 answered, 1 unmatched" in said
    with wall.tenant(acme):
        CallbackDay.objects.update(received=0, answered=0, unmatched=0)
    drawn = get(client, bruno).content.decode().split('id="callbacks"')[1].split("</section>")[0]
    assert "No callbacks in this period." in drawn
    assert "<svg" not in drawn


def test_a_figure_that_is_not_known_leads_nowhere(client, bruno, calls) -> None:
    tiles = get(client, bruno).content.decode().split('<dl class="lead">')[1].split("</dl>")[0].split("<dt>")
    for key, leads in (("attempts", True), ("callbacks_received", False)):
        tile = next(tile for tile in tiles if f'data-metric="{key}"' in tile)
        assert ('class="behind"' in tile) == leads


def test_a_period_before_the_history_is_no_zero(client, sales, bruno, calls) -> None:
    html = get(client, bruno, "?period=last_12_months").content.decode()
    assert "before: 0" not in html
    assert ">new<" not in html
    assert "(0)" not in re.search(r'id="trend-sentence">([^<]*)', html)[1]


def test_agents_of_one_name_stand_with_their_homes(client, acme, sales, care, ana) -> None:
    with wall.tenant(acme):
        for home in (sales, care):
            agent = factories.agent(home, "desk", name="Recepção")
            factories.call(home, home.name, agent=agent, started_at=MONDAY - timedelta(days=2))
    html = get(client, ana).content.decode()
    assert re.findall(r'>Recepção</a><small class="quiet">(\w+)</small>', html) == ["Care", "Sales"]


def test_what_is_chosen_goes_along_to_the_other_pages(client, sales, ana, calls) -> None:
    html = get(
        client, ana, f"?period=last_30_days&environment={sales.public_id}&compare=year&sort=name"
    ).content.decode()
    pages = html.split('<nav class="pages"')[1].split("</nav>")[0].replace("&amp;", "&")
    plain = get(client, ana).content.decode().split('<nav class="pages"')[1].split("</nav>")[0]
    assert '/calls/"' in plain
    assert '/agents/"' in plain
    for page in ("agents", "callbacks", "campaigns"):
        assert f'/{page}/?period=last_30_days&environment={sales.public_id}&compare=year"' in pages
    for page in ("calls", "exports"):
        assert f'/{page}/?period=last_30_days&environment={sales.public_id}"' in pages
    for page in ("exports", "mail", "reports/query"):  # which shows or needs no period of its own
        passed = client.get(f"/t/acme/{page}/?period=last_30_days&environment={sales.public_id}").content.decode()
        assert f'/t/acme/?period=last_30_days&amp;environment={sales.public_id}"' in passed, page
