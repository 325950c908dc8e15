"""Who may see one agent alone, in files and mails: what other agents did changes none of them."""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest
import time_machine
from django.core import mail
from django.db import transaction

from portal.outbox.models import Message
from portal.tenants import wall
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.people import Membership, Role
from portal.tenants.models.tenants import Tenant
from portal.tenants.rights import Rights
from reports.definitions.catalogue import CATALOGUE
from reports.files import folder, jobs, making, orders
from reports.files.lists import PARAMS as LISTS
from reports.files.models import Export, What
from reports.mail.models import Recipient
from reports.mail.plans import Plan
from reports.mail.rights import Author, at_the_console
from reports.mail.send import send_due
from reports.mail.subscriptions import create
from reports.queries.scope import Scope
from tests.isolation.world import NOW
from tests.journeys.one_agent import marks, the_other_acts

pytestmark = pytest.mark.django_db
FORMATS = ("csv", "xlsx", "parquet", "pdf")
JULY = {"date_from": "2026-07-01", "date_to": "2026-07-10"}
SINCE = datetime(2026, 7, 1, tzinfo=UTC)


def asked() -> Iterator[dict[str, str]]:
    for what in (What.CALLS, *LISTS):
        yield {"what": what} | ({} if what == What.WAITING else JULY)
    for report in CATALOGUE:
        yield {"what": What.REPORT, "report": report} | JULY


def tables(acme: Tenant, scope: Scope) -> dict[str, object]:
    """Every list and report as all writers are given it, but for how many calls of everybody are mirrored."""
    found: dict[str, object] = {}
    for params in asked():
        order = orders.read_order(params, scope)
        table = orders.table_of(Export(tenant=acme, what=order.what, query=order.query, title=order.title), scope)
        facts = [line for line in table.facts.lines if line[0] != "Mirrored"]
        found[str(params)] = ([*table.rows], table.total, facts, table.facts.as_of, table.expected)
    return found


def written(asker: jobs.Asker, scope: Scope, params: dict[str, str]) -> str:
    """What can be read in a file as it is had; of a PDF, whose letters are drawn, what is told beside it."""
    export = jobs.ask(orders.read_order(params, scope), asker, lambda *_ids: None)
    assert making.make(export.pk)
    export = Export.objects.get(pk=export.pk)
    with folder.open_file(export.tenant_id, export.file) as file:
        content = file.read()
    text = f"{export.name} {export.facts} {content.decode(errors='ignore')}"
    if export.format == "xlsx":
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            text += "".join(parts.read(name).decode() for name in parts.namelist())
    if export.format == "parquet":
        rows = pq.read_table(io.BytesIO(content))
        text += f"{rows.to_pylist()} {rows.schema.metadata}"
    export.delete()
    return text.lower()


@pytest.fixture
def askers(acme, readers) -> list[tuple[jobs.Asker, Scope]]:
    with wall.tenant(acme):
        eva = Membership.objects.select_related("user", "grant__tenant").get(user__email="eva@acme.example")
        key = ApiKey.objects.select_related("grant__tenant").filter(environment=None).get()
        return [
            (jobs.Asker(acme.pk, user=eva.user), Scope.of(eva.grant)),
            (jobs.Asker(acme.pk, key=key), Scope.of(key.grant)),
        ]


def test_no_file_changes_by_what_other_agents_did(acme, sales, care, askers, settings, monkeypatch, tmp_path):
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr("reports.files.caps.MOST_PER_HOUR", 1_000)
    with wall.tenant(acme):
        before = [tables(acme, scope) for _asker, scope in askers]
        theirs = the_other_acts(sales, care)
        after = [tables(acme, scope) for _asker, scope in askers]
        assert [case for was, now in zip(before, after, strict=True) for case in was if was[case] != now[case]] == []
        assert any(rows for rows, *_more in before[0].values())
        asker, scope = askers[0]
        for params in asked():
            forms = FORMATS if params["what"] in (What.CALLS, What.WAITING) else ("csv",)
            for form in forms:
                text = written(asker, scope, params | {"format": form})
                assert [word for word in marks(theirs) if word in text] == [], (params, form)


@pytest.fixture
def subscribed(acme, sales, town, readers) -> None:
    """Mails of everything to the reader of one agent, and mails that this reader set up for somebody outside."""
    with time_machine.travel(SINCE, tick=False), wall.tenant(acme):
        eva = Membership.objects.select_related("user", "grant__tenant").get(user__email="eva@acme.example")
        author = Author(acme, Role.MANAGER, Rights.of(eva.grant), Scope.of(eva.grant), user=eva.user)
        for every in ("day", "week"):
            like = Plan(every=every, zone="UTC", language="en")
            create(replace(like, to=(eva.user.email,), name=f"All, each {every}"), at_the_console(acme))
            create(replace(like, to=("client@outside.example",), name=f"Mine, each {every}"), author)
        Recipient.objects.update(confirmed_at=SINCE)
    mail.outbox.clear()


def sent(acme: Tenant) -> list[str]:
    """Every mail that is due now, whole as it left and as the outbox keeps it; then it is as if none had been sent."""
    mail.outbox.clear()
    here = transaction.savepoint()
    send_due(NOW)
    with wall.tenant(acme):
        reports = Message.objects.filter(subject__contains="calls").order_by("to", "subject")
        rows = reports.values("to", "subject", "text", "html", "headers")
        kept = [json.dumps(row) for row in rows]
    left = sorted(
        f"{letter.to} {letter.subject} {letter.body} {letter.alternatives}"
        for letter in mail.outbox
        if "calls" in letter.subject
    )
    transaction.savepoint_rollback(here)
    return [_but_chance(text) for text in [*kept, *left]]


def _but_chance(text: str) -> str:
    text = re.sub(r"/mail/(leave|confirm)/[\w:.-]+|<[\w.-]+@[\w.-]+>", "", text)
    return re.sub(r"\d+(?= calls? mirrored)", "", text)


def test_no_mail_changes_by_what_other_agents_did(acme, sales, care, subscribed):
    before = sent(acme)
    with wall.tenant(acme):
        theirs = the_other_acts(sales, care)
    after = sent(acme)
    assert len(before) == 8  # each in the outbox and as it left
    assert "Mine" in "".join(before)
    assert after == before
    assert [word for word in marks(theirs) if word in "".join(after).lower()] == []
