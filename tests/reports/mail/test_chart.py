"""The small chart of a mail: what it shows and says, when there is one, and how a mail carries it."""

import zlib
from dataclasses import replace
from datetime import date, timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import translation

from portal.outbox.models import Enclosure
from portal.tenants import wall
from reports.definitions.periods import Period
from reports.mail import chart as charts
from reports.mail import cupboard
from reports.mail.chart import chart_of, drawing_of, picture_of
from reports.mail.compose import compose
from reports.mail.drawing import WIDTH
from reports.mail.models import Subscription
from reports.mail.render import CUT_AT, render
from reports.mail.send import send_due
from reports.queries.answer import Cell
from sync.models.calls import Call
from tests.reports.mail.answers import BROKEN, ZONE, week_facts
from tests.reports.mail.conftest import DUE, HOUR, messages
from tests.reports.mail.test_compose import SETTING
from tests.reports.mail.test_subscriptions import BEFORE, schedule
from tests.reports.web.test_mail import form_of

WEEK = Period(date(2026, 7, 6), date(2026, 7, 13), "America/Sao_Paulo")
PNG = b"\x89PNG\r\n\x1a\n"


def of_days(*calls: tuple[int | None, float | None], **how):
    """Facts of as many days, the last week's at the end."""
    facts = week_facts(**how)
    rows = [
        replace(row, cells={**row.cells, "attempts": Cell(count, count), "connect_rate": Cell(rate, count)})
        for row, (count, rate) in zip(facts.days.rows, calls, strict=True)
    ]
    return replace(facts, days=replace(facts.days, rows=tuple(rows)))


def test_bars_are_as_high_as_there_were_calls_and_as_dark_as_they_connected():
    facts = of_days(*[(10, 50.0)] * 7, *[(20, 25.0)] * 5, (40, 100.0), (0, None))
    with translation.override("en"):
        chart = chart_of(facts)
        drawn = drawing_of(chart)
    bars = {
        colour: [box for box in drawn.boxes if box.colour == colour and box.top + box.height == charts.BASE]
        for colour in (charts.OLD, charts.OLD_CONNECTED, charts.NOW, charts.NOW_CONNECTED)
    }
    full = charts.BASE - charts.TOP
    assert [box.height for box in bars[charts.OLD]] == [full / 4] * 7
    assert [box.height for box in bars[charts.OLD_CONNECTED]] == [round(full / 8, 2)] * 7
    assert [box.height for box in bars[charts.NOW]] == [full / 2] * 5 + [full]
    assert [box.height for box in bars[charts.NOW_CONNECTED]] == [round(full / 8, 2)] * 5 + [full]
    assert all(0 <= box.left <= box.left + box.width <= WIDTH for box in drawn.boxes)
    said = [word.text for word in drawn.words]
    assert said[:2] == ["Calls", "of them connected"]
    assert said[-2:] == ["29 Jun – 5 Jul", "6–12 Jul"]
    assert {"40", "0", "29", "12"} <= set(said)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            "Calls by day. 29 Jun – 5 Jul: 70 calls, 35 of them connected; 6–12 Jul: 8,400 calls, 2,100 of them "
            "connected. Most on Sun 12 Jul: 1,200 calls.",
        ),
        (
            "pt-br",
            "Chamadas por dia. 29 jun – 5 jul: 70 chamadas, 35 delas atendidas; 6–12 jul: 8.400 chamadas, 2.100 delas "
            "atendidas. O maior número em Dom 12 jul: 1.200 chamadas.",
        ),
    ],
)
def test_its_words_say_what_it_says(language, said):
    with translation.override(language):
        facts = of_days(*[(10, 50.0)] * 7, *[(1200, 25.0)] * 7)
        picture = picture_of(facts)
        assert picture.alt == said
        mail = render(compose(facts, replace(SETTING, chart=picture)), zone=ZONE)
        again = picture_of(facts)
    assert f'src="cid:{picture.name}"' in mail.html
    assert f'alt="{said}"' in mail.html
    assert picture.name not in mail.text
    assert len(mail.html.encode()) < CUT_AT
    assert picture == again  # to the byte
    assert picture.content.startswith(PNG)
    assert int.from_bytes(picture.content[16:20]) == 2 * WIDTH
    assert len(picture.content) < 20_000
    assert transparent(picture.content)


def transparent(content: bytes) -> bool:
    """Whether the first dot of a PNG of eight bits for each of four colours lets the ground through."""
    assert content[24:26] == bytes([8, 6])
    start, lines = 8, b""
    while start < len(content):
        size = int.from_bytes(content[start : start + 4])
        if content[start + 4 : start + 8] == b"IDAT":
            lines += content[start + 8 : start + 8 + size]
        start += size + 12
    return zlib.decompress(lines)[4] == 0


def test_what_nobody_knows_has_no_bar_and_what_was_none_has_a_zero():
    unread = of_days(*[(0, None)] * 9, *[(10, 50.0)] * 5, stand=BROKEN)
    with translation.override("en"):
        chart = chart_of(unread)
        words = [word.text for word in drawing_of(chart).words]
        assert words.count("–") == 9
        assert "29 Jun – 5 Jul: –; 6–12 Jul: 50 calls" in chart.alt
        assert chart.alt.endswith("Not all of these days were read whole.")
        nothing = [word.text for word in drawing_of(chart_of(of_days(*[(0, None)] * 9, *[(10, 50.0)] * 5))).words]
        assert nothing.count("0") == 9
        assert chart_of(of_days(*[(0, None)] * 14)) is None


def connected_in(tenant, first, last):
    with wall.tenant(tenant):
        rows = Call.objects.filter(started_at__date__gte=first, started_at__date__lte=last)
        return rows.count(), rows.filter(status="completed").count()


@pytest.fixture
def monday(mirrored):
    with time_machine.travel(BEFORE, tick=False):
        yield


@pytest.mark.django_db
def test_it_tells_of_the_calls_there_are_and_is_drawn_once_for_equal_readers(acme, monday, ana, monkeypatch):
    drawn, real = [], cupboard.picture_of
    monkeypatch.setattr(cupboard, "picture_of", lambda facts: drawn.append(1) or real(facts))
    for name in ("One", "Two"):
        schedule(acme, ana, name=name)
    schedule(acme, ana, language="pt-br")
    send_due(DUE)
    sent = messages(acme)
    assert len(sent) == 3
    assert len(drawn) == 2  # in each language once
    now, before = (connected_in(acme, first, first + timedelta(days=6)) for first in (WEEK.start, date(2026, 6, 29)))
    for message in sent[:2]:
        assert f"29 Jun – 5 Jul: {before[0]} calls, {before[1]} of them connected" in message.html
        assert f"6–12 Jul: {now[0]} calls, {now[1]} of them connected" in message.html
    with wall.tenant(acme):
        assert Enclosure.objects.filter(content_type="image/png").count() == 3


@pytest.mark.django_db
def test_a_mail_without_it_or_without_the_days_has_no_image(acme, monday, ana):
    schedule(acme, ana, chart=False)
    schedule(acme, ana, sections=["headlines"])
    assert send_due(DUE).sent == 2
    assert not any("cid:" in message.html for message in messages(acme))
    with wall.tenant(acme):
        assert not Enclosure.objects.exists()


@pytest.mark.django_db
def test_without_the_program_that_draws_it_the_mail_goes_out_whole(acme, monday, ana, monkeypatch):
    monkeypatch.setattr("reports.mail.drawing.find_spec", lambda name: None)
    schedule(acme, ana)
    assert send_due(DUE).sent == 1
    [message] = messages(acme)
    assert "cid:" not in message.html
    assert "6–12 Jul" in message.html


@pytest.mark.django_db
def test_the_form_switches_it_and_the_preview_shows_it(acme, monday, ana, client):
    row = schedule(acme, ana)
    edit = reverse("reports_web:mail_one", args=[acme.slug, row.public_id])
    body = reverse("reports_web:mail_body", args=[acme.slug, row.public_id])
    with time_machine.travel(DUE + HOUR, tick=False):
        client.force_login(ana)
        shown = client.get(body)
        assert 'src="data:image/png;base64,' in shown.content.decode()
        assert "img-src data:" in shown.headers["Content-Security-Policy"]
        for wish in ("false", "true"):
            client.post(edit, form_of(client.get(edit).content.decode()) | {"chart": wish})
            with wall.tenant(acme):
                assert Subscription.objects.get().chart is (wish == "true")
            assert ("data:image" in client.get(body).content.decode()) is (wish == "true")
