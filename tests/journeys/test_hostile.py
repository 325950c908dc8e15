"""Whatever a vendor sends as text harms no page, file or mail: it is shown, escaped, cut or left out, and never runs.

The browser's half, that nothing runs and the policy stays silent, is tests/browser/test_hostile.py.
"""

import csv
import io
import json
import re
import zipfile
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from django.test import Client
from django.utils import timezone

from portal.outbox.models import Message
from portal.tenants import wall
from portal.tenants.models.people import Membership
from reports.definitions.periods import last_days, local_date
from reports.files import as_csv, as_parquet, as_pdf, as_xlsx
from reports.files.lists import PARAMS as LISTS
from reports.files.lists import ListQuestion, list_table
from reports.files.tables import calls_table, report_table
from reports.mail.models import Subscription
from reports.mail.subscriptions import create_weekly
from reports.queries.callbacks.lists import CallbackQuestion
from reports.queries.calls.columns import COLUMNS
from reports.queries.question import CallQuestion, Question
from reports.queries.scope import Scope
from sync.models.calls import Call, Payload
from tests.isolation.routes import addresses
from tests.journeys.acts import run
from tests.journeys.hostile import MARK, POISONS, formulas, live

pytestmark = pytest.mark.django_db


@pytest.fixture
def town(hostile_town):
    return hostile_town


@pytest.fixture
def scope(town):
    with wall.tenant(town.tenant):
        yield Scope.of(Membership.objects.select_related("grant", "tenant").get(user=town.readers["en"]).grant)


def test_everything_came_in(town) -> None:
    with wall.tenant(town.tenant):
        assert Call.objects.filter(external_id__startswith="hostile-").count() == len(POISONS)
        assert Call.objects.filter(external_id__startswith="0000").count() == len(POISONS)
        assert max(map(len, Payload.objects.values_list("raw", flat=True))) > 1_000_000


NO_BRAND = ("/t/acme/brand.css", "/t/acme/brand/logo")


def test_no_page_breaks_or_carries_it_alive(town) -> None:
    client = Client()
    client.force_login(town.readers["en"])
    with wall.tenant(town.tenant):
        calls = list(Call.objects.filter(external_id__regex="^(hostile|odd|0000|long)").values_list("pk", flat=True))
    routes = {address for address in addresses() if address.startswith("/t/")}
    bare = [route.format(tenant="acme") for route in routes if route.count("{") == 1]
    by = ("agent", "status", "cause", "direction", "line", "side", "area_code", "environment", "length")
    queries = [f"/t/acme/reports/query/?metrics=attempts&by={key}" for key in by]
    shown = 0
    for path in [*bare, *queries, *(f"/t/acme/calls/{key}/" for key in calls)]:
        answer = client.get(path)
        if answer.status_code == 404 and path in NO_BRAND:
            continue
        assert answer.status_code in (200, 405), path
        if answer.streaming:
            assert b"".join(answer.streaming_content), path
        elif answer.headers["Content-Type"].startswith("text/html"):
            text = answer.content.decode()
            shown += MARK in text
            assert live(text) == [], path
            assert "\0" not in text, path
    assert shown > 10  # so it was there to be harmed by
    for path in ("calls/", "agents/", "environments/", "reports/query/?by=cause,agent,status", "campaigns/"):
        answer = client.get(f"/api/v1/{path}")
        assert answer.status_code == 200, path
        assert answer.headers["Content-Type"] == "application/json"


def test_no_file_holds_a_live_formula(town, scope) -> None:
    today = local_date(timezone.now(), scope.zone)
    period = last_days(5, today + timedelta(days=1), scope.zone)
    tables = {
        "calls": lambda: calls_table(CallQuestion(), scope),
        "columns": lambda: calls_table(CallQuestion(), scope, columns=tuple(COLUMNS)),
        **{what: partial(list_table, ListQuestion(what, CallbackQuestion()), scope) for what in LISTS},
        "agents": lambda: report_table(Question(("attempts",), period, ("agent", "status")), scope),
        "causes": lambda: report_table(Question(("attempts",), period, ("cause", "line")), scope),
    }
    for name, table in tables.items():
        for dialect in ("csv", "excel", "excel-pt"):
            out = io.BytesIO()
            as_csv.write(table(), out, dialect=dialect)
            text = out.getvalue().decode("utf-8-sig")
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=";" if dialect == "excel-pt" else ","))
            assert len({len(row) for row in rows}) == 1, (name, dialect)
            assert formulas(cell for row in rows for cell in row) == [], (name, dialect)
        out = io.BytesIO()
        as_xlsx.write(table(), out)
        with zipfile.ZipFile(out) as book:
            for part in book.namelist():
                inside = book.read(part).decode("utf-8", "replace")
                assert not re.search(r"<f[ >]|<hyperlink|externalLink", inside), (name, part)
        out = io.BytesIO()
        as_parquet.write(table(), out)
        assert out.getvalue()[:4] == b"PAR1"
        out = io.BytesIO()
        as_pdf.write(replace(table(), name="x"), out)
        assert out.getvalue()[:5] == b"%PDF-"
        assert b"/JavaScript" not in out.getvalue()
        assert b"/Launch" not in out.getvalue()


def test_a_mail_stays_a_mail(town) -> None:
    now = timezone.now()
    mail = create_weekly(
        town.tenant, "ana@acme.example", "en", name=POISONS[0] + POISONS[13], since=now - timedelta(days=9)
    )
    with wall.tenant(town.tenant):
        Subscription.objects.filter(pk=mail.pk).update(hold_hours=0)  # on a Monday it would wait for Sunday's calls
    _status, said = run("send_reports", "--at", now.isoformat(), "--json")  # the town's own wait for their data
    assert json.loads(said)["sent"] == 1
    assert json.loads(said)["failed"] == 0
    with wall.tenant(town.tenant):
        messages = list(Message.objects.all())
    assert messages
    for message in messages:
        assert live(message.html) == []
        assert not re.search(r"[\r\n\0]", message.subject)
        assert "\0" not in message.text + message.html
