"""A row is worked on by one process at a time, and a late one changes nothing."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from portal.outbox.models import Message
from portal.work.hints import hint
from portal.work.leases import Lease

LEASE = Lease(timedelta(minutes=6), until="claimed_until")


@pytest.fixture
def message(behind_acme) -> Message:
    return Message.objects.create(
        tenant=behind_acme, to="lead@acme.example", subject="Week", text="", html="", reference="r", message_id="<r@x>"
    )


def free() -> bool:
    return Message.objects.filter(LEASE.free()).exists()


def test_a_claimed_row_is_not_free_until_its_lease_runs_out(message):
    assert free()
    assert LEASE.claim(Message.objects.filter(LEASE.free(), pk=message.pk))
    assert not free()
    assert not LEASE.claim(Message.objects.filter(LEASE.free(), pk=message.pk))
    Message.objects.update(claimed_until=Now() - timedelta(seconds=1))
    assert free()


def test_a_holder_whose_row_was_claimed_anew_neither_holds_nor_settles_it(message):
    LEASE.claim(Message.objects.filter(pk=message.pk))
    late = Message.objects.get()
    LEASE.claim(Message.objects.filter(pk=message.pk))
    assert not LEASE.hold(LEASE.held(Message.objects.all(), late), last_reply="late")
    assert not LEASE.settle(LEASE.held(Message.objects.all(), late), last_reply="late")
    holder = Message.objects.get()
    assert (holder.attempts, holder.last_reply) == (2, "")
    assert holder.claimed_until is not None
    assert LEASE.settle(LEASE.held(Message.objects.all(), holder), last_reply="done")
    assert free()


def test_holding_renews_the_lease(message):
    LEASE.claim(Message.objects.filter(pk=message.pk))
    holder = Message.objects.get()
    Message.objects.update(claimed_until=F("claimed_until") - timedelta(minutes=5))
    with transaction.atomic():
        assert LEASE.hold(LEASE.held(Message.objects.all(), holder))
    assert Message.objects.get().claimed_until >= holder.claimed_until


class _Away:
    def apply_async(self, *_args: object, **_options: object) -> None:
        raise OperationalError("no broker")


def test_a_hint_that_no_broker_takes_is_no_failure():
    assert not hint(_Away(), 1, expires=50)
