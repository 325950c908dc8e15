"""A person who was erased is found nowhere: not after the vendor tells of him again, nor after a backup is restored."""

import json
import logging
import re
import threading
import time
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from urllib.parse import parse_qsl

import duckdb
import pytest
import time_machine
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connections, transaction
from django.test import TestCase

from portal.audit.models import Entry
from portal.lib import phones
from portal.outbox.post import put
from portal.privacy import ledger
from portal.privacy.models import Erasure, Reason
from portal.privacy.tombstones import Tombstones, reading
from portal.tenants import wall
from portal.tenants.guards import membership_of
from reports.annotations.models import CallNote
from reports.columns.refresh import refresh_tenant
from reports.columns.sweep import forget_retired
from reports.definitions.periods import Period
from reports.files.models import Export
from reports.files.models import State as FileState
from reports.privacy.erasing import NoNumber, ask, sweep, work
from reports.queries import ask as queries
from reports.queries.contacts.ids import digits_within, id_within
from reports.queries.question import Question
from reports.queries.scope import Scope
from reports.queries.vendor_api.calls import VendorFilter, page
from reports.queries.vendor_api.calls import calls as vendor_calls
from reports.saved.models import SavedView
from sync.leases import claim
from sync.mirror import Mirror
from sync.models.calls import Call, Payload
from sync.models.quarantine import Quarantine
from sync.models.runs import Run, RunState
from sync.records import BrokenRecord, CallRecord, CampaignRecord, UnplacedRecord
from sync.taxonomy import Stream
from tests.sync.conftest import make_connection

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("behind_acme")]

NUMBER, OTHER = "+5511987654321", "+5521912345678"
WRITTEN = "+55 (11) 98765-4321"
SPOKEN = "my sister Rosalia knows"
LINE = "+551130000000"
ZERO = datetime(2026, 7, 8, 15, tzinfo=UTC)
LATER = ZERO + timedelta(days=5)
METRICS = ("attempts", "connected", "unique_contacts", "reach_rate", "talk_minutes", "attempts_per_contact")


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    with time_machine.travel(LATER, tick=False):
        yield tmp_path


def element(key: str, number: str, **members: object) -> dict[str, object]:
    return {"id": key, "to": number, "from": LINE, "status": "completed", "duration": 60} | members


def told(key: str, number: str, *, minutes: int = 0, **members: object) -> CallRecord:
    raw = json.dumps(element(key, number, **members), ensure_ascii=False)
    return CallRecord(
        external_id=key,
        digest=blake2b(raw.encode(), digest_size=16).digest(),
        raw=raw,
        status="completed",
        direction="outbound",
        started_at=ZERO + timedelta(minutes=minutes),
        duration_ms=60_000,
        agent="a1",
        agent_name="Sales",
        from_number=LINE,
        to_number=number,
        sid=f"SIP/{phones.digits(number)}-9",
    )


def of(record: type, raw: str, **values: object) -> object:
    return record(raw=raw, digest=blake2b(raw.encode(), digest_size=16).digest(), **values)


def everything_told() -> list[object]:
    return [
        told("c1", NUMBER, transcript=[{"text": SPOKEN}], recording_url="https://recordings.example/rosalia.mp3"),
        told("c2", "11987654321", minutes=1),
        told("c3", OTHER, minutes=2, transcript=[{"text": f"call {WRITTEN} instead, or 5511987654321"}]),
        told("c4", OTHER, minutes=3),
        of(UnplacedRecord, json.dumps({"to": NUMBER}), agent="a1"),
        of(
            BrokenRecord, f'{{"id": "b1", "to": "{WRITTEN}"', kind="call", external_id="b1", reason="cut",
            stream="calls", part="2026-07-08", day=date(2026, 7, 8),
        ),
        of(
            CampaignRecord, json.dumps({"id": "k", "contacts": [5511987654321]}), external_id="k", name="July",
            status="done", detail=True, calls=(("c1", 1),),
        ),
    ]  # fmt: skip


def tell(connection, *records: object) -> tuple[int, int]:
    """A run that mirrors what the vendor tells; how many rows were new and changed."""
    run = claim(connection, Stream.CALLS)
    mirror = Mirror(run, connection, "UTC")
    mirror.write([(record, LATER) for record in records], [])
    Run.objects.filter(pk=run.pk).update(state=RunState.COMPLETE, lease_until=None, finished_at=LATER)
    return mirror.tally.new, mirror.tally.changed


@pytest.fixture
def connection(sales):
    return make_connection(sales)


@pytest.fixture
def filled(connection, ana):
    """A mirror with its files, and what members, mails and exports made of it."""
    tell(connection, *everything_told())
    refresh_tenant()
    CallNote.objects.create(
        tenant_id=connection.tenant_id, call=Call.objects.get(external_id="c1"), author=ana, text="about Rosalia"
    )
    CallNote.objects.create(
        tenant_id=connection.tenant_id,
        call=Call.objects.get(external_id="c4"),
        author=ana,
        text=f"ring {WRITTEN} as well",
    )
    put(
        tenant_id=connection.tenant_id,
        to="ana@acme.example",
        subject=f"Call {NUMBER}",
        text=f"He is at {WRITTEN}.",
        html=f"<p>{NUMBER}</p>",
        headers={},
        reference="r1",
    )
    SavedView.objects.create(
        tenant_id=connection.tenant_id,
        owner=ana,
        name=f"Of {WRITTEN}",
        query=f"number={id_within(connection.tenant_id, '5511987654321')}&number_match=exact",
    )
    made = Export.objects.create(
        tenant_id=connection.tenant_id,
        user=ana,
        what="calls",
        format="csv",
        language="en",
        query=f"number={NUMBER}",
        rights={"numbers": False},
        state=FileState.READY,
        file="f" * 40,
    )
    place = Path(settings.DATA_DIR) / "exports" / str(connection.tenant_id) / made.file
    place.parent.mkdir(parents=True)
    place.write_text(f"c1,{NUMBER}\n")
    return connection


def everything_kept() -> str:
    """Every row of every table, every file that can be read as text, and every row of every column file."""
    kept = []
    for model in apps.get_models(include_auto_created=True):
        with wall.every_tenant("a test looks everywhere"):
            for row in model._base_manager.all().values():
                kept.append(f"{model._meta.label} {[_text(value) for value in row.values()]}")
    for path in Path(settings.DATA_DIR).rglob("*"):
        if path.suffix == ".parquet":
            kept.append(f"{path} {duckdb.sql(f'SELECT * FROM read_parquet({str(path)!r})').fetchall()}")
        elif path.is_file():
            kept.append(f"{path} {path.read_bytes().decode('latin-1')}")
    return "\n".join(kept)


def _text(value: object) -> str:
    return bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)


def assert_nowhere() -> None:
    kept = everything_kept()
    assert [contact for contact in phones.spellings(NUMBER) if id_within(wall.current(), contact) in kept] == []
    lines = [
        line
        for line in kept.split("\n")
        if "987654321" in re.sub(r"[^0-9a-zA-Z]", "", line) or "osalia" in line or SPOKEN in line
    ]
    assert lines == []


def figures(tenant, ana) -> object:
    scope = Scope.of(membership_of(ana, "acme").grant)
    period = Period(date(2026, 7, 1), date(2026, 7, 12), "America/Sao_Paulo")
    answers = [
        queries.ask(Question(METRICS, period, by, compare=False), scope, now=LATER) for by in ((), ("area_code",))
    ]
    return [answer.rows for answer in answers]


def vendor_form(ana) -> str:
    scope = Scope.of(membership_of(ana, "acme").grant)
    return "\n".join(page(scope, vendor_calls(scope, VendorFilter()), offset=0, size=50))


def assert_not_in_the_vendor_form(ana) -> None:
    assert "987654321" not in re.sub(r"[^0-9]", "", vendor_form(ana))


def erase(tenant_id: int, number: str = NUMBER) -> Erasure:
    with TestCase.captureOnCommitCallbacks(execute=True):
        done = work(ask(tenant_id, number, Reason.REQUEST).pk)
    assert done is not None
    return done


def test_an_erased_number_is_found_nowhere(filled, acme, ana, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    assert "987654321" in re.sub(r"[^0-9a-zA-Z]", "", everything_kept())
    before = figures(acme, ana)

    done = erase(acme.pk)

    assert (done.calls, done.texts > 4) == (2, True)
    refresh_tenant()
    assert_nowhere()
    assert "987654321" not in caplog.text
    assert_not_in_the_vendor_form(ana)
    assert figures(acme, ana) == before
    assert Call.objects.count() == 4


def test_nor_after_the_vendor_tells_of_him_again(filled, acme, ana) -> None:
    before = figures(acme, ana)
    erase(acme.pk)

    assert tell(filled, *everything_told())[1] == 0, "what is erased is known to be the same"
    refresh_tenant()
    assert_nowhere()
    tell(filled, told("c1", NUMBER, transcript=[{"text": SPOKEN + " more"}]), told("c9", NUMBER, minutes=4))
    refresh_tenant()
    forget_retired()

    assert_nowhere()
    assert_not_in_the_vendor_form(ana)
    assert Call.objects.count() == 5
    assert len(set(Call.objects.filter(external_id__in=("c1", "c9")).values_list("contact", flat=True))) == 1
    assert figures(acme, ana)[0] != before


def test_nor_when_the_vendor_withholds_the_number_now(filled, acme) -> None:
    erase(acme.pk)
    tell(filled, told("c1", "", transcript=[{"text": SPOKEN}]))

    assert_nowhere()
    assert phones.is_erased(Call.objects.get(external_id="c1").contact)


def test_nor_after_yesterdays_backup_is_restored(filled, acme, ana) -> None:
    tables = [
        Call,
        Payload,
        Quarantine,
        CallNote,
        Export,
        SavedView,
        *map(apps.get_model, ("outbox.Message", "sync.Campaign")),
    ]
    backup = {model: list(model.objects.all()) for model in tables}
    erase(acme.pk)
    Erasure.objects.all().delete()
    for model, rows in backup.items():
        for row in rows:
            row.save(force_update=model.objects.filter(pk=row.pk).exists())
    assert "987654321" in re.sub(r"[^0-9a-zA-Z]", "", everything_kept())

    with wall.every_tenant("a sweep opens walls by itself"), TestCase.captureOnCommitCallbacks(execute=True):
        assert sweep() == 1
    tell(filled, *everything_told())
    refresh_tenant()

    assert_nowhere()
    assert_not_in_the_vendor_form(ana)


def test_a_restored_database_knows_before_it_mirrors(filled, acme) -> None:
    erasure = ask(acme.pk, NUMBER, Reason.REQUEST)
    Erasure.objects.all().delete()

    assert ledger.agree(acme.pk) == 1
    assert Erasure.objects.get().public_id == erasure.public_id
    assert Tombstones.of(acme.pk).holds("5511987654321")
    assert ledger.agree(acme.pk) == 0


def test_a_row_whose_file_was_not_written_gets_one(filled, acme, folder) -> None:
    ask(acme.pk, NUMBER, Reason.REQUEST)
    (path,) = (folder / "erasures").rglob("*.jsonl")
    path.unlink()
    ledger.agree(acme.pk)

    assert path.exists()
    assert "987654321" not in path.read_text()


def test_a_worker_that_dies_leaves_the_rest_to_the_next(filled, acme, monkeypatch) -> None:
    erasure = ask(acme.pk, NUMBER, Reason.REQUEST)
    with monkeypatch.context() as patch:
        patch.setattr("reports.privacy.erasing.scrub_texts", _die)
        with pytest.raises(SystemExit):
            work(erasure.pk)
    assert work(erasure.pk) is None, "its claim has not run out"
    with time_machine.travel(LATER + timedelta(hours=1), tick=False):
        Erasure.objects.update(claimed_until=LATER - timedelta(days=9))
        with TestCase.captureOnCommitCallbacks(execute=True):
            assert work(erasure.pk) is not None
        refresh_tenant()
        forget_retired()

    assert_nowhere()


def _die(*_: object) -> None:
    raise SystemExit


@pytest.mark.parametrize("what", ["calls", "callbacks", "waiting", "report"])
def test_files_that_may_name_him_are_withdrawn(filled, acme, what) -> None:
    made = Export.objects.get()
    Export.objects.filter(pk=made.pk).update(what=what, rights={"numbers": what == "report"})
    plain = Export.objects.create(
        tenant=acme, user=made.user, what="report", format="csv", language="en", rights={"numbers": False},
        state=FileState.READY, file="0" * 40,
    )  # fmt: skip
    erase(acme.pk)

    assert Export.objects.get(pk=made.pk).state == FileState.EXPIRED
    assert Export.objects.get(pk=plain.pk).state == FileState.READY


def test_what_was_kept_of_the_contact_is_of_the_erased_one_now(filled, acme) -> None:
    erase(acme.pk)
    sealed = dict(parse_qsl(SavedView.objects.get().query))["number"]

    assert phones.is_erased(digits_within(acme.pk, sealed))
    assert Call.objects.filter(contact=digits_within(acme.pk, sealed)).exists()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", [Call, Payload])
def test_an_erasure_and_a_reading_never_wait_for_each_other_in_a_ring(filled, acme, caplog, table) -> None:
    """A reading that holds the later row takes the earlier one while the erasure is at both."""
    named = "+5521987650000"
    rows = Call.objects.filter(external_id__in=("c3", "c4")).order_by("pk")
    if table is Call:
        rows.update(contact=phones.digits(named))
    else:
        table.objects.filter(call__in=rows).update(raw=json.dumps({"said": named}))
    first, last = rows.values_list("pk", flat=True)
    erasure = ask(acme.pk, named, Reason.REQUEST)
    holds, ended = threading.Event(), []

    def read() -> None:
        try:
            with wall.tenant(acme), transaction.atomic():
                reading(acme.pk)
                table.objects.select_for_update(of=("self",)).get(pk=last)
                holds.set()
                time.sleep(0.7)
                table.objects.select_for_update(of=("self",)).get(pk=first)
                ended.append("read")
        finally:
            connections.close_all()

    reader = threading.Thread(target=read)
    reader.start()
    assert holds.wait(10)
    ended.append(work(erasure.pk) and "erased")
    reader.join()

    assert ended == ["read", "erased"]
    assert "asked again" not in caplog.text


def test_another_company_keeps_what_it_has(filled, acme, globex, foreign) -> None:
    with wall.tenant(globex):
        other = make_connection(foreign)
        tell(other, told("c1", NUMBER))
    erase(acme.pk)

    with wall.tenant(globex):
        assert Call.objects.get().to_number == NUMBER
        assert tell(other, told("c2", NUMBER)) == (1, 0)
        assert Call.objects.get(external_id="c2").contact == "5511987654321"


def test_the_command(filled, acme, capsys) -> None:
    call_command("erase_person", tenant="acme", number=WRITTEN, json=True)
    out = capsys.readouterr().out

    assert json.loads(out)["calls"] == 2
    assert "98765" not in out
    acts = Entry.objects.order_by("number").values_list("action", "about")
    assert [action for action, _ in acts] == ["person.erasure_asked", "person.erased"]


@pytest.mark.parametrize("number", ["11987654321", "", "+55", "Rosalia", "+" + "1" * 20])
def test_a_number_needs_its_country(acme, number) -> None:
    with pytest.raises(NoNumber):
        ask(acme.pk, number, Reason.REQUEST)
    with pytest.raises(CommandError, match="country code"):
        call_command("erase_person", tenant="acme", number=number)
