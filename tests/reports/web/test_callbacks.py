"""The callbacks page: the figures of ``ask``, both lists, both counts, and what cannot be measured."""

import re
from datetime import date, timedelta
from html import unescape
from uuid import uuid4

import pytest
import time_machine
from django.utils import translation

from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership
from reports.columns.refresh import refresh_tenant
from reports.definitions.periods import Period
from reports.queries.ask import ask
from reports.queries.callbacks.story import CallbackBreakdown
from reports.queries.callbacks.words import lines, sentences, waiting
from reports.queries.question import Question
from reports.queries.scope import Scope
from reports.web.callbacks.views import LEAD
from sync.models.callbacks import CallbackDay
from tests import factories
from tests.factories import TIME_ZERO

URL = "/t/acme/callbacks/"
DAYS = "?date_from=2026-07-06&date_to=2026-07-10"
WEEK = Period(date(2026, 7, 6), date(2026, 7, 11), "America/Sao_Paulo")


@pytest.fixture(autouse=True)
def _saturday():
    with time_machine.travel(TIME_ZERO + timedelta(days=3), tick=False):
        yield


@pytest.fixture
def line(acme, sales):
    """Forty contacts dialled twice; thirty ring back, every third is missed; five ring whom nobody had called."""
    with wall.tenant(acme):
        dials = factories.agent(sales, "dials", name="Cobrança")
        takes = factories.agent(
            sales, "takes", direction="inbound", takes_callbacks=True, callback_sources=["dials"], name="Retornos"
        )
        alone = factories.agent(sales, "alone", name="Sozinho")
        factories.call(sales, "alone-1", agent=alone, status="no-answer")
        for n in range(40):
            number, at = f"+55119876{n:05}", TIME_ZERO - timedelta(hours=30) + timedelta(minutes=7 * n)
            factories.call(sales, f"o{n}", agent=dials, status="no-answer", to_number=number, started_at=at)
            again = at + timedelta(hours=2)
            factories.call(sales, f"p{n}", agent=dials, status="busy", to_number=number, started_at=again)
            if n < 30:
                factories.call(
                    sales,
                    f"r{n}",
                    agent=takes,
                    direction="inbound",
                    status="no-answer" if n % 3 == 0 else "completed",
                    from_number=number,
                    started_at=again + timedelta(minutes=10 + n),
                )
        for n in range(5):
            factories.call(sales, f"u{n}", agent=takes, direction="inbound", from_number=f"+55214444{n:05}")
        for day in (7, 8):
            CallbackDay.objects.create(
                tenant=acme,
                environment=sales,
                day=date(2026, 7, day),
                received=18,
                answered=15,
                unmatched=3,
                sources=[{"agent": "dials", "name": "Maria", "count": 15}],
                payload="{}",
                digest=b"0" * 16,
                changed_at=TIME_ZERO,
            )


def page(client, user, query: str = DAYS, url: str = URL) -> str:
    client.force_login(user)
    answer = client.get(url + query)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def section(html: str, name: str) -> str:
    return html.split(f'id="{name}"', 1)[1].split("</section>", 1)[0]


def test_the_lead_is_what_ask_says(client, acme, ana, line):
    shown = re.findall(r'<dd class="value[^>]*>.*?<data value="([^"]*)"', page(client, ana), re.DOTALL)
    with wall.tenant(acme):
        scope = Scope.of(Grant.objects.create(tenant=acme, all_environments=True))
        answer = ask(Question(LEAD, WEEK, compare=False), scope)
    assert [float(text) for text in shown] == pytest.approx([answer.totals[key].value for key in LEAD])
    assert answer.totals["derived_callbacks"].value == 30
    assert answer.totals["return_rate"].value == pytest.approx(75)


def test_returns_are_listed_with_the_calls_they_answer_page_by_page(client, ana, line):
    html = page(client, ana)
    rows = section(html, "returns").split("<tbody>")[1].split("</tbody>")[0].split("<tr>")[1:]
    assert len(rows) == 20
    assert "Cobrança" in rows[0]
    assert "39\N{NO-BREAK SPACE}min" in rows[0]
    assert len(re.findall(r'href="/t/acme/calls/[0-9a-f-]{36}/"', rows[0])) == 2
    following = re.search(r'href="([^"]+)" rel="next"', section(html, "returns"))
    assert following is not None
    assert "date_from=2026-07-06" in following[1]
    second = section(page(client, ana, following[1].split("#")[0]), "returns")
    assert len(second.split("<tbody>")[1].split("<tr>")[1:]) == 10
    assert 'rel="prev"' in second


def test_who_waits_longest_stands_first_and_leaves_with_the_next_call(client, acme, sales, ana, line):
    html = section(page(client, ana), "open")
    assert "All of them are still waiting." in html
    assert "(11) 98760-0000" in html.split("<tbody>")[1].split("</tr>")[0]
    with wall.tenant(acme):
        factories.call(sales, "met", to_number="+5511987600000", started_at=TIME_ZERO + timedelta(days=2))
    html = section(page(client, ana), "open")
    assert "9 are still waiting" in html
    assert "(11) 98760-0000" not in html


def test_days_before_the_first_callback_known_have_no_points(client, ana, line):
    told = section(page(client, ana, "?date_from=2026-06-20&date_to=2026-07-12&grain=day"), "over-time")
    table = told.split("<tbody>")[1].split("</tbody>")[0]
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", part) for part in table.split("<tr>")[1:]]
    known = [row[0] for row in rows if any(sign.isdigit() for sign in row[2])]
    assert known
    assert not any("Jun" in name for name in known)


def test_both_counts_stand_side_by_side_with_the_difference_in_words(client, ana, line):
    html = page(client, ana)
    told = section(html, "sides")
    numbers = [int(cell) for cell in re.findall(r"<td>(\d+)</td>", told)]
    assert numbers == [30, 5, 35, 36, 6]
    assert "The vendor counted 36 callbacks" in told
    assert "5 calls are of contacts that no source agent had called" in told
    assert "1 call makes the rest" in told
    assert "Mon 6 Jul, Thu 9 Jul, Fri 10 Jul" in told
    assert "Cobrança" in section(html, "sources")  # today's name, not the one of that day
    assert "Sozinho" in html.split("Callbacks nobody takes")[1].split("</ul>")[0]


def test_numbers_stay_hidden_from_who_may_not_see_them(client, bruno, line):
    html = page(client, bruno)
    assert "98760" not in re.sub(r"/t/acme/c\w+/[^\"]+", "", html)
    assert "•" in section(html, "open")
    assert "•" in section(html, "returns")


def test_another_vendor_is_not_measurable(client, ana, care, sales):
    html = page(client, ana, f"?environment={care.public_id}")
    assert "Not measurable with this vendor" in html
    assert 'id="returns"' not in html


def test_nothing_to_show_is_said(client, ana, sales):
    html = page(client, ana)
    assert "Who waits is not known: nothing of this period was read" in html
    drawn = section(html, "over-time")
    assert "No callbacks in this period." in drawn
    assert "<svg" not in drawn


@pytest.mark.parametrize("query", ["?returns=no", "?open=no", "?environment=no"])
def test_addresses_that_lead_nowhere(client, ana, sales, query):
    client.force_login(ana)
    assert client.get(URL + query).status_code == 404


def test_every_difference_has_its_words():
    story = CallbackBreakdown(
        hours=72, returns=10, again=1, late=2, unknown=3, withheld=4, days_without_totals=[date(2026, 7, 6)]
    )
    assert len(sentences(story, "UTC")) == 1
    assert [line.n for line in lines(story)] == [10, 1, 2, 3, 4, 20]
    story.vendor_totals = {"received": 22, "unmatched": 9}
    said = " ".join(sentences(story, "UTC"))
    for words in ("counted 22", "1 call rang again", "2 calls came later than 72", "3 calls", "4 calls", "Mon 6 Jul"):
        assert words in said
    story = CallbackBreakdown(returns=3, vendor_totals={"received": 3, "unmatched": 0})
    assert len(sentences(story, "UTC")) == 1


@pytest.mark.parametrize(("settled", "most"), [(False, 34), (True, 24)])  # of the mirror, and of files
def test_the_page_takes_few_queries(client, ana, acme, line, django_assert_max_num_queries, settled, most):
    if settled:
        with wall.tenant(acme), time_machine.travel(TIME_ZERO + timedelta(days=9), tick=False):
            refresh_tenant()
    client.force_login(ana)
    client.get(URL + DAYS)
    with django_assert_max_num_queries(most):
        assert client.get(URL + DAYS).status_code == 200


@pytest.mark.parametrize(
    ("missed", "still", "english", "portuguese"),
    [
        (0, 0, "", ""),
        (
            10,
            10,
            "10 contacts called in this period and were not answered. All of them are still waiting.",
            "10 contatos ligaram neste período e não foram atendidos. Todos ainda esperam.",
        ),
        (
            1,
            1,
            "1 contact called in this period and was not answered. It is still waiting.",
            "1 contato ligou neste período e não foi atendido. Ele ainda espera.",
        ),
        (
            10,
            9,
            "10 contacts called in this period and were not answered. "
            "With 1 a call has connected since; 9 are still waiting.",
            "10 contatos ligaram neste período e não foram atendidos. "
            "Com 1 houve chamada atendida desde então; 9 ainda "
            "esperam.",
        ),
        (
            3,
            0,
            "3 contacts called in this period and were not answered. With each of them a call has connected since.",
            "3 contatos ligaram neste período e não foram atendidos. Com todos houve chamada atendida desde então.",
        ),
    ],
)
def test_who_was_missed_is_said_without_zeros(missed, still, english, portuguese):
    with translation.override("en"):
        assert waiting(missed, still) == english
    with translation.override("pt-br"):
        assert waiting(missed, still) == portuguese


@pytest.fixture
def second(acme, sales, line):
    """Another agent whose callbacks the same one takes: five of its seven contacts ring back."""
    with wall.tenant(acme):
        other = factories.agent(sales, "other", name="Vendas")
        takes = factories.agent(sales, "takes")
        takes.callback_sources = ["dials", "other"]
        takes.save()
        for n in range(7):
            number, at = f"+55119555{n:05}", TIME_ZERO - timedelta(hours=20) + timedelta(minutes=n)
            factories.call(sales, f"s{n}", agent=other, status="no-answer", to_number=number, started_at=at)
            if n < 5:
                at += timedelta(hours=1)
                factories.call(sales, f"t{n}", agent=takes, direction="inbound", from_number=number, started_at=at)
        return {name: factories.agent(sales, name).public_id for name in ("dials", "other", "takes", "alone")}


def lead(html: str) -> list[str]:
    return re.findall(r'<dd class="value[^>]*>.*?<data value="([^"]*)"', html, re.DOTALL)


def test_an_agent_is_the_one_rung_everywhere_and_named_so(client, ana, second):
    whole = page(client, ana)
    assert re.findall(r'<span class="label" id="(\w*agent)-label">([^<]*)<', whole) == [
        ("agent", "Agent that was rung"),
        ("source_agent", "Agent that called before"),
    ]
    taking = page(client, ana, f"{DAYS}&agent={second['takes']}")
    assert lead(taking)[:5] == lead(whole)[:5]  # nobody else takes callbacks, and misses calls
    assert [float(value) for value in lead(taking)[:2]] == [35, pytest.approx(100 * 35 / 47)]
    assert 'id="sources"' not in taking
    dialling = page(client, ana, f"{DAYS}&agent={second['dials']}")
    assert lead(dialling)[0] == "0"
    assert "No callbacks in this period." in section(dialling, "returns")
    assert "Nobody waits in what was read so far" in section(dialling, "open")  # no day is known to be whole
    assert "Callbacks nobody takes" not in dialling


def test_callbacks_are_chosen_by_the_agent_that_had_called(client, ana, second):
    html = page(client, ana, f"{DAYS}&source_agent={second['other']}")
    assert lead(html) == ["5", "", "60.0", "1.0"]  # seven contacts are too few for a rate
    rows = section(html, "returns").split("<tbody>")[1].split("<tr>")[1:]
    assert len(rows) == 5
    assert all("Vendas" in row for row in rows)
    assert "Cobrança" not in section(html, "returns")
    assert f"what=callbacks&date_from=2026-07-06&date_to=2026-07-10&source_agent={second['other']}" in html
    for name in ("open", "sides", "sources"):
        assert f'id="{name}"' not in html
    assert "Who is still waiting, and the vendor's totals, are not told by who had called before." in html
    assert "found among the calls" in section(html, "over-time")
    assert "vendor counts" not in section(html, "over-time")
    assert "Sozinho" in page(client, ana).split("Callbacks nobody takes")[1].split("</ul>")[0]
    assert f"source_agent={second['alone']}" in page(client, ana)
    several = page(client, ana, f"{DAYS}&source_agent={second['other']},{second['dials']}&agent={second['takes']}")
    assert lead(several)[0] == "35"
    assert f"source_agent={second['other']},{second['dials']}" in several


def test_a_source_agent_that_is_not_the_readers_is_as_an_absent_one(client, acme, bruno, second):
    with wall.tenant(acme):
        grant = Membership.objects.get(user=bruno).grant
        grant.agent_keys = ["takes", "other"]
        grant.save()
    client.force_login(bruno)
    answers = [client.get(f"{URL}{DAYS}&source_agent={name}") for name in (second["dials"], uuid4(), second["other"])]
    assert [answer.status_code for answer in answers] == [404, 404, 200]
    html = unescape(answers[-1].content.decode())
    assert lead(html)[0] == "5"
    assert "Cobrança" not in html
    assert str(second["dials"]) not in html
