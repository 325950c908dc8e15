"""Administrators are told of each problem once, and once when it is over, by a mail of the outbox."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from portal.outbox import post
from portal.outbox.models import PlatformMessage, State
from portal.site import alarms
from portal.site.models import Alarm, Heartbeat
from portal.site.schedules import QUEUES
from portal.tenants import wall
from portal.tenants.models.people import User
from sync.models.connections import Connection, ConnectionState
from tests.walls.rows import row_of

NOON = datetime(2026, 7, 8, 12, tzinfo=UTC)


pytestmark = pytest.mark.usefixtures("running_broker")


@pytest.fixture
def clock(db):
    with time_machine.travel(NOON, tick=False) as traveller:
        beat()
        yield traveller


@pytest.fixture
def root(db) -> User:
    return User.objects.create_superuser("root@ringbook.example", "correct horse battery")


def beat(*but: str) -> None:
    """A minute in which every queue but these is served, and mails leave."""
    PlatformMessage.objects.update(state=State.SENT)
    for queue in set(QUEUES) - set(but):
        Heartbeat.objects.update_or_create(queue=queue, defaults={"at": timezone.now()})


def mails() -> list[PlatformMessage]:
    return list(PlatformMessage.objects.order_by("pk"))


def test_nothing_wrong_tells_nobody(clock, root) -> None:
    alarms.watch()
    assert not mails()
    assert not Alarm.objects.exists()


def test_a_silent_queue_is_told_once_and_once_when_it_is_over(clock, root) -> None:
    for minutes in range(0, 60, 2):
        clock.move_to(NOON + timedelta(minutes=minutes))
        beat("reading")
        alarms.watch()
    (told,) = mails()
    assert (told.to, told.subject) == (root.email, "Needs you: Work that nobody does · reading")
    assert "Work that nobody does · reading" in told.text
    for minutes in range(60, 120, 2):
        clock.move_to(NOON + timedelta(minutes=minutes))
        beat()
        alarms.watch()
    _, over = mails()
    assert over.subject == "Over: Work that nobody does · reading"
    assert "Over: Work that nobody does · reading" in over.text
    alarm = Alarm.objects.get()
    assert (alarm.key, alarm.closed_at is not None) == ("queue:reading", True)


def test_what_comes_back_soon_is_the_same_problem(clock, root) -> None:
    for minutes in range(0, 120, 5):
        clock.move_to(NOON + timedelta(minutes=minutes))
        beat(*(["mail"] if minutes % 20 else []))
        if minutes % 20:
            Heartbeat.objects.filter(queue="mail").update(at=NOON - timedelta(hours=1))
        alarms.watch()
    assert len(mails()) == 1
    assert Alarm.objects.get().closed_at is None


def test_many_problems_at_once_are_one_mail(clock, root, acme) -> None:
    with wall.tenant(acme):
        rows = [row_of(Connection, acme, {}) for _ in range(40)]
        first = rows[0]
        for row in rows:
            Connection.objects.filter(pk=row.pk).update(state=ConnectionState.REJECTED, state_since=NOON)
    alarms.watch()
    (told,) = mails()
    assert told.subject == "40 problems need you, first: Rejected tokens · Acme · " + first.environment.name
    assert "Rejected tokens · Acme" in told.text
    assert "10 more" in told.text


def test_who_is_written_to(clock, root, settings) -> None:
    User.objects.create_superuser("gone@ringbook.example", is_active=False)
    User.objects.create_user("nobody@ringbook.example")
    brasil = User.objects.create_superuser("brasil@ringbook.example", language="pt-br")
    assert alarms.readers() == {root.email: "en", brasil.email: "pt-br"}
    settings.ALARM_MAILS = ["Ops@Example.com"]
    assert alarms.readers() == {"ops@example.com": "en"}


def test_a_mail_is_in_its_readers_language(clock, root) -> None:
    User.objects.filter(pk=root.pk).update(language="pt-br")
    clock.move_to(NOON + timedelta(minutes=10))
    beat("files")
    alarms.watch()
    assert mails()[0].subject == "Precisa de você: Trabalho que ninguém faz · files"
    assert "Work that" not in mails()[0].text


@pytest.mark.django_db(transaction=True)
def test_who_is_no_administrator_any_more_is_not_told() -> None:
    user = User.objects.create_superuser("root@ringbook.example", "correct horse battery")
    alarms.watch()  # no queue is served
    User.objects.filter(pk=user.pk).update(is_staff=False)
    assert post.deliver(PlatformMessage.objects.get().pk, PlatformMessage) == State.SUPPRESSED


@pytest.mark.django_db(transaction=True)
def test_the_machines_own_clock_tells_when_every_worker_is_gone(settings, tmp_path) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "portal.outbox.folder.FolderBackend", tmp_path
    User.objects.create_superuser("root@ringbook.example", "correct horse battery")
    call_command("sweep", "--json")
    (mail,) = tmp_path.glob("*.eml")
    assert b"problems need you" in mail.read_bytes()


def test_a_subject_stays_one_short_line(clock, root, acme) -> None:
    """A mail program shows some sixty characters of it; a header has no room for a tenant's endless name."""
    type(acme).objects.filter(pk=acme.pk).update(name="A" * 120)
    with wall.tenant(acme):
        row = row_of(Connection, acme, {})
        Connection.objects.filter(pk=row.pk).update(state=ConnectionState.REJECTED, state_since=NOON)
    alarms.watch()
    (mail,) = mails()
    assert mail.subject.startswith("Needs you: Rejected tokens · AAAA")
    assert len(mail.subject) <= 120
