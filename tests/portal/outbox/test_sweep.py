"""The sweep issues again what is overdue, for every tenant, and settles what died in the act."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from portal.outbox import tasks
from portal.outbox.models import Message, PlatformMessage
from portal.outbox.post import put
from portal.tenants import wall

pytestmark = pytest.mark.django_db


@pytest.fixture
def issued(monkeypatch):
    """What went to the broker."""
    sent = []
    monkeypatch.setattr(tasks.deliver_message, "apply_async", lambda args, **_: sent.append(args))
    return sent


def write(tenant, reference, **state):
    with wall.tenant(tenant):
        message = put(
            tenant_id=tenant.pk, to="a@b.example", subject="s", text="t", html="", headers={}, reference=reference
        )
        Message.objects.filter(pk=message.pk).update(**state)
    return message.pk


def test_overdue_messages_of_every_tenant_are_issued_again(acme, globex, issued):
    hour = timedelta(hours=1)
    due = [
        (acme.pk, write(acme, "new")),
        (globex.pk, write(globex, "retry", next_attempt_at=Now() - hour)),
    ]
    write(acme, "claim ran out", claimed_until=Now() - hour)  # whoever sends the first goes on with it
    write(acme, "not yet", next_attempt_at=Now() + hour)
    write(acme, "claimed", claimed_until=Now() + timedelta(minutes=5))
    write(acme, "done", state="sent")
    lost = write(globex, "died", state="sending", claimed_until=Now() - hour)
    busy = write(globex, "busy", state="sending", claimed_until=Now() + timedelta(minutes=5))
    assert tasks.sweep_outbox() == 2
    assert issued == due
    with wall.tenant(globex):
        states = dict(Message.objects.values_list("pk", "state"))
    assert (states[lost], states[busy]) == ("unknown", "sending")


def test_a_silent_broker_leaves_the_rows_for_the_next_sweep(acme, monkeypatch):
    write(acme, "new")

    def refuse(*_, **__):
        raise OSError

    monkeypatch.setattr(tasks.deliver_message, "apply_async", refuse)
    assert tasks.sweep_outbox() == 0


def test_the_task_opens_its_tenants_wall_and_no_other(acme, globex):
    pk = write(acme, "new")
    tasks.deliver_message(globex.pk, pk)
    with wall.tenant(acme):
        assert Message.objects.get().state == "pending"
    tasks.deliver_message(acme.pk, pk, unknown_argument=1)
    with wall.tenant(acme):
        assert Message.objects.get().state == "sent"


def test_old_letters_to_people_are_forgotten_once_they_ended(db):
    def letter(reference, days, state):
        message = put(tenant_id=None, to="a@b.example", subject="s", text="t", html="", headers={}, reference=reference)
        PlatformMessage.objects.filter(pk=message.pk).update(created_at=Now() - timedelta(days=days), state=state)

    letter("old", 91, "sent")
    letter("old stranger's", 91, "suppressed")
    letter("old and waiting", 91, "pending")
    letter("young", 89, "sent")
    tasks.sweep_outbox()

    assert set(PlatformMessage.objects.values_list("reference", flat=True)) == {"old and waiting", "young"}
