"""A file is a row before it is made: claimed once, whole or not at all, and only for whoever may see what it shows."""

import csv
import hashlib
import io
import os
import re
import stat
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone, translation

from portal.audit.models import Entry
from portal.env import BASE_DIR
from portal.storage import NotThere
from portal.tenants import wall
from portal.tenants.guards import membership_of
from portal.tenants.models.grants import Grant
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.people import Membership
from portal.tenants.models.tenants import Tenant
from reports.columns import engine
from reports.files import as_csv, caps, downloads, folder, jobs, making, sweep
from reports.files.caps import TooMany
from reports.files.models import Export, State
from reports.files.orders import Order, title_of
from reports.files.tasks import hint_waiting
from reports.queries.question import QuestionError
from tests import factories
from tests.reports.files.conftest import file_of, left


@pytest.fixture
def calls(behind_acme, sales, care):
    agent = factories.agent(sales, "agent-1")
    for number in range(30):
        factories.call(
            (sales, care)[number % 2],
            f"c{number}",
            agent=agent if number % 2 == 0 else None,
            started_at=factories.TIME_ZERO + timedelta(minutes=number),
        )


def made(row):
    assert making.make(row.pk)
    row.refresh_from_db()
    return row


def test_a_file_is_made_whole_with_its_sum_and_told_of(calls, ana, ask):
    row = made(ask(ana, what="calls", format="csv", date_from="2026-07-08", date_to="2026-07-08"))
    path = file_of(row)
    content = path.read_bytes()
    assert row.state == State.READY
    assert (row.done, row.expected, row.bytes) == (30, 30, len(content))
    assert row.sha256 == hashlib.sha256(content).hexdigest()
    assert len(list(csv.reader(io.StringIO(content.decode())))) == 31
    assert row.name == "acme-calls-2026-07-08-incomplete.csv"  # nothing was read whole
    assert row.complete is False
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert left(path.parent) == [row.file]
    assert timedelta(days=6) < row.expires_at - timezone.now() <= timedelta(days=7)
    acts = [entry.action for entry in Entry.objects.order_by("id")]
    assert acts == ["export.asked"]


@pytest.mark.parametrize("form", ["csv", "xlsx", "parquet", "pdf"])
def test_every_format_of_calls_and_of_a_report(calls, ana, ask, form):
    row = made(ask(ana, what="calls", format=form, date_from="2026-07-08", date_to="2026-07-08"))
    assert (row.state, row.done, row.error) == (State.READY, 30, "")
    row = made(ask(ana, what="report", report="agents", format=form, date_from="2026-07-08", date_to="2026-07-08"))
    assert (row.state, row.error) == (State.READY, "")
    assert row.done == row.expected > 0
    assert row.name.endswith(f".{form}")
    beginnings = {"csv": b"agent_name,", "xlsx": b"PK", "parquet": b"PAR1", "pdf": b"%PDF"}
    assert file_of(row).read_bytes().startswith(beginnings[form])


def test_a_file_is_in_the_language_of_whoever_asked(calls, ana, ask):
    with translation.override("pt-br"):
        row = ask(ana, what="calls", format="csv", dialect="excel-pt")
    row = made(row)
    assert row.language == "pt-br"
    content = file_of(row).read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    assert '"Direção"' in content.decode()
    for_excel = made(ask(ana, what="calls", format="csv", dialect="excel-pt"))  # in its language, asked in any
    assert (for_excel.language, file_of(for_excel).read_bytes()) == ("pt-br", content)
    plain = made(ask(ana, what="calls", format="csv"))
    assert file_of(plain).read_bytes().startswith(b"started_at,from,to,agent_name,")


def test_a_report_is_called_by_what_it_asks_in_the_language_of_whoever_looks(calls, ana, ask):
    row = ask(ana, what="report", metrics="attempts,connect_rate,connected", by="day,agent")
    ready = ask(ana, what="report", report="agents")
    assert title_of(row) == "Attempts, Connect rate and 1 more by day, agent"
    with translation.override("pt-br"):
        assert title_of(row) == "Tentativas, Taxa de atendimento e mais 1 por dia, agente"
        assert title_of(ready) == "Agentes lado a lado"


def test_what_cannot_be_asked_makes_no_row(calls, ana, ask):
    for params, name in (
        ({"what": "secrets"}, "what"),
        ({"format": "exe"}, "format"),
        ({"format": "csv", "dialect": "klingon"}, "dialect"),
        ({"what": "report", "report": "nothing"}, "report"),
        ({"what": "report", "metrics": "nothing"}, "metrics"),
        ({"date_from": "yesterday"}, "date_from"),
        ({"ordering": "price"}, "ordering"),
    ):
        with pytest.raises(QuestionError) as refused:
            ask(ana, **params)
        assert name in refused.value.errors
    assert not Export.objects.exists()


def test_a_tenant_has_a_bounded_number_under_way(calls, ana, ask, monkeypatch):
    monkeypatch.setattr(caps, "MOST_OPEN", 2)
    ask(ana), ask(ana)
    with pytest.raises(TooMany):
        ask(ana)


def test_one_asker_leaves_room_for_the_others(calls, ana, bruno, ask):
    for _ in range(caps.MOST_OPEN_OF_ONE):
        ask(bruno)
    with translation.override("pt-br"), pytest.raises(TooMany, match="5 dos seus arquivos") as told:
        ask(bruno)
    assert told.value.status == 429
    assert ask(ana).state == State.WAITING


def test_deleting_files_does_not_make_asking_free(calls, acme, ana, bruno, ask, monkeypatch):
    monkeypatch.setattr(caps, "MOST_PER_HOUR", 3)
    asker = jobs.Asker(acme.pk, user=bruno)
    for _ in range(3):
        jobs.delete(ask(bruno), asker)
    with pytest.raises(TooMany, match="3 files within the hour"):
        ask(bruno)
    ask(ana)
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        ask(bruno)


@pytest.mark.django_db(transaction=True)
def test_who_asks_at_the_same_moment_is_counted_too(acme, sales, ana, ask, monkeypatch):
    monkeypatch.setattr(caps, "MOST_OPEN_OF_ONE", 2)
    together, answers = threading.Barrier(5), []

    def press():
        try:
            together.wait()
            with wall.tenant(acme):
                answers.append(ask(ana, format="csv").state)
        except TooMany as error:
            answers.append(error.status)
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, answers)) == ["429", "429", "429", "waiting", "waiting"]


def test_a_file_goes_once_its_row_is_gone_for_good(calls, ana, ask, django_capture_on_commit_callbacks):
    row = made(ask(ana, format="csv"))
    asker = jobs.Asker(row.tenant_id, user=ana)
    with django_capture_on_commit_callbacks(), transaction.atomic():
        jobs.delete(row, asker)
        transaction.set_rollback(True)
    assert file_of(row).exists()
    with django_capture_on_commit_callbacks(execute=True):
        jobs.delete(row, asker)
    assert not file_of(row).exists()


def test_the_files_of_a_tenant_have_a_bounded_room(calls, ana, ask, monkeypatch, settings):
    row = made(ask(ana, format="csv"))
    settings.EXPORTS_ROOM = row.bytes
    with pytest.raises(TooMany, match="Delete some") as told:
        ask(ana)
    assert told.value.status == 409
    jobs.delete(row, jobs.Asker(row.tenant_id, user=ana))
    ask(ana)


@pytest.mark.parametrize(("brand", "named"), [("Voz Clara", "Voz Clara"), ("", "Ringbook")])
def test_a_pdf_names_the_portal_as_the_company_does(calls, acme, ana, ask, monkeypatch, brand, named):
    Tenant.objects.filter(pk=acme.pk).update(brand_name=brand)
    told = []
    monkeypatch.setattr("reports.files.as_pdf._typeset", lambda data: told.append(data) or b"%PDF-")
    made(ask(ana, format="pdf", language="en"))
    assert told[0]["made"].startswith(f"Made by {named} on ")


def test_a_pdf_that_grows_too_long_before_it_is_made_says_what_to_choose_instead(calls, ana, ask, monkeypatch):
    row = ask(ana, format="pdf")
    monkeypatch.setattr("reports.files.as_pdf.MOST_CELLS", 90)
    assert not making.make(row.pk)
    row.refresh_from_db()
    assert row.state == State.FAILED
    assert "Choose a shorter period, XLSX or CSV" in row.error
    assert left(folder.place(row.tenant_id, "x").parent) == []


# --- rights -----------------------------------------------------------------------------------------------------------


def handed_out(row, user):
    found = downloads.hand_out(row, jobs.Asker(row.tenant_id, user=user))
    content = b"".join(found.streaming_content)
    found.file_to_stream.close()
    return found, content


def test_the_download_is_the_file_and_is_audited(calls, ana, ask):
    row = made(ask(ana, format="csv"))
    found, content = handed_out(row, ana)
    assert hashlib.sha256(content).hexdigest() == found["X-Content-SHA256"] == row.sha256
    assert found["Content-Length"] == str(len(content))
    assert found["Content-Disposition"] == f'attachment; filename="{row.name}"'
    entry = Entry.objects.latest("id")
    assert (entry.action, entry.user, entry.about["rows"]) == ("export.downloaded", ana, 30)


@pytest.mark.parametrize(
    "narrow",
    [
        lambda grant, sales: grant.agent_keys.append("agent-1"),
        lambda grant, sales: setattr(grant, "sees_numbers", False),
        lambda grant, sales: (setattr(grant, "all_environments", False), grant.environments.set([sales])),
    ],
    ids=["agents", "numbers", "environments"],
)
def test_who_sees_less_by_now_does_not_get_the_file(calls, ana, ask, sales, narrow):
    row = made(ask(ana, format="csv"))
    grant = Membership.objects.get(user=ana).grant
    narrow(grant, sales)
    grant.save()
    with pytest.raises(downloads.Refused) as refused:
        handed_out(row, ana)
    assert refused.value.status == 403


def test_a_file_of_what_one_still_sees_is_handed_out(calls, ana, ask, sales):
    row = made(ask(ana, format="csv", environment=str(sales.public_id)))
    grant = Membership.objects.get(user=ana).grant
    grant.all_environments = False
    grant.save()
    grant.environments.set([sales])
    assert handed_out(row, ana)[0].status_code == 200


def test_a_member_who_left_gets_nothing(calls, ana, ask):
    row, waiting = made(ask(ana, format="csv")), ask(ana)
    Membership.objects.get(user=ana).delete()
    with pytest.raises(downloads.Refused) as refused:
        handed_out(row, ana)
    assert refused.value.status == 403
    assert not making.make(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.error) == (State.FAILED, "You may not see these data any more.")


def test_numbers_are_masked_for_who_may_not_see_them(calls, bruno, ask):
    row = made(ask(bruno, format="csv"))
    text = file_of(row).read_text()
    assert row.done == 15  # his one environment
    assert "987654321" not in text
    assert "4321" in text


# --- faults -----------------------------------------------------------------------------------------------------------


def test_a_full_disk_is_told_in_words_and_leaves_nothing(calls, ana, ask, monkeypatch):
    real = folder.Draft.write

    def full(draft, data):
        size = real(draft, data)
        if isinstance(draft._file, io.BytesIO):  # let go
            return size
        raise OSError(28, "No space left on device")

    for form in ("csv", "xlsx", "parquet"):
        with monkeypatch.context() as patch:
            patch.setattr(folder.Draft, "write", full)
            row = ask(ana, format=form)
            assert not making.make(row.pk)
        row.refresh_from_db()
        assert row.state == State.FAILED
        assert "disk is full" in row.error
        assert left(folder.place(row.tenant_id, "x").parent) == [], form


def test_a_fault_of_ours_is_told_and_leaves_nothing(calls, ana, ask, monkeypatch, caplog):
    monkeypatch.setattr(as_csv, "pieces", lambda *args: iter(["a", 1 / 0 if args else ""]))
    row = ask(ana, format="csv")
    assert not making.make(row.pk)
    row.refresh_from_db()
    assert (row.state, row.file) == (State.FAILED, "")
    assert "The fault is ours" in row.error
    assert left(folder.place(row.tenant_id, "x").parent) == []


def test_figures_that_cannot_be_computed_now_are_asked_for_again_a_few_times(calls, ana, ask, monkeypatch):
    report = {"what": "report", "query": "metrics=attempts&date_from=2026-07-06&date_to=2026-07-12", "format": "csv"}
    gone, kept = ask(ana, **report), ask(ana, **report)
    with monkeypatch.context() as patch:
        patch.setattr(engine, "run", _not_there)
        assert not making.make(kept.pk)
        kept.refresh_from_db()
        assert (kept.state, kept.file) == (State.WAITING, "")
        for attempt in range(jobs.MOST_ATTEMPTS):
            assert not making.make(gone.pk), attempt
    gone.refresh_from_db()
    assert (gone.state, gone.error) == (
        State.FAILED,
        "The data changed while this was answered. Ask again in a moment.",
    )
    assert made(kept).state == State.READY


def _not_there(_statement, **_limits):
    raise NotThere("a path of ours")


def test_a_row_that_is_claimed_is_left_alone(calls, ana, ask):
    row = ask(ana, format="csv")
    assert jobs.claim(row.pk)
    assert not making.make(row.pk)
    row.refresh_from_db()
    assert (row.state, row.attempts) == (State.RUNNING, 1)


def test_a_busy_host_takes_no_second_file(calls, ana, ask):
    first, second = ask(ana), ask(ana)
    assert jobs.claim(first.pk)
    assert jobs.claim(second.pk) is None
    with_dead_holder = Export.objects.filter(pk=first.pk)
    with_dead_holder.update(owner=f"{jobs.host()}:999999:1")
    assert jobs.claim(second.pk)


def test_a_dead_makers_row_is_made_again_and_given_up_after_some_deaths(calls, ana, ask):
    row = ask(ana, format="csv")
    for death in range(jobs.MOST_ATTEMPTS):
        claimed = jobs.claim(row.pk)
        assert claimed, death
        with folder.draft(row.tenant_id, claimed.file, lambda: None) as draft:  # what its death leaves
            draft.write(b"half a file")
            kept = folder.place(row.tenant_id, f".{claimed.file}.part")
            kept.rename(kept.with_suffix(".kept"))
        kept.with_suffix(".kept").rename(kept)
        Export.objects.filter(pk=row.pk).update(owner=f"{jobs.host()}:999999:1")
        assert sweep.sweep() == 1
        assert left(kept.parent) == []
    row.refresh_from_db()
    assert row.state == State.FAILED
    assert "several times" in row.error


def test_another_hosts_maker_is_waited_for_until_its_lease_ends(calls, ana, ask):
    row = ask(ana, format="csv")
    claimed = jobs.claim(row.pk)
    Export.objects.filter(pk=row.pk).update(owner="elsewhere:1:1")
    assert sweep.sweep() == 0
    Export.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert sweep.sweep() == 1
    with pytest.raises(jobs.Lost):  # the one that slept wakes up
        jobs.hold(claimed)
    assert not jobs.ready(claimed)
    assert made(row).state == State.READY


def test_a_row_that_is_taken_away_while_it_is_made_leaves_no_file(calls, ana, ask, monkeypatch):
    row = ask(ana, format="csv")
    real = folder.Draft.publish

    def withdrawn(draft):
        found = real(draft)
        jobs.delete(Export.objects.get(pk=row.pk), jobs.Asker(row.tenant_id, user=ana))
        return found

    monkeypatch.setattr(folder.Draft, "publish", withdrawn)
    assert not making.make(row.pk)
    assert left(folder.place(row.tenant_id, "x").parent) == []


def test_what_is_old_goes_with_its_file(calls, ana, ask):
    row = made(ask(ana, format="csv"))
    path = file_of(row)
    stray = path.with_name("0" * 40)
    stray.write_bytes(b"x")
    Export.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    sweep.sweep()
    row.refresh_from_db()
    assert row.state == State.EXPIRED
    assert left(path.parent) == [stray.name]  # young: somebody may be about to name it
    with pytest.raises(downloads.Refused) as refused:
        handed_out(row, ana)
    assert refused.value.status == 410
    os.utime(stray, (0, 0))
    Export.objects.filter(pk=row.pk).update(expires_at=timezone.now() - sweep.REMEMBERED - timedelta(days=1))
    sweep.sweep()
    assert left(path.parent) == []
    assert not Export.objects.exists()


def test_the_files_of_a_tenant_that_is_gone_go_too(calls, ana, ask):
    row = made(ask(ana, format="csv"))
    gone = file_of(row).parent.with_name("987654")
    gone.mkdir()
    (gone / "file").write_bytes(b"x")
    sweep.sweep()
    assert not gone.exists()
    assert file_of(row).exists()


def test_a_file_that_is_not_on_this_host_is_told_of(calls, ana, ask):
    row = made(ask(ana, format="csv"))
    file_of(row).unlink()
    with pytest.raises(downloads.Refused) as refused:
        handed_out(row, ana)
    assert refused.value.status == 410


def test_tenants_take_turns(calls, ana, ask, acme, globex, carla, foreign, monkeypatch):
    ours = [ask(ana), ask(ana)]
    with wall.tenant(globex):
        theirs = ask(carla, slug="globex")
    assert jobs.waiting() == [(acme.pk, ours[0].pk), (globex.pk, theirs.pk), (acme.pk, ours[1].pk)]
    said = []
    monkeypatch.setattr("reports.files.tasks.hint", lambda *pair: said.append(pair) or True)
    hint_waiting(after=acme.pk)
    assert said[0] == (globex.pk, theirs.pk)


def test_a_key_that_is_revoked_gets_nothing(calls, acme, data_dir):
    grant = Grant.objects.create(tenant=acme, sees_numbers=True)
    key = ApiKey.objects.create(tenant=acme, name="k", hint="ring_", digest="0" * 64, grant=grant)
    order = Order("calls", "zone=UTC", "csv", "csv")
    row = made(jobs.ask(order, jobs.Asker(acme.pk, key=key), lambda *pair: None))
    assert downloads.may_have(Export.objects.get(pk=row.pk))
    ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
    assert not downloads.may_have(Export.objects.get(pk=row.pk))


DYING = """
import sys
import django
django.setup()
from portal.tenants import wall
from reports.files import folder, making

real = folder.Draft.write

def write(draft, data):
    size = real(draft, data)
    draft.flush()
    print("writing", flush=True)
    sys.stdin.read()  # until it is killed

folder.Draft.write = write
with wall.tenant(int(sys.argv[1])):
    making.make(int(sys.argv[2]))
"""


@pytest.mark.fault
@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_in_the_middle_leaves_a_job_for_another(acme, sales, ana, ask, data_dir):
    with wall.tenant(acme):
        for number in range(3):
            factories.call(sales, f"c{number}")
        row = ask(ana, format="csv")
    name = connection.settings_dict["NAME"]
    url = re.sub(r"/[^/?]*$", f"/{name}", os.environ["DATABASE_URL"])
    environment = os.environ | {"DATA_DIR": str(data_dir), "DATABASE_URL": url, "SECRET_KEY": settings.SECRET_KEY}
    environment["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    command = [sys.executable, "-c", DYING, str(acme.pk), str(row.pk)]
    with subprocess.Popen(command, env=environment, stdin=-1, stdout=-1, cwd=BASE_DIR, text=True) as worker:
        assert worker.stdout.readline() == "writing\n"
        with wall.tenant(acme):
            row.refresh_from_db()
            assert row.state == State.RUNNING
            assert not file_of(row).exists()  # nothing under a name that is handed out
            assert left(data_dir / "exports")
            assert sweep.sweep() == 0  # it lives
        worker.kill()
    with wall.tenant(acme):
        assert sweep.sweep() == 1
        assert left(data_dir / "exports") == []
        row = made(row)
        assert (row.done, row.attempts) == (3, 2)


@pytest.mark.fault
@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_make_one_file(acme, sales, ana, ask):
    with wall.tenant(acme):
        factories.call(sales, "c")
        row = ask(ana, format="csv")
    results = []

    def work():
        try:
            with wall.tenant(acme):
                results.append(making.make(row.pk))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False, False, False, True]
    with wall.tenant(acme):
        row.refresh_from_db()
        assert (row.state, row.attempts) == (State.READY, 1)
        assert left(file_of(row).parent) == [row.file]
        assert membership_of(ana, "acme")
