"""Takes pictures of the mails: ``make mails`` photographs a usual, an empty, a huge and an incomplete week, the
mails of a saved report, of a board and of an alert, and the letters around, in both languages, light and dark, at the
widths that mails are read at.

A development tool, to be looked at: each picture shows one mail in one language and colour scheme, on a phone, in a
window and in a wide one, with its plain part in a proportional font beside it. Run after ``django.setup()``.
"""

import sys
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

from django.utils import translation
from playwright.sync_api import sync_playwright

from portal.accounts.invitations import written
from portal.accounts.models import Invitation
from portal.outbox.render import Rendered
from portal.tenants.models.people import User
from portal.tenants.models.tenants import Tenant
from reports.alerts import words
from reports.alerts.models import Alert, AlertEvent
from reports.alerts.telling import composed
from reports.definitions.filters import FILTERS
from reports.mail.answers import SavedFacts, SheetFacts
from reports.mail.chart import picture_of
from reports.mail.due import Kind
from reports.mail.facts import Facts
from reports.mail.lists import consent_asked
from reports.mail.models import Recipient, Subscription
from reports.mail.render import render_facts
from reports.queries.answer import Answer, Cell, Completeness
from reports.queries.callbacks.story import Source
from reports.queries.question import Question
from reports.queries.scope import Scope
from tests.browser import installed
from tests.reports.mail.answers import AS_OF, BROKEN, TOTALS, WEEK, ZONE, fake_ask, week_facts
from tests.reports.mail.test_compose import SETTING

FOLDER = Path(__file__).parents[2] / "data" / "mail-pictures"
WIDTHS = (360, 600, 900)
LANGUAGES = ("en", "pt-br")
SCHEMES = ("light", "dark")
MINE = replace(SETTING, manage_url="http://127.0.0.1:8000/t/acme/mail/1/", short_limits=(5.0, 9.0))
SHEET = """<style>body {{ margin: 0; padding: 16px; display: flex; gap: 16px; align-items: start; background: #888 }}
pre {{ width: 560px; margin: 0; padding: 12px; background: #fff; white-space: pre-wrap; font: 14px/1.45 sans-serif }}
</style>{pictures}<pre>{text}</pre>"""


def weeks() -> Iterator[tuple[str, Rendered]]:
    """A name and the mail of each kind of week, in the active language."""
    yield "usual", _mail(week_facts(), note="Good morning,\nhere are the figures of last week.")
    yield "empty", _mail(empty())
    yield "huge", _mail(huge(), note="A long word of the author. " * 20)
    lacking = tuple(replace(gap, fault="server") for gap in BROKEN.gaps)
    broken = week_facts(stand=replace(BROKEN, gaps=lacking), correction=None)
    yield "incomplete", _mail(broken, complete=False, late=True)
    yield "report", _mail(saved("Agents of sales", ("agent",)))
    yield "board", _mail(saved("Monday", ("agent",), ("day",), ("week",), refused="It asks about environments."))
    yield "alert", _alert()
    yield "consent", consent_asked(_outsider())
    yield "invitation", written(_invitation(), "secret-of-a-link")


def empty() -> Facts:
    """A week in which nobody called, whose days were all read."""
    nothing = {key: Cell(None, 0) for key in TOTALS} | dict.fromkeys(
        ("attempts", "callbacks_received", "callbacks_answered", "still_open"), Cell(0, 0, 0)
    )
    facts = week_facts(0, None, agents=(), totals=nothing, stand=Completeness(AS_OF, True, 0, 0, counted=0))
    rate = {"connect_rate": Cell(None, 0)}
    none = {"attempts": Cell(0, 0), "callbacks_received": Cell(0, 0)} | rate
    return replace(
        facts,
        usual=replace(facts.usual, totals=nothing),
        days=_with(facts.days, none),
        hours=_with(facts.hours, {"attempts": Cell(0, 0)}),
        trend=_with(facts.trend, rate),
        loop=None,
        campaigns=(),
    )


def huge() -> Facts:
    """A week of a company with hundreds of agents of long names, and millions of calls."""
    many = tuple(
        (f"Cobrança {n} · {'Região Sul ' * 6}", (123_456, 98_765), (41.3 + n / 50, 120_000, 44.0), (90, 40_000))
        for n in range(200)
    )
    calls = Cell(24_691_200, 24_691_200, 19_753_000, 25.0)
    totals = TOTALS | {"attempts": calls, "callbacks_received": Cell(1_234_567, 1_234_567, 1_111_111, 11.1)}
    facts = week_facts(1_234, agents=many, totals=totals)
    sources = [Source(f"a-{n}", f"Cobrança {n} · {'y' * 60}", 123_456, 9e8) for n in range(200)]
    assert facts.loop is not None
    breakdown = replace(facts.loop.breakdown, sources=sources, vendor_totals=Counter(received=1_234_567, unmatched=20))
    day = {"attempts": Cell(3_527_314, 3_527_314), "callbacks_received": Cell(176_366, 176_366)}
    return replace(
        facts,
        days=_with(facts.days, day | {"connect_rate": Cell(43.1, 3_400_000)}),
        hours=_with(facts.hours, {"attempts": Cell(146_971, 146_971)}),
        loop=replace(facts.loop, breakdown=breakdown),
        campaigns=tuple(facts.campaigns * 100),
    )


def saved(title: str, *groups: tuple[str, ...], refused: str = "") -> SavedFacts:
    """A saved report by each of the groups; the last of a board may be refused."""
    metrics = ("attempts", "connect_rate", "average_duration", "callbacks_received")
    sheets = []
    for by in groups:
        answer = fake_ask()(Question(metrics, WEEK, by, compare=True), Scope(1, ZONE, frozenset({1})))
        rows = [
            replace(row, cells={metric: row.cells.get(metric, TOTALS[metric]) for metric in metrics})
            for row in answer.rows
        ]
        answer = replace(answer, rows=tuple(rows), totals={metric: TOTALS[metric] for metric in metrics})
        sheets.append(SheetFacts(f"{title}, by {by[0]}", answer, (("Calls", "test calls left out"),)))
    if refused:
        sheets.append(SheetFacts("Care", None, refused=refused))
    return SavedFacts(Kind.WEEKLY, WEEK, title, tuple(sheets))


def _outsider() -> Recipient:
    tenant = Tenant(id=1, name="Acme", slug="acme", zone=ZONE, language="en")
    subscription = Subscription(id=1, tenant=tenant, name="Weekly calls", kind=Kind.WEEKLY, zone=ZONE)
    return Recipient(id=1, tenant=tenant, subscription=subscription, email="joana@client.example")


def _invitation() -> Invitation:
    tenant = Tenant(id=1, name="Acme", slug="acme", zone=ZONE, language="en")
    return Invitation(tenant=tenant, email="joana@acme.example", invited_by=User(email="ana@acme.example"))


def take(folder: Path = FOLDER) -> None:
    """Write the pictures into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    with sync_playwright() as run:
        browser = run.chromium.launch(executable_path=installed(), args=["--no-sandbox", "--disable-gpu"])
        for language in LANGUAGES:
            with translation.override(language):
                mails = list(weeks())
            for name, mail in mails:
                for scheme in SCHEMES:
                    pictures = "".join(_picture(browser, mail, width, scheme) for width in WIDTHS)
                    page = browser.new_page(viewport={"width": sum(WIDTHS) + 680, "height": 800})
                    page.set_content(SHEET.format(pictures=pictures, text=escape(mail.text)))
                    page.screenshot(full_page=True, path=folder / f"{name}-{language}-{scheme}.png")
                    page.close()
                    count += 1
        browser.close()
    sys.stdout.write(f"{count} pictures in {folder}\n")


def _picture(browser: Any, mail: Rendered, width: int, scheme: str) -> str:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.set_content(mail.html)
    taken = b64encode(page.screenshot(full_page=True)).decode()
    page.close()
    return f'<img alt="" width="{width}" src="data:image/png;base64,{taken}">'


def _mail(facts: Facts | SavedFacts, **setting: Any) -> Rendered:
    """With its image in it, as a browser needs it."""
    chart = picture_of(facts) if isinstance(facts, Facts) else None
    mail = render_facts(facts, replace(MINE, chart=chart, **setting), zone=ZONE)
    if chart is None:
        return mail
    content = b64encode(chart.content).decode()
    return replace(mail, html=mail.html.replace(f"cid:{chart.name}", f"data:image/png;base64,{content}"))


def _alert() -> Rendered:
    tenant = Tenant(name="Acme", slug="acme", zone=ZONE, language="en")
    alert = Alert(
        tenant=tenant, name="Connect rate of Clara", when="below", metric="connect_rate", value=30.0, over="last_hour",
        minimum_n=50, zone=ZONE,
    )  # fmt: skip
    begins = datetime(2026, 7, 13, 13, tzinfo=UTC)
    ends = begins + timedelta(hours=1)
    event = AlertEvent(alert=alert, kind="fired", value=24.2, n=310, at=ends, begins=begins, ends=ends)
    calls = (
        ("environment", "Sales of the north, Talkover"),
        ("agent", "Clara"),
        ("testing", FILTERS["testing"].word("exclude")),
    )
    facts = [*words.facts(event, None), *((str(FILTERS[name].label), text) for name, text in calls)]
    here = "http://127.0.0.1:8000"
    return composed(event, facts, page=f"{here}/t/acme/alerts/1/", leave_url=f"{here}/mail/leave/1-1-1-alert")


def _with(answer: Answer, cells: dict[str, Cell]) -> Answer:
    """Each row with these cells."""
    return replace(answer, rows=tuple(replace(row, cells=cells) for row in answer.rows))
