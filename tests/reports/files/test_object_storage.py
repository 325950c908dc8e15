"""Exports in a bucket: made on one host, handed out by another, gone when they expire."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.utils import timezone

from reports.files import jobs, making, sweep
from reports.files.models import Export, State
from tests import factories
from tests.reports.files.conftest import left
from tests.s3 import Server

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(bucket) -> Server:
    return Server(bucket(True).port, "exports")


@pytest.fixture
def export(behind_acme, sales, ana, ask, server) -> Export:
    """A file of thirty calls that waits to be made."""
    for number in range(30):
        factories.call(sales, f"c{number}", started_at=factories.TIME_ZERO + timedelta(minutes=number))
    return ask(ana, what="calls", format="csv", date_from="2026-07-08", date_to="2026-07-08")


def name_of(export: Export) -> str:
    return f"{export.tenant_id}/{export.file}"


def download(client, export: Export):
    return client.get(f"/t/{export.tenant.slug}/exports/{export.public_id}/download/")


def become_another_host(settings, tmp_path) -> None:
    settings.DATA_DIR = tmp_path / "other"


def test_another_host_hands_it_out(export, server, client, ana, settings, tmp_path):
    assert making.make(export.pk)
    export.refresh_from_db()
    assert server.names() == {name_of(export)}
    assert left(tmp_path) == []
    become_another_host(settings, tmp_path)
    client.force_login(ana)
    answer = download(client, export)
    content = b"".join(answer.streaming_content)
    assert answer.status_code == 200
    assert content == server.content(name_of(export))
    assert content.count(b"\r\n") == 31
    assert answer["Content-Length"] == str(len(content))
    assert answer["Digest"] == f"sha-256={base64.b64encode(hashlib.sha256(content).digest()).decode()}"


def test_a_storage_that_is_away_is_told(export, server, bucket, client, ana):
    bucket(False)
    making.make(export.pk)
    export.refresh_from_db()
    assert export.state == State.FAILED
    assert "does not answer" in export.error
    bucket(True)
    export.state, export.error = State.WAITING, ""
    export.save()
    assert making.make(export.pk)
    client.force_login(ana)
    bucket(False)
    answer = download(client, export)
    assert answer.status_code == 503
    assert "does not answer" in answer.content.decode()
    bucket(True)
    server.delete(name_of(Export.objects.get()))
    assert download(client, export).status_code == 410


def test_it_goes_when_it_expires_or_is_deleted(export, server, ask, ana, acme, django_capture_on_commit_callbacks):
    assert making.make(export.pk)
    other = ask(ana, what="calls", format="csv", date_from="2026-07-08", date_to="2026-07-08")
    assert making.make(other.pk)
    assert len(server.names()) == 2
    Export.objects.filter(pk=export.pk).update(expires_at=timezone.now() - timedelta(hours=1))
    sweep.sweep()
    other.refresh_from_db()
    assert server.names() == {name_of(other)}
    with django_capture_on_commit_callbacks(execute=True):
        jobs.delete(other, jobs.Asker(acme.pk, user=ana))
    assert server.names() == set()


def test_what_could_not_be_removed_goes_later(export, server, bucket):
    """The storage was away when it expired, and a worker died between saving a file and writing its row."""
    assert making.make(export.pk)
    export.refresh_from_db()
    server.put(f"{export.tenant_id}/left", b"1")
    server.put("99999/of-a-tenant-that-is-gone", b"1")
    Export.objects.filter(pk=export.pk).update(expires_at=timezone.now() - timedelta(hours=1))
    bucket(False)
    sweep.sweep()
    export.refresh_from_db()
    assert export.state == State.EXPIRED
    bucket(True)
    cache.clear()
    sweep.sweep()
    assert len(server.names()) == 3  # so young that somebody may be about to write their rows
    cache.clear()
    with time_machine.travel(datetime.fromtimestamp(server.now(), UTC) + timedelta(hours=7)):
        sweep.sweep()
    assert server.names() == set()
