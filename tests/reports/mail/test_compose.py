"""The mail itself, made from figures one can follow."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from html.parser import HTMLParser
from uuid import UUID

import pytest
from django.utils import translation

from reports.definitions.periods import Period
from reports.mail.compose import compose
from reports.mail.facts import Setting
from reports.mail.highlights import sentences
from reports.mail.render import CUT_AT, render
from reports.mail.sections import SECTIONS
from reports.mail.words import label, span
from reports.queries.answer import Cell
from reports.queries.callbacks.story import Source
from reports.queries.highlights import streak, streak_of
from reports.queries.question import Filters
from tests.reports.mail.answers import AGENTS, BROKEN, CORRECTION, TOTALS, ZONE, week_facts

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
    mail = make(language, replace(SETTING, manage_url="http://127.0.0.1:8000/t/acme/mail/x/", note="Read this."))
    page = Words(mail.html)
    seen = " ".join(" ".join(page.text).split())
    said = re.sub(r"http\S+", "", mail.text)
    for figure in re.findall(r"\d[\d.,:]*(?: [%a-z]+)?", said.split("\n-- \n")[0]):
        assert figure.rstrip(".,:") in seen or figure.split()[0] in seen, figure
    for sentence in re.findall(r"^(?:- )?(.+\.)$", said, re.M):
        assert (sentence.partition(": ")[2] or sentence) in seen, sentence
    assert page.fetched == []
    assert "url(" not in mail.html
    assert "@import" not in mail.html
    assert len(mail.html.encode()) < CUT_AT


def test_days_that_end_a_heading_on_a_phone_are_broken_behind_a_dash_between_months_alone():
    heads = dict(re.findall(r'<th[^>]*style="([^"]*)"[^>]*>((?:6–12|29)[^<]*)', make().html))
    assert {days.replace("\xa0", " "): "nowrap" in style for style, days in heads.items()} == {
        "6–12 Jul": True,
        "29 Jun – 5 Jul": False,
    }


def test_text_has_no_columns_and_no_line_without_its_label():
    for line in make().text.splitlines()[1:]:
        assert "  " not in line.strip(), line
        if re.search(r"\d %", line):
            assert re.match(r"- .*[A-Za-zã]", line) or line.endswith("."), line


@pytest.mark.parametrize("language", ["en", "pt-br"])
def test_the_mail_stays_whole_with_many_agents_and_busy_hours(language):
    many = tuple((f"Agent {n} · {'x' * 60}", (100, 100), (40.0, 95, 41.0), (90, 40)) for n in range(200))
    facts = week_facts(agents=many)
    squares = [replace(row, cells={"attempts": Cell(12345, 12345)}) for row in facts.hours.rows]
    sources = [Source(f"a-{n}", f"Source {n} · {'y' * 200}", 1234, 9e9) for n in range(200)]
    campaigns = tuple(facts.campaigns * 100)
    huge = replace(
        facts,
        hours=replace(facts.hours, rows=tuple(squares)),
        loop=replace(facts.loop, breakdown=replace(facts.loop.breakdown, sources=sources)),
        campaigns=campaigns,
    )
    note = replace(SETTING, note="A long word. " * 150, manage_url=SETTING.leave_url)
    with translation.override(language):
        mail = render(compose(huge, note), zone=ZONE)
    assert len(mail.html.encode()) < CUT_AT
    if language == "en":
        assert mail.text.count("And 188 more agents.") == 2
        assert "And 188 more campaigns." in mail.text
        assert "CALLS BY HOUR AND WEEKDAY, IN THOUSANDS" in mail.text
        assert "Mon 12.3 · " in mail.text
        assert "12,345" not in mail.html + mail.text


def test_a_long_name_keeps_both_its_ends():
    with translation.override("en"):
        one, other = (label(f"{'Atendimento ' * 6} · {home}") for home in ("Sales", "Care"))
    assert one != other
    assert one.endswith("· Sales")
    assert len(one) <= 48


def test_figures_stand_with_the_week_before_and_the_mean_of_four():
    text = make().text
    rest = "29 Jun – 5 Jul: {} · 4-week mean (8 Jun – 5 Jul): {}"
    assert f"- Attempts: 1,211 (▲ 7.2 %) · {rest.format('1,130', '1,211')}\n" in text
    assert f"- Connect rate: 43.1 % (▲ 2.4 pp) · {rest.format('40.7 %', '43.1 %')}\n" in text
    assert f"- Average call duration: 1:42 (▲ 4.5 %) · {rest.format('1:38', '1:42')}\n" in text
    assert "- 4.2 % lasted at most 3 s, 9.8 % at most 6 s (n = 1,190)." in text
    assert "Data as of 13 Jul, 08:02, 1,211 of 1,211 calls mirrored, 7 corrections to 29 Jun – 5 Jul." in text
    assert "Environments: Sales, Care · all agents · test calls left out · times of São Paulo" in text
    # Of weeks long past nothing is usual: what is open closes with time.
    assert f"- Still open: 14 (▲ 55.6 %) · {rest.format('9', '–')}\n" in text


def test_agents_stand_worst_change_first_and_small_ones_show_no_rate():
    text = make().text
    names = [text.index(f"\n- {name}: ") for name in ("Clara · cobrança", "Recepção", "Rafael · vendas", "Teste A/B")]
    assert names == sorted(names)
    assert "- Teste A/B: 6 calls · n too small · average length 0:20\n" in text
    assert "- Clara · cobrança: 420 calls · 31.2 % connected (▼ 6.8 pp) · average length 1:35\n" in text


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


def test_highlights_name_best_and_worst_of_what_is_more_than_chance():
    agents = (
        ("Clara", (900, 900), (31.0, 890, 40.0), (95, 280)),
        ("Rafael", (400, 400), (60.0, 400, 40.0), (95, 240)),
        ("Small", (40, 40), (20.0, 40, 60.0), (95, 8)),
        *AGENTS[2:],
    )
    totals = TOTALS | {
        "attempts": Cell(9000, 9000, 8800, 2.3),
        "connect_rate": Cell(43.1, 8900, 40.7, 2.4, previous_n=8700, significant=True),
    }
    with translation.override("en"):
        told = sentences(week_facts(agents=agents, totals=totals))
        assert tuple(text.replace("\N{NO-BREAK SPACE}", " ") for text in told) == (
            "The connect rate rose 2.4 pp to 43.1 % (n = 8,900).",
            "Largest fall: Clara, from 40.0 % to 31.0 % connected (n = 890), about 80 calls fewer.",
            "Largest rise: Rafael, from 40.0 % to 60.0 % connected (n = 400), about 80 calls more.",
        )
        names = "Attempts; Connect rate; Average call duration; Talk time; Unique contacts; Callbacks received"
        assert sentences(week_facts(agents=AGENTS[2:])) == (
            f"None of the 6 figures compared here changed significantly: {names}.",
        )
        fewer = TOTALS | {
            "attempts": Cell(900, 900, 1200, -25.0, significant=True),
            "callbacks_received": Cell(50, 50, 88, -43.2, significant=True),
        }
        told = sentences(week_facts(totals=fewer, agents=AGENTS[2:]))
        assert [text.replace("\N{NO-BREAK SPACE}", " ") for text in told] == [
            "25.0 % fewer calls than before: 900 after 1,200.",
            "Also changed significantly: Callbacks received ▼ 43.2 %.",
        ]
        assert sentences(week_facts(agents=AGENTS[2:], stand=BROKEN)) == (
            "None of the 2 figures compared here changed significantly: Connect rate; Average call duration.",
            "Whether there were more or fewer calls than before cannot be told yet: data are missing.",
        )


def test_a_streak_needs_three_in_a_row_up_to_this_one():
    trend = week_facts().trend

    def with_rates(*rates):
        return [replace(trend.rows[0], cells={"connect_rate": Cell(rate, 5000)}) for rate in rates]

    rates = (44.0, 40.1, 40.7, 43.1)
    assert streak(with_rates(*rates)) is None
    found = streak(with_rates(*rates, 43.9))
    assert (found.length, found.rising) == (3, True)
    found = streak(with_rates(50.0, 44.0, 43.0, 42.0, 41.0))
    assert (found.length, found.rising) == (4, False)
    assert streak(with_rates(40.0, 41.0, None, 42.0, 43.0)) is None
    assert streak(with_rates(40.0, 40.1, 40.2, 40.3)) is None  # of chance as well
    rising = replace(trend, rows=tuple(with_rates(*rates, 43.9)))
    with translation.override("en"):
        assert streak_of(rising) == "The connect rate rose 3 weeks in a row."
        running = replace(rising, rows=(*rising.rows[:-1], replace(rising.rows[-1], unfinished=True)))
        assert streak_of(running) == ""


def test_spans_of_days_are_short():
    days = [(2026, 7, 6), (2026, 7, 13), (2026, 7, 27), (2026, 8, 3), (2025, 12, 29), (2026, 1, 5)]
    d = [datetime(*day, tzinfo=UTC).date() for day in days]
    with translation.override("en"):
        assert span(Period(d[0], d[1], ZONE)) == "6–12 Jul"
        assert span(Period(d[2], d[3], ZONE)) == "27 Jul – 2 Aug"
        assert span(Period(d[4], d[5], ZONE)) == "29 Dec 2025 – 4 Jan 2026"


def test_callbacks_stand_by_the_agent_that_had_called_with_why_they_are_not_the_vendors():
    mail = make()
    assert "- Clara · cobrança: 31 callbacks · after 41 min in the median\n" in mail.text
    assert "- other agents: 3 callbacks · after 2 h 5 min in the median\n" in mail.text
    for form in (mail.text, mail.html):
        assert "The vendor counted 96 callbacks, every call to a callback agent; 34 of the calls answer an" in form
        assert "40 calls rang again after a callback" in form
        assert "20 calls are of contacts that no source agent had called" in form
    assert "Callbacks, by the agent that had called" in Words(mail.html).text


def test_who_waits_is_a_count_and_a_link_for_those_alone_who_can_follow_it():
    filters = Filters(environments=(UUID(int=5),), number="+5511987654321", direction="outbound")
    guest, ana = (replace(SETTING, filters=filters, manage_url=url) for url in ("", "http://127.0.0.1:8000/m/"))
    said = "With 38 a call has connected since; 14 are still waiting."
    place = f"/t/acme/callbacks/?date_from=2026-07-06&date_to=2026-07-12&environment={UUID(int=5)}#open"
    for form in (make(setting=guest).text, make(setting=guest).html):
        assert said in form
        assert "/t/acme/" not in form
    mail = make(setting=ana)
    assert place in mail.text
    assert place in unescape(mail.html)
    assert f"/t/acme/?date_from=2026-07-06&date_to=2026-07-12&environment={UUID(int=5)}&direction=outbound" in mail.text
    assert "987654321" not in mail.text + mail.html


def test_corrections_say_what_was_told_and_what_stands():
    mail = make()
    for form in (mail.text, mail.html):
        assert "Of 29 Jun – 5 Jul, reported last, these read otherwise today." in form
        assert "Attempts: 1,124 → 1,130" in form
        assert "Connect rate: 40.7 %" not in form
    same = replace(CORRECTION, now={"attempts": Cell(1124, 1124)})
    assert "The main figures of 29 Jun – 5 Jul stand as they were reported." in make(correction=same).text
    assert "No report of a period before was sent" in make(correction=None).text


def test_campaigns_in_progress_tell_the_period_and_the_vendors_totals():
    mail = make()
    assert "- Renovação de julho: calls in the period 410 · in all 1,800 · completed 75.0 %\n" in mail.text
    assert "- Cobrança (paused): calls in the period – · in all 0 · completed –\n" in mail.text
    assert "1,800" in mail.html


def test_short_calls_stand_beside_the_tenants_limits():
    text = make(setting=replace(SETTING, short_limits=(4.0, 9.8))).text
    assert "- Above the limit for calls of up to 3 s, 4.0 %.\n- Within the limit for calls of up to 6 s, 9.8 %." in text


def test_problems_of_the_data_are_named_or_said_to_be_none():
    assert "DATA PROBLEMS\n- None known.\n" in make().text
    assert "DATA PROBLEMS\n- Sales: calls, 8 Jul, since" in make(stand=BROKEN).text


@pytest.mark.parametrize("language", ["en", "pt-br"])
def test_no_week_is_called_this_or_last(language):
    mail = make(language)
    for words in ("This week", "Last week", "Esta semana", "Semana passada", "Semana anterior"):
        assert words.lower() not in (mail.text + mail.html).lower()


def test_a_mail_has_the_sections_chosen_in_the_order_chosen():
    both = replace(SETTING, sections=("hours", "agents", "gone", "hours"))
    with translation.override("en"):
        assert compose(week_facts(), both).sections == ("hours", "agents")
        assert compose(week_facts(), SETTING).sections == SECTIONS
    mail = make(setting=both)
    for form in (mail.html, mail.text):
        said = form.upper()
        assert 0 < said.index("CALLS BY HOUR AND WEEKDAY") < said.index("AGENTS, WORST CHANGE FIRST")
        assert "DAY BY DAY" not in said
        assert "CALLBACKS, BY THE AGENT" not in said
        assert "Data as of 13 Jul, 08:02" in form


def test_an_author_s_own_subject_and_note_stand_with_the_dates():
    own = replace(SETTING, subject="Your calls\r\nBcc: x", note="Hello <b>all</b>\nSee \u202eClara.\n", complete=False)
    mail = make(setting=own)
    assert mail.subject == "Your calls Bcc: x · week 6–12 Jul · incomplete"
    assert "Hello <b>all</b>\nSee Clara.\n" in mail.text
    assert "Hello &lt;b&gt;all&lt;/b&gt;<br" in mail.html


def test_days_before_the_mirror_begins_have_no_zeros():
    facts = week_facts()
    rows = [replace(row, cells={key: Cell(0, 0) for key in row.cells}) for row in facts.days.rows[:9]]
    days = replace(facts.days, rows=(*rows, *facts.days.rows[9:]))
    unread = replace(days, completeness=replace(days.completeness, complete=False))
    for answer, said in (
        (unread, "- Mon 29 Jun: –\n"),
        (days, "- Mon 6 Jul: 0 calls · 0.0 % connected · 0 callbacks\n- 29 Jun – 5 Jul: no calls, no callbacks.\n"),
    ):
        with translation.override("en"):
            assert said in render(compose(replace(facts, days=answer), SETTING), zone=ZONE).text


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "DAY BY DAY\n- 6–12 Jul: no calls, no callbacks.\n- 29 Jun – 5 Jul: no calls, no callbacks.\n\n"),
        ("pt-br", "DIA A DIA\n- 6–12 jul: nenhuma chamada, nenhum retorno.\n- 29 jun – 5 jul: nenhuma chamada, nenhum"),
    ],
)
def test_weeks_without_calls_are_told_in_a_line_each_and_not_day_by_day(language, said):
    facts = week_facts()
    nothing = {key: Cell(0, 0) for key in ("attempts", "callbacks_received")} | {"connect_rate": Cell(None, 0)}
    days = replace(facts.days, rows=tuple(replace(row, cells=nothing) for row in facts.days.rows))
    with translation.override(language):
        mail = render(compose(replace(facts, days=days), SETTING), zone=ZONE)
        unread = replace(days, completeness=BROKEN)
        cautious = render(compose(replace(facts, days=unread), SETTING), zone=ZONE)
    assert said in mail.text
    for line in said.split("- ")[1:]:
        assert " ".join(line.split()) in " ".join(Words(mail.html).text).replace("\xa0", " ")
    assert "8 Jul" not in "".join(Words(mail.html).text).replace("\xa0", " ").replace("8 Jul,", "")
    assert said not in cautious.text  # nobody knows whether there were none


def test_counts_of_a_week_that_is_not_whole_are_not_told_as_changes():
    """Calls that are missing would read as a fall; a share of those that are there may be compared."""
    for form, whole in ((make(), True), (make(stand=BROKEN, setting=replace(SETTING, complete=False)), False)):
        said = " ".join("".join(Words(form.html).text).replace("\xa0", " ").split())
        attempts, rate = (re.search(rf"^- {name}: (.*)$", form.text, re.M)[1] for name in ("Attempts", "Connect rate"))
        assert ("▲ 7.2 %" in attempts) is whole
        assert ("▲ 7.2 %" in said) is whole
        assert ("▼ 5.3 %" in said) is whole  # callbacks answered
        assert "▲ 2.4 pp" in rate
        assert 'class="good"' not in form.html or whole
