"""The mail itself, made from figures one can follow."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from django.utils import translation

from reports.definitions.periods import Period
from reports.mail.compose import compose
from reports.mail.facts import Setting
from reports.mail.highlights import sentence, streak
from reports.mail.render import CUT_AT, render
from reports.mail.sections import SECTIONS
from reports.mail.words import amount, span
from reports.queries.answer import Cell
from reports.queries.question import Filters
from tests.reports.mail.answers import AGENTS, BROKEN, TOTALS, ZONE, week_facts

SETTING = Setting(
    tenant="Acme",
    name="Weekly calls",
    environments=("Sales", "Care"),
    agent_count=None,
    filters=Filters(),
    portal_url="http://127.0.0.1:8000/t/acme/",
    leave_url="http://127.0.0.1:8000/mail/leave/1-1-1.abc.def",
    reply_to="ana@acme.example",
    due_at=datetime(2026, 7, 13, 11, tzinfo=UTC),
    late=False,
    complete=True,
)


class Words(HTMLParser):
    """What a reader sees of a page: its text, and what it would fetch."""

    def __init__(self, html):
        super().__init__()
        self.text, self.fetched, self._silent = [], [], 0
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self._silent += tag in {"style", "title"}
        names = {"src", "background", "srcset"} | ({"href"} if tag == "link" else set())
        self.fetched += [value for name, value in attrs if name in names]

    def handle_endtag(self, tag):
        self._silent -= tag in {"style", "title"}

    def handle_data(self, data):
        if not self._silent:
            self.text.append(data)


def make(language="en", setting=SETTING, **how):
    with translation.override(language):
        return render(compose(week_facts(**how), setting), zone=ZONE)


def test_the_subject_holds_the_answer():
    assert make().subject == "Acme · week 6–12 Jul · 1,211 calls, 43.1 % connected (▲ 2.4 pp)"
    nothing = TOTALS | {"attempts": Cell(0, 0, 0, None), "connect_rate": Cell(None, 0, None, None)}
    assert make(totals=nothing).subject == "Acme · week 6–12 Jul · no calls"


@pytest.mark.parametrize("language", ["en", "pt-br"])
def test_html_and_text_say_the_same_and_fetch_nothing(language):
    mail = make(language)
    page = Words(mail.html)
    seen = " ".join(" ".join(page.text).split())
    for line in mail.text.splitlines():
        for part in re.split(r"\s{2,}", line):
            part = part.removesuffix(": http://127.0.0.1:8000/t/acme/").removesuffix(f": {SETTING.leave_url}")
            if part and part != mail.subject and part.strip("- ") and part not in {"Change", "Variação"}:
                assert all(word in seen for word in part.split(": ")), part
    assert page.fetched == []
    assert "url(" not in mail.html
    assert "@import" not in mail.html
    assert len(mail.html.encode()) < CUT_AT


def test_the_mail_stays_whole_with_many_agents_and_busy_hours():
    many = tuple((f"Agent {n} · {'x' * 60}", (100, 100), (40.0, 95, 41.0), (90, 40)) for n in range(300))
    mail = make(agents=many)
    assert len(mail.html.encode()) < CUT_AT
    assert "And 288 more agents." in mail.text


def test_figures_stand_with_the_week_before_and_the_mean_of_four():
    text = make().text
    assert re.search(r"^Attempts +1,211 +1,130 +1,211 +▲ 7.2 %$", text, re.M)
    assert re.search(r"^Connect rate +43.1 % +40.7 % +43.1 % +▲ 2.4 pp$", text, re.M)
    assert re.search(r"^Average call duration +1:42 min +1:38 min ", text, re.M)
    assert "Short calls: 4.2 % lasted at most 3 s, 9.8 % at most 6 s (n = 1,190)." in text
    assert "Data as of 13 Jul, 08:02, 1,211 of 1,211 calls mirrored, 7 corrections to the week before." in text
    assert "Environments: Sales, Care · all agents · test calls left out · times of São Paulo" in text


def test_agents_stand_worst_change_first_and_small_ones_show_no_rate():
    text = make().text
    names = [text.index(f"\n{name}") for name in ("Clara", "Teste A/B", "Recepção", "Rafael")]
    assert names == sorted(names)
    assert re.search(r"Teste A/B +6 +n too small", text)


def test_incomplete_and_late_are_said_plainly_in_both_forms():
    mail = make(setting=replace(SETTING, complete=False, late=True), stand=BROKEN)
    assert mail.subject.endswith("· incomplete")
    for form in (mail.text, mail.html):
        assert "These figures are not complete" in form
        assert "Missing: Sales: calls, 8 Jul, since" in " ".join(form.split())
        assert "1,180 of 1,211 calls mirrored" in form
        assert "comes late: it was due on 13 Jul, 08:00" in form


def test_portuguese_writes_numbers_and_days_its_way():
    mail = make("pt-br")
    assert "1.211" in mail.text
    assert "43,1 %" in mail.subject
    assert "6–12 jul" in mail.subject
    assert 'lang="pt-br"' in mail.html


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", "</mj-text><mj-raw><b>", "Ana & Bia {{ x }} {% y %}", "a\x00b\u202egpj.exe", "&amp;"],
)
def test_names_from_outside_stay_text(name):
    agents = ((name, *AGENTS[0][1:]), *AGENTS[1:])
    mail = make(agents=agents, setting=replace(SETTING, tenant=name, name=name, environments=(name,)))
    clean = "".join(char for char in name if char not in "\x00\u202e")
    assert clean in " ".join(Words(mail.html).text)
    assert "<script" not in mail.html
    assert clean in mail.text
    assert not set(mail.subject + mail.html + mail.text) & set("\x00\u202e")


def test_the_highlight_names_only_what_is_more_than_chance():
    agents = (("Clara", (900, 900), (31.0, 890, 40.0), (95, 280)), *AGENTS[1:])
    totals = TOTALS | {
        "attempts": Cell(9000, 9000, 8800, 2.3),
        "connect_rate": Cell(43.1, 8900, 40.7, 2.4, previous_n=8700),
    }
    with translation.override("en"):
        assert sentence(week_facts(agents=agents, totals=totals)) == (
            "The connect rate rose 2.4 pp to 43.1 % (n = 8,900); Clara fell most, from 40.0 % to 31.0 % (n = 890)."
        )
        assert sentence(week_facts()) == "No figure moved by more than chance would explain."
        fewer = TOTALS | {"attempts": Cell(900, 900, 1200, -25.0)}
        assert sentence(week_facts(totals=fewer)) == "25.0 % fewer calls than before: 900 after 1,200."


def test_a_streak_needs_three_in_a_row_up_to_this_one():
    facts = week_facts()
    rates = (44.0, 40.1, 40.7, 43.1)

    def with_rates(*rates):
        rows = tuple(replace(facts.trend.rows[0], cells={"connect_rate": Cell(rate, 500)}) for rate in rates)
        return replace(facts, trend=replace(facts.trend, rows=rows))

    assert streak(with_rates(*rates)) is None
    found = streak(with_rates(*rates, 43.9))
    assert (found.length, found.rising) == (3, True)
    found = streak(with_rates(50.0, 44.0, 43.0, 42.0, 41.0))
    assert (found.length, found.rising) == (4, False)
    assert streak(with_rates(40.0, 41.0, None, 42.0, 43.0)) is None


def test_amounts_are_rounded_and_never_show_a_base_that_is_missing():
    with translation.override("en"):
        assert [amount(value, "percent") for value in (43.05, 100.0, 0.0, None)] == ["43.1 %", "100.0 %", "0.0 %", "–"]
        assert [amount(value, "seconds") for value in (0.4, 59.6, 61, 3725)] == [
            "0 s",
            "1:00 min",
            "1:01 min",
            "62:05 min",
        ]
        assert amount(-0.04, "percent") == "0.0 %"


def test_spans_of_days_are_short():
    days = [(2026, 7, 6), (2026, 7, 13), (2026, 7, 27), (2026, 8, 3), (2025, 12, 29), (2026, 1, 5)]
    d = [datetime(*day, tzinfo=UTC).date() for day in days]
    with translation.override("en"):
        assert span(Period(d[0], d[1], ZONE)) == "6–12 Jul"
        assert span(Period(d[2], d[3], ZONE)) == "27 Jul – 2 Aug"
        assert span(Period(d[4], d[5], ZONE)) == "29 Dec 2025 – 4 Jan 2026"


def test_callbacks_stand_by_the_agent_that_had_called_with_how_long_they_took():
    mail = make()
    lines = [re.split(r"\s{2,}", line) for line in mail.text.splitlines()]
    assert ["Agent that had called", "Callbacks", "Time to callback, median"] in lines
    assert ["Clara · cobrança", "31", "41 min"] in lines
    assert ["other agents", "3", "2 h 5 min"] in lines
    said = Words(mail.html).text
    assert "Callbacks, by the agent that had called" in said
    assert "41 min" in said
    # Of weeks long past nothing is usual: what is open closes with time.
    [still_open] = [line for line in lines if line[0] == "Still open"]
    assert still_open[1:4] == ["14", "9", "–"]


def test_a_mail_has_the_sections_chosen_in_the_order_chosen():
    both = replace(SETTING, sections=("hours", "agents", "gone", "hours"))
    with translation.override("en"):
        assert compose(week_facts(), both).sections == ("hours", "agents")
        assert compose(week_facts(), SETTING).sections == SECTIONS
    mail = make(setting=both)
    for form in (mail.html, mail.text):
        assert 0 < form.index("Calls by hour and weekday") < form.index("Agents, worst change first")
        assert "Day by day" not in form
        assert "Callbacks, by the agent" not in form
        assert "Data as of 13 Jul, 08:02" in form


def test_an_author_s_own_subject_and_note_stand_with_the_dates():
    own = replace(SETTING, subject="Your calls\r\nBcc: x", note="Hello <b>all</b>\nSee \u202eClara.\n", complete=False)
    mail = make(setting=own)
    assert mail.subject == "Your calls Bcc: x · week 6–12 Jul · incomplete"
    assert "Hello <b>all</b>\nSee Clara.\n" in mail.text
    assert "Hello &lt;b&gt;all&lt;/b&gt;<br" in mail.html
