"""The list of calls: what it shows, what it carries in its address, what it refuses, and what it costs."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.conf import settings

from portal.tenants import wall
from portal.tenants.models.people import Membership, User
from reports.columns import refresh
from reports.queries.calls import orders
from reports.queries.contacts.ids import contact_id
from reports.queries.scope import Scope
from sync.models.calls import Call
from tests import factories

MONDAY = datetime(2026, 7, 13, 15, 0, tzinfo=UTC)
PERSON = "+5521912345678"
OTHER = "0198c0de-0000-7000-8000-000000000001"


@pytest.fixture(autouse=True)
def _on_monday():
    with time_machine.travel(MONDAY, tick=False):
        yield


@pytest.fixture
def some(acme, sales, care):
    """Sixty calls of two environments, one a minute; one of them a test call, one missing upstream, one withheld."""
    with wall.tenant(acme):
        ada = factories.agent(sales, "ada", name="Ada")
        for n in range(60):
            factories.call(
                sales if n % 2 else care,
                f"c{n}",
                agent=ada if n % 2 else None,
                status="completed" if n % 3 else "busy",
                seconds=n * 10,
                started_at=MONDAY - timedelta(hours=3, minutes=n),
                to_number=PERSON if n == 5 else f"+55119876500{n:02}",
            )
        factories.call(sales, "test", is_test=True, started_at=MONDAY - timedelta(hours=2))
        factories.call(sales, "gone", missing_since=MONDAY, started_at=MONDAY - timedelta(hours=2, minutes=1))
        factories.call(sales, "withheld", to_number="", started_at=MONDAY - timedelta(hours=2, minutes=2))
    return ada


def links(page: str, words: str) -> list[str]:
    return [unescape(href) for href in re.findall(rf'<a[^>]*href="([^"]*)"[^>]*>[^<]*{words}', page)]


def text_of(answer) -> str:
    return answer.content.decode()


def test_pages_forwards_and_back_hold_every_call_once(client, ana, acme, some):
    client.force_login(ana)
    page = text_of(client.get("/t/acme/calls/"))
    assert "62 calls" in page
    assert page.count("<tr >") + page.count('<tr class="faint">') == 50
    assert 'class="flag">missing upstream' in page
    assert "withheld" in page
    assert "test call</span>" not in page
    (ahead,) = links(page, "Next")
    second = text_of(client.get(f"/t/acme/calls/{ahead}"))
    assert second.count('<time datetime="') == 12
    (back,) = links(second, "← Previous")
    first = text_of(client.get(f"/t/acme/calls/{back}"))
    assert re.findall(r'<time datetime="([^"]*)"', first) == re.findall(r'<time datetime="([^"]*)"', page)


def test_at_most_twelve_queries(client, ana, acme, sales, care, some, on_postgresql, django_assert_max_num_queries):
    most = 12 if on_postgresql else 14  # SQLite asks each environment apart, for the rows and for their count
    with wall.tenant(acme):  # days without a file would be read from the mirror, which asks two queries more
        refresh.refresh(sales)
        refresh.refresh(care)
    client.force_login(ana)
    client.defaults["HTTP_HOST"] = urlsplit(settings.BASE_URL).netloc  # under a name of its own a company is asked for
    client.get("/t/acme/calls/")
    for query in (
        "",
        "?date_from=2026-07-10&date_to=2026-07-13",
        "?min_duration=30&ordering=started_at",
    ):
        with django_assert_max_num_queries(most):
            assert client.get(f"/t/acme/calls/{query}").status_code == 200


def test_what_is_chosen_stands_in_chips_and_goes_away_one_by_one(client, ana, acme, sales, some):
    client.force_login(ana)
    query = f"environment={sales.public_id}&agent={some.public_id}&status=completed&min_duration=30&period=last_7_days"
    page = text_of(client.get(f"/t/acme/calls/?{query}&weekday=1,2&hour=9"))
    for words in (
        "Environment: ",
        "Agent: Ada",
        "Status: completed",
        "Duration: at least 0:30",
        "Weekday: Monday, Tuesday",
    ):
        assert words in page
    (without,) = links(page, "Agent: Ada")
    asked = parse_qs(urlsplit(without).query)
    assert "agent" not in asked
    assert asked["period"] == ["last_7_days"]
    assert asked["weekday"] == ["1,2"]


@pytest.mark.parametrize("typed", ["(21) 91234-5678", "+55 21 91234 5678", "912345678"])
def test_a_number_is_found_however_it_is_typed(client, ana, acme, some, typed):
    client.force_login(ana)
    answer = client.get("/t/acme/calls/", {"number": typed, "number_match": "ends"})
    assert "1 call" in text_of(answer)
    assert "(21) 91234-5678" in text_of(answer)


def test_a_wrong_filter_is_named_and_nothing_is_shown(client, ana, acme, some):
    client.force_login(ana)
    answer = client.get("/t/acme/calls/?min_duration=long&period=last_7_days")
    assert answer.status_code == 400
    assert "“long” is not a number of seconds." in text_of(answer)
    assert '<time datetime="' not in text_of(answer)
    assert client.get("/t/acme/calls/?cursor=nonsense").status_code == 400


def test_foreign_environments_and_agents_are_absent(client, ana, acme, foreign, some):
    client.force_login(ana)
    for query in (f"environment={foreign.public_id}", "agent=0198c7a0-0000-7000-8000-000000000000", "view=7"):
        assert client.get(f"/t/acme/calls/?{query}").status_code == 404


def test_who_may_not_see_numbers_reads_masks_and_searches_by_no_number(client, ana, acme, some):
    with wall.tenant(acme):
        grant = Membership.objects.get(user=ana).grant
        grant.sees_numbers = False
        grant.save()
        mine = contact_id(PERSON[1:], Scope(acme.pk, acme.zone, frozenset()))
    client.force_login(ana)
    page = text_of(client.get("/t/acme/calls/", {"contact": mine}))
    assert "1 call" in page
    assert "91234" not in page
    assert "5678" in page
    assert 'name="number"' not in page
    there, nowhere = (client.get("/t/acme/calls/", {"number": number}) for number in (PERSON, "+5521912340000"))
    assert (there.status_code, nowhere.status_code) == (400, 400)
    assert "You may not see numbers" in text_of(there)
    assert PERSON not in text_of(there)
    contact = text_of(client.get(f"/t/acme/contacts/{mine}/"))
    assert "91234" not in contact
    assert "<title>(••) •••••-5678" in contact


def test_columns_live_in_the_address(client, ana, acme, some):
    client.force_login(ana)
    page = text_of(client.get("/t/acme/calls/?columns=id&columns=line"))
    heads = re.findall(r'<th scope="col" class="[a-z ]*narrow-hide" ><a [^>]*>([^<]*)', page)
    assert heads == ["Own number", "Vendor&#x27;s id"]
    assert ">c1<" in page
    (ahead,) = links(page, "Next")
    assert parse_qs(urlsplit(ahead).query)["columns"] == ["id,line"] or "line" in ahead


def test_test_calls_left_out_are_said_and_one_step_away(client, ana, acme, some):
    client.force_login(ana)
    page = text_of(client.get("/t/acme/calls/?period=this_week"))
    assert "Test calls are left out." in page
    assert links(page, "Show them too") == ["?period=this_week&testing=include"]
    too = text_of(client.get("/t/acme/calls/?period=this_week&testing=include"))
    assert "Test calls are left out." not in too


def test_words_agree_with_what_they_stand_for(client, ana, acme, some):
    User.objects.filter(pk=ana.pk).update(language="pt-br")
    client.force_login(ana)
    page = " ".join(re.sub(r"<[^>]+>", " ", text_of(client.get("/t/acme/calls/?status=voicemail"))).split())
    assert "Nenhuma chamada " in page
    assert "Chamadas de teste ficam de fora." in page
    assert "Resultado: Todos" in page or "Resultado Todos" in page
    page = " ".join(re.sub(r"<[^>]+>", " ", text_of(client.get("/t/acme/calls/"))).split())
    assert "Situação Todas" in page
    assert "Até" in page
    assert "sem atendimento" in page.lower()
    assert "horário de São Paulo" in page


def test_empty_lists_say_why(client, ana, acme, some):
    client.force_login(ana)
    page = text_of(client.get("/t/acme/calls/?status=voicemail&date_from=2026-07-01&date_to=2026-07-02"))
    assert "No call fits these filters." in page
    assert links(page, "Look at all time") == ["?status=voicemail"]


def test_the_file_has_the_calls_of_the_list(client, ana, acme, some):
    client.force_login(ana)
    page = text_of(client.get("/t/acme/calls/?period=this_week&status=busy"))
    (href,) = links(page, "CSV")
    assert "date_from=2026-07-13" in href
    rows = b"".join(client.get(href).streaming_content).decode().strip().splitlines()
    assert len(rows) - 1 == page.count('<time datetime="') == 20


def test_a_contact_has_all_its_calls_by_day(client, ana, acme, sales, care, some):
    client.force_login(ana)
    with wall.tenant(acme):
        factories.call(care, "in", direction="inbound", from_number=PERSON, started_at=MONDAY - timedelta(days=2))
        factories.call(sales, "probe", is_test=True, to_number=PERSON, started_at=MONDAY - timedelta(days=9))
        mine = contact_id(PERSON[1:], Scope(acme.pk, acme.zone, frozenset()))
    page = text_of(client.get(f"/t/acme/contacts/{mine}/"))
    assert page.count('<time datetime="') == 3
    assert page.count('class="day-head"') == 3
    assert "1 outbound, 1 inbound" in page
    assert "and 1 test call" in page
    assert "(21) 91234-5678" in page


def test_a_contact_leads_back_to_where_it_was_opened_from(client, ana, acme, some):
    client.force_login(ana)
    with wall.tenant(acme):
        mine = contact_id(PERSON[1:], Scope(acme.pk, acme.zone, frozenset()))
    ways = {
        "?status=busy&cursor=x": "/t/acme/calls/?status=busy",
        "?from=callbacks&period=last_week": "/t/acme/callbacks/?period=last_week",
        "?from=//evil.example": "/t/acme/calls/",
        f"?from=call&call={OTHER}&status=busy": f"/t/acme/calls/{OTHER}/?status=busy",
        "?from=call&call=no": "/t/acme/calls/",
    }
    for query, leads in ways.items():
        answer = client.get(f"/t/acme/contacts/{mine}/{query.replace('&cursor=x', '')}")
        assert f'<p class="back"><a href="{leads}">' in unescape(answer.content.decode()), query
    listed = client.get("/t/acme/calls/?status=completed").content.decode()
    assert f"/t/acme/contacts/{mine}/?status=completed" in unescape(listed)


def test_a_contact_says_whether_it_still_waits(client, ana, acme, sales, some):
    client.force_login(ana)
    number, at = "+5511955554444", MONDAY - timedelta(hours=3)
    with wall.tenant(acme):
        mine = contact_id(number[1:], Scope(acme.pk, acme.zone, frozenset()))
        call = {"direction": "inbound", "from_number": number}
        factories.call(sales, "rang", status="no-answer", started_at=at, **call)
    page = f"/t/acme/contacts/{mine}/"
    assert "Still waiting: called" in client.get(page).content.decode()
    with wall.tenant(acme):
        later = at + timedelta(minutes=5)
        factories.call(sales, "met", status="completed", started_at=later, to_number=number, direction="outbound")
    assert "Not waiting: last called without an answer" in client.get(page).content.decode()


def test_foreign_and_unknown_contacts_are_absent_alike(client, ana, acme, globex, some):
    client.force_login(ana)
    theirs = contact_id(PERSON[1:], Scope(globex.pk, globex.zone, frozenset()))
    unseen = contact_id("5521900000000", Scope(acme.pk, acme.zone, frozenset()))
    for other in (theirs, unseen, "nonsense"):
        assert client.get(f"/t/acme/contacts/{other}/").status_code == 404


def test_rows_that_come_in_between_move_nothing(client, ana, acme, sales, some):
    client.force_login(ana)
    page = text_of(client.get("/t/acme/calls/"))
    with wall.tenant(acme):
        for n in range(3):
            factories.call(sales, f"new{n}", started_at=MONDAY - timedelta(minutes=n))
    seen = re.findall(r"/calls/([0-9a-f-]{36})/", page)
    second = text_of(client.get(f"/t/acme/calls/{links(page, 'Next')[0]}"))
    seen += re.findall(r"/calls/([0-9a-f-]{36})/", second)
    with wall.tenant(acme):
        old = Call.objects.filter(is_test=False).exclude(external_id__startswith="new")
        assert sorted(seen) == sorted(str(row.pk) for row in old)


def test_every_column_sorts_and_the_order_stays_with_filters_and_pages(client, ana, acme, some):
    client.force_login(ana)
    page = text_of(client.get("/t/acme/calls/?columns=duration,agent&outcome=connected"))
    assert 'aria-sort="descending"><a href="?outcome=connected&amp;ordering=started_at' in page.replace("%2C", ",")
    assert "ordering=-duration" in page
    assert "ordering=agent" in page
    assert "ordering=number" in page
    longest = text_of(client.get("/t/acme/calls/?ordering=-duration"))
    assert 'name="ordering" value="-duration"' in longest  # the form of filters carries it
    (ahead,) = links(longest, "Next")
    assert "ordering=-duration" in ahead
    assert "calls.csv?ordering=-duration" in longest
    assert "what=calls&amp;ordering=-duration" in longest
    lengths = re.findall(r'<td class="narrow-hide duration">([^<]*)<', longest)
    seconds = [int(part.split(":")[0]) * 60 + int(part.split(":")[1]) for part in lengths if ":" in part]
    assert seconds == sorted(seconds, reverse=True)
    assert len(set(seconds)) > 1
    assert client.get("/t/acme/calls.csv?ordering=-duration").getvalue()
    assert client.get("/t/acme/calls.csv?ordering=sideways").status_code == 400


def test_who_sees_masks_is_told_that_numbers_do_not_sort(client, ana, acme, some):
    with wall.tenant(acme):
        grant = Membership.objects.get(user=ana).grant
        grant.sees_numbers = False
        grant.save()
    client.force_login(ana)
    answer = client.get("/t/acme/calls/?ordering=number")
    assert answer.status_code == 200
    page = text_of(answer)
    assert "cannot sort by what may hold them" in page
    assert 'href="?ordering=number"' not in page
    assert "ordering=-duration" in page


def test_more_calls_than_can_be_sorted_stand_by_time(client, ana, acme, some, monkeypatch):
    monkeypatch.setattr(orders, "MOST_SORTED", 10)
    client.force_login(ana)
    page = text_of(client.get("/t/acme/calls/?ordering=duration"))
    assert "At most 10 calls can be sorted" in page
    assert page.count('<time datetime="') == 50
