"""The console's home: what is wrong now over all tenants, each with the way to mend it; calm when nothing is."""

import shutil
from collections import namedtuple
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from portal.audit.models import PlatformEntry
from portal.outbox import post
from portal.outbox.models import Message, State
from portal.privacy.models import Erasure
from portal.site import jobs
from portal.site.models import Heartbeat
from portal.site.schedules import QUEUES
from portal.site.wrongs import everything
from portal.site.wrongs.wrong import Kind
from portal.tenants import wall
from portal.tenants.models.people import User
from sync.models.changes import DirtyDay
from sync.models.connections import Connection, ConnectionState
from sync.models.quarantine import Quarantine
from sync.models.runs import Gap, Window
from tests.walls.rows import row_of


@pytest.fixture
def well(db, running_broker) -> None:
    """Every queue is served."""
    for queue in QUEUES:
        Heartbeat.objects.create(queue=queue, at=timezone.now())


@pytest.fixture
def root(client, db) -> User:
    user = User.objects.create_superuser("root@ringbook.example", "correct horse battery")
    client.force_login(user)
    return user


@pytest.fixture
def connection(acme, sales) -> Connection:
    with wall.tenant(acme):
        return Connection.objects.create(
            tenant=acme, environment=sales, provider="talkover", base_url="https://talkover.example/api/v1",
            token="talq_secret-of-this-test", token_fingerprint="f", since="2026-01-01", tested_at=timezone.now(),
        )  # fmt: skip


def window(connection: Connection, due: timedelta, **more) -> None:
    at = timezone.now() - due
    common = {"tenant_id": connection.tenant_id, "environment_id": connection.environment_id}
    Window.objects.create(stream="calls", part=str(at.date()), day=at.date(), next_attempt_at=at, **common, **more)


def found() -> dict[str, object]:
    return {wrong.kind: wrong for wrong in everything.found(timezone.now())}


def test_the_console_does_not_say_that_all_is_well_beside_mails_that_reach_nobody(client, root, well, settings) -> None:
    settings.EMAIL_BACKEND = "portal.outbox.folder.FolderBackend"
    page = client.get("/admin/").content.decode()
    assert "This portal has no mail server" in page
    assert "Nothing else is wrong." in page
    assert "Nothing is wrong." not in page


def test_calm_when_nothing_is_wrong(client, root, well, connection, settings) -> None:
    settings.BASE_URL = "http://portal.example"  # an address of this host alone is told above the alarms
    with wall.tenant(connection.tenant_id):
        window(connection, timedelta(minutes=5))
    page = client.get("/admin/").content.decode()
    assert found() == {}
    assert "Nothing is wrong." in page
    assert "UTC" in page


def test_each_kind_says_whose_how_many_since_when_and_the_way_to_mend_it(client, root, acme, globex, sales, connection):
    hours = timedelta(hours=2)
    now = timezone.now()
    with wall.tenant(acme):
        window(connection, timedelta(hours=7))
        Gap.objects.create(tenant=acme, environment=sales, stream="calls", part="x", fault="server", opened_at=now)
        row = row_of(Quarantine, acme, {type(sales): sales})
        Quarantine.objects.filter(pk=row.pk).update(released_at=None, accepted_at=None)
        DirtyDay.objects.create(tenant=acme, environment=sales, day=now.date(), since=now - hours)
        erasure = Erasure.objects.create(tenant=acme)
        Erasure.objects.filter(pk=erasure.pk).update(asked_at=now - hours)
        for number in range(2):
            mail = post.put(
                tenant_id=acme.pk, to="x@y.example", subject="s", text="t", html="", headers={}, reference=f"r{number}"
            )
            Message.objects.filter(pk=mail.pk).update(state=State.FAILED)
    wrongs = found()

    assert wrongs.keys() == {
        Kind.QUEUES, Kind.STALE, Kind.GAPS, Kind.QUARANTINE, Kind.COLUMNS, Kind.ERASURES, Kind.MAILS
    }  # fmt: skip
    assert wrongs[Kind.STALE].whose == "Acme · Sales"
    assert (wrongs[Kind.MAILS].whose, wrongs[Kind.MAILS].count) == ("Acme", 2)
    page = client.get("/admin/").content.decode()
    assert "Nothing is wrong." not in page
    for wrong in wrongs.values():
        assert wrong.whose in page
        assert wrong.link.replace("&", "&amp;") in page
        if wrong.link and not wrong.posted:
            assert client.get(wrong.link).status_code == 200, wrong.link
            listed = client.get(wrong.link).context
            days = wrong.kind == Kind.COLUMNS  # counted, and listed by their environments
            assert days or listed["cl"].result_count == wrong.count, wrong.link
    assert client.post(wrongs[Kind.STALE].link).status_code == 302
    client.cookies["django_language"] = "pt-br"
    root.language = "pt-br"
    root.save()
    told = client.get("/admin/").content.decode()
    assert "O que está errado agora" in told
    assert "What is wrong now" not in told


def test_a_rejected_token_leads_to_where_it_is_given_anew(client, root, well, connection) -> None:
    with wall.tenant(connection.tenant_id):
        Connection.objects.update(state=ConnectionState.REJECTED, state_since=timezone.now())
    wrong = found()[Kind.TOKENS]
    assert wrong.link == reverse("admin:sync_connection_change", args=[connection.pk])
    assert wrong.alarming


def test_a_closed_company_and_a_paused_connection_are_not_wrong(well, acme, connection) -> None:
    with wall.tenant(acme):
        window(connection, timedelta(days=2))
        Connection.objects.update(state=ConnectionState.PAUSED)
    assert found() == {}
    with wall.tenant(acme):
        Connection.objects.update(state=ConnectionState.OK)
    assert found().keys() == {Kind.STALE}
    acme.active = False
    acme.save()
    assert found() == {}


def test_a_full_disk_and_a_folder_that_takes_nothing(well, monkeypatch, settings, tmp_path) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage(100 * 2**30, 97 * 2**30, 3 * 2**30))
    assert "only 3.0\xa0GB of 100.0\xa0GB are free" in found()[Kind.STORAGE].what
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage(100 * 2**30, 50 * 2**30, 50 * 2**30))
    assert found() == {}
    monkeypatch.setattr("os.access", lambda *_: False)
    assert found()[Kind.STORAGE].key == "erasures"


def test_as_many_queries_for_many_tenants_as_for_few(
    well, acme, globex, sales, foreign, connection, django_assert_max_num_queries
):
    for tenant, environment in ((acme, sales), (globex, foreign)):
        with wall.tenant(tenant):
            Gap.objects.create(
                tenant=tenant, environment=environment, stream="calls", part="x", fault="server",
                opened_at=timezone.now(),
            )  # fmt: skip
    with django_assert_max_num_queries(24):
        everything.found(timezone.now())


def test_every_job_of_beat_has_words_and_is_asked_for_by_post(client, root, monkeypatch) -> None:
    assert {job.name for job in jobs.jobs()} == jobs.WORDS.keys()
    asked = []
    monkeypatch.setattr("portal.outbox.tasks.sweep_outbox.apply_async", lambda *_, **more: asked.append(more))
    assert client.get("/admin/jobs/outbox/").status_code == 200
    assert not asked
    assert client.post("/admin/jobs/outbox/").status_code == 302
    assert len(asked) == 1
    assert client.post("/admin/jobs/heartbeat-mail/").status_code == 404
    entry = PlatformEntry.objects.get(action="job.asked")
    assert (entry.user, entry.about) == (root, {"job": "outbox"})
