"""A mail that compares with nothing tells of its period alone, in both its forms and in its files."""

import re
from io import BytesIO

import pytest
import time_machine
from django.utils import translation
from python_calamine import CalamineWorkbook

from portal.outbox.models import Enclosure
from portal.tenants import wall
from reports.mail.compose import compose
from reports.mail.render import render
from reports.mail.send import send_due
from tests.reports.mail.answers import BROKEN, WEEK, ZONE, week_facts
from tests.reports.mail.conftest import DUE, messages
from tests.reports.mail.test_compose import SETTING
from tests.reports.mail.test_subscriptions import BEFORE, change, schedule

MOVED = re.compile(r"[▲▼]|\bpp\b|4-week|média de|29 Jun|29 de jun|\brose\b|\bfell\b|Largest|worst change|streak", re.I)


@pytest.mark.parametrize("language", ["en", "pt-br"])
@pytest.mark.parametrize("stand", [None, BROKEN])
def test_nothing_of_the_time_before_stands_in_it(language, stand):
    how = {"stand": stand} if stand else {}
    with translation.override(language):
        compared = render(compose(week_facts(**how), SETTING), zone=ZONE)
        mail = render(compose(week_facts(0, None, compares=False, **how), SETTING), zone=ZONE)
    assert MOVED.search(compared.text)
    for part in (mail.subject, mail.text, re.sub(r"<style.*?</style>", "", mail.html, flags=re.S)):
        assert not MOVED.search(part), MOVED.search(part)
    if language == "en":
        assert "\n1,211 calls, 43.1 % connected.\n" in mail.text
        assert "- Connect rate: 43.1 %\n" in mail.text
        assert "\nAGENTS\n- Rafael" in mail.text
        days = re.search(r"DAY BY DAY\n((?:- .*\n)+)", mail.text)[1].splitlines()
        assert len(days) == WEEK.days


@pytest.mark.django_db
def test_nor_in_its_files_and_it_can_be_had_again(acme, ana, mirrored):
    with time_machine.travel(BEFORE, tick=False):
        row = schedule(acme, ana, compare="none", attachments=["xlsx"])
        send_due(DUE)
        change(acme, row, ana, compare="previous")
        with wall.tenant(acme):
            file = Enclosure.objects.exclude(content_type="image/png").get()
            row.refresh_from_db()
    [mail] = messages(acme)
    assert "▲" not in mail.text + mail.html + mail.subject
    book = CalamineWorkbook.from_filelike(BytesIO(bytes(file.content)))
    words = " ".join(
        str(cell) for name in book.sheet_names for line in book.get_sheet_by_name(name).to_python() for cell in line
    )
    assert "Attempts" in words
    assert not re.search(r"change|: before|Compared", words)
    assert row.compares
