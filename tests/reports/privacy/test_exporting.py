"""A person's export holds every column that the registry calls personal, or says why not, and nothing of others."""

import csv
import io
import json
import stat
from contextlib import contextmanager
from datetime import timedelta
from zipfile import ZipFile

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import TestCase

from portal.audit.models import Entry
from portal.privacy.models import Reason
from portal.privacy.registry import PERSONAL
from portal.tenants import wall
from portal.tenants.guards import membership_of
from portal.tenants.models.grants import Grant
from reports.annotations.models import CallFlag, CallNote
from reports.files import downloads, jobs
from reports.files.models import Export, State
from reports.files.tasks import hint_waiting
from reports.privacy import erasing, exporting
from reports.privacy.person import COUNTED, IN_FULL
from reports.queries.scope import Scope
from reports.saved.models import SavedView
from sync.models.calls import Call, Unplaced
from sync.models.quarantine import Quarantine
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("behind_acme")]

NUMBER, OTHER = "+5511987654321", "+5521912345678"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def filled(acme, sales, ana):
    raw = json.dumps({"id": "c1", "transcript": [{"text": "hello"}], "call_recording_url": "https://r.example/1.mp3"})
    first = factories.call(sales, "c1", agent=factories.agent(sales), to_number=NUMBER, raw=raw, sid="SIP/9")
    factories.call(
        sales, "c2", to_number="11987654321", contact="11987654321", hangup_cause="=1+1", raw="cut",
        started_at=factories.TIME_ZERO + timedelta(minutes=1),
    )  # fmt: skip
    other = factories.call(sales, "c3", to_number=OTHER, raw=json.dumps({"transcript": f"ring {NUMBER}, says Rosalia"}))
    CallNote.objects.create(tenant=acme, call=first, author=ana, text="wants an offer")
    CallNote.objects.create(tenant=acme, call=other, author=ana, text="his brother is at +55 (11) 98765-4321")
    CallNote.objects.create(tenant=acme, call=other, author=ana, text="a secret of Rosalia")
    CallFlag.objects.create(tenant=acme, call=first, flag="review", member=ana)
    keys = {"tenant": acme, "environment": sales, "first_seen_at": factories.TIME_ZERO}
    Quarantine.objects.create(
        **keys, kind="call", digest=b"1", raw=f'{{"to": "{NUMBER}"', reason="cut", last_seen_at=factories.TIME_ZERO
    )
    Unplaced.objects.create(**keys, agent_key="a", digest=b"2", raw=json.dumps({"to": NUMBER}))
    Unplaced.objects.create(**keys, agent_key="a", digest=b"3", raw=json.dumps({"to": OTHER}))
    SavedView.objects.create(tenant=acme, owner=ana, name="his", query=f"number={NUMBER}")


def asker(user) -> jobs.Asker:
    return jobs.Asker(membership_of(user, "acme").tenant.pk, user=user)


def ask(user, number: str = NUMBER) -> Export:
    return exporting.ask(number, asker(user), Scope.of(membership_of(user, "acme").grant), lambda *pair: None)


@contextmanager
def archive_of(row: Export):
    row.refresh_from_db()
    with downloads.folder.open_file(row.tenant_id, row.file) as file, ZipFile(file) as archive:
        yield archive


def stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM reports_files_export")
        return str(cursor.fetchall())


def test_every_personal_column_is_in_the_export_or_told_why_not() -> None:
    personal = [column for columns in PERSONAL.values() for column in columns]
    assert sorted(personal) == sorted([*IN_FULL, *COUNTED])


def test_all_that_is_kept_of_a_person_is_in_one_file(filled, acme, ana) -> None:
    row = ask(ana)
    assert exporting.make(row.pk)
    with archive_of(row) as archive:
        read = {name: archive.read(name).decode() for name in archive.namelist()}
    calls, elements, notes, mentions = (
        json.loads(read[f"{name}.json"]) for name in ("calls", "elements", "notes", "mentions")
    )
    assert [call["external_id"] for call in calls] == ["c1", "c2"]
    assert calls[0]["element"]["transcript"] == [{"text": "hello"}]
    assert calls[0]["recording"] == "https://r.example/1.mp3"
    assert [note["text"] for note in calls[0]["notes"]] == ["wants an offer"]
    assert [flag["flag"] for flag in calls[0]["flags"]] == ["review"]
    assert calls[1]["element"] == "cut"
    assert {element["raw"] for element in elements} == {f'{{"to": "{NUMBER}"', json.dumps({"to": NUMBER})}
    assert [note["text"] for note in notes] == ["his brother is at +55 (11) 98765-4321"]
    counts = {mention["column"]: mention["rows"] for mention in mentions}
    assert set(counts) == {*COUNTED, "sync.Payload.raw"}
    assert {name: n for name, n in counts.items() if n} == {"reports_saved.SavedView.query": 1, "sync.Payload.raw": 1}

    table = list(csv.DictReader(io.StringIO(read["calls.csv"])))
    assert [cells["To"] for cells in table] == [NUMBER, "11987654321"]
    assert table[1]["Cause of hang-up"] == "'=1+1"
    assert json.loads(table[0]["As the vendor sent it, with the transcript"]) == calls[0]["element"]
    assert {f"{name}.csv" for name in ("calls", "elements", "notes", "mentions")} | {"about.txt"} < set(read)
    whole = "".join(read.values())
    assert "Rosalia" not in whole
    assert OTHER not in whole
    row.refresh_from_db()
    assert (row.state, row.done, row.bytes > 500) == (State.READY, 2, True)


def test_each_column_of_a_call_is_in_the_table(filled, ana) -> None:
    row = ask(ana)
    exporting.make(row.pk)
    with archive_of(row) as archive:
        (call, _) = json.loads(archive.read("calls.json"))
    left_out = {"digest", "tenant_id"}
    assert {field.attname for field in Call._meta.concrete_fields} - set(call) == left_out


def test_the_number_is_nowhere_but_sealed(filled, ana, caplog) -> None:
    caplog.set_level(0)
    row = ask(ana)
    assert row.subject.reveal() == NUMBER
    assert "87654321" not in stored()
    assert exporting.make(row.pk)
    row.refresh_from_db()
    assert row.subject == ""
    assert "87654321" not in stored() + caplog.text + str(list(Entry.objects.values()))


def test_only_who_sees_everything_asks_and_gets_it(filled, acme, ana, bruno, sales) -> None:
    with pytest.raises(exporting.SeesTooLittle):
        ask(bruno)
    row = ask(ana)
    Grant.objects.update(sees_numbers=False)
    assert not exporting.make(row.pk)
    row.refresh_from_db()
    assert row.state == State.FAILED
    Grant.objects.update(sees_numbers=True)
    row = ask(ana)
    assert exporting.make(row.pk)
    row.refresh_from_db()
    Grant.objects.update(sees_numbers=False)
    with pytest.raises(downloads.Refused):
        downloads.hand_out(row, asker(ana))


def test_lists_and_persons_are_made_by_their_own_tasks(filled, ana) -> None:
    row = ask(ana)
    with wall.every_tenant("a sweep opens walls by itself"):
        assert jobs.waiting() == []
        assert hint_waiting() == 0
    assert exporting.waiting() == [row.pk]


def test_an_erasure_takes_the_files_and_the_requests_with_it(filled, acme, ana) -> None:
    made, waits, others = ask(ana), ask(ana, "+55 11 98765 4321"), ask(ana, OTHER)
    exporting.make(made.pk)
    with TestCase.captureOnCommitCallbacks(execute=True):
        erasing.work(erasing.ask(acme.pk, NUMBER, Reason.REQUEST).pk)
    states = dict(Export.objects.values_list("pk", "state"))
    assert states == {made.pk: State.EXPIRED, others.pk: State.WAITING}
    assert waits.pk not in states
    made.refresh_from_db()
    assert not downloads.folder.place(acme.pk, made.file).exists()


def test_the_command_writes_a_file_of_its_own(filled, acme, folder, capsys) -> None:
    path = folder / "out.zip"
    call_command("export_person", tenant="acme", number="+55 11 98765-4321", output=str(path), json=True)
    out = capsys.readouterr().out
    assert json.loads(out)["calls"] == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with ZipFile(path) as archive:
        assert len(json.loads(archive.read("calls.json"))) == 2
    assert Entry.objects.get(action="person.exported").about == {"calls": 2, "mentions": 2}
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_person", tenant="acme", number=NUMBER, output=str(path))
    with pytest.raises(CommandError, match="country code"):
        call_command("export_person", tenant="acme", number="11987654321", output=str(folder / "b.zip"))
