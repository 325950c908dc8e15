"""Several senders at once, over a real mail server: each reader gets each period once."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection

from portal.outbox import post
from portal.outbox import tasks as outbox_tasks
from portal.outbox.models import Message
from portal.tenants import wall
from portal.work.clock import database_now
from reports.mail import send
from reports.mail.due import next_due
from reports.mail.models import Delivery, Recipient, Subscription
from reports.mail.send import SendSummary, send_due
from reports.mail.subscriptions import add_recipient
from tests.conftest import member
from tests.portal.outbox.sink import Sink
from tests.reports.mail.conftest import DUE, HOUR, delivered

READERS = 6


@pytest.fixture
def sink(settings):
    with Sink() as server:
        settings.EMAIL_BACKEND = "portal.outbox.smtp.SmtpBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_TIMEOUT = 5
        yield server


@pytest.fixture
def readers(acme, weekly):
    with wall.tenant(acme):
        for number in range(READERS - 1):
            reader = member(acme, f"reader{number}@acme.example", "viewer")
            add_recipient(weekly, reader.email, language="en")


def each_got_one(acme, sink) -> bool:
    received = Counter(to for to, _ in sink.taken)
    return received == Counter({row.recipient.email: 1 for row in delivered(acme)}) and len(received) == READERS


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_five_senders_at_once_send_each_reader_one_mail(acme, readers, sink):
    ready = threading.Barrier(5)

    def run(_number):
        """One sender, with a connection of its own."""
        try:
            ready.wait()
            return send_due(DUE + HOUR)
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as senders:
        summaries = list(senders.map(run, range(5)))
    assert sum(summaries, SendSummary()) == SendSummary(due=1, sent=READERS)
    assert each_got_one(acme, sink)


@pytest.mark.django_db(transaction=True)
def test_five_senders_one_after_another_send_each_reader_one_mail(acme, readers, sink):
    summaries = [send_due(DUE + HOUR) for _number in range(5)]
    assert summaries == [SendSummary(due=1, sent=READERS)] + [SendSummary()] * 4
    assert each_got_one(acme, sink)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["open_due", "claim", "make", "deliver"])
def test_senders_that_run_between_each_others_steps_send_each_reader_one_mail(
    acme, readers, sink, monkeypatch, step, when
):
    """SQLite lets one write at a time, so what several senders can do to each other is to come between two steps: at
    each of the first four times that a sender takes the step, another one begins and runs as far as it comes.
    """
    place = {
        "open_due": (send.deliveries, "open_due"),
        "claim": (send.deliveries, "claim"),
        "make": (send, "make"),
        "deliver": (post, "deliver"),
    }[step]
    real, summaries = getattr(*place), []
    others = iter(range(4))

    def another() -> None:
        assert not connection.in_atomic_block
        if next(others, None) is not None:
            summaries.append(send_due(DUE + HOUR))

    def interrupted(*args, **kwargs):
        if when == "before":
            another()
        found = real(*args, **kwargs)
        if when == "after":
            another()
        return found

    monkeypatch.setattr(*place, interrupted)
    summaries.append(send_due(DUE + HOUR))
    assert len(summaries) == 5
    assert sum(summaries, SendSummary()) == SendSummary(due=1, sent=READERS)
    assert each_got_one(acme, sink)


@pytest.mark.fault
@pytest.mark.django_db(transaction=True)
def test_a_clock_that_was_ahead_and_is_set_back_sends_no_period_twice(acme, weekly, readers, sink):
    """C4: sent half an hour too early by a clock an hour ahead; when its true hour comes, and when it is planned anew
    with the clock set back, the same period is in nobody's box a second time."""
    early = DUE - HOUR / 2
    assert send_due(early) == SendSummary()
    assert send_due(early + HOUR).sent == READERS
    for minutes in (0, 29, 30, 31, 90):
        assert send_due(early + timedelta(minutes=minutes)) == SendSummary()
    with wall.tenant(acme):
        Subscription.objects.filter(pk=weekly.pk).update(next_due=next_due(weekly.rhythm, early))
        assert Subscription.objects.get(pk=weekly.pk).next_due == DUE
    assert send_due(DUE) == SendSummary(due=1)
    assert each_got_one(acme, sink)


@pytest.mark.fault
@pytest.mark.django_db(transaction=True)
def test_a_message_claimed_by_a_clock_that_was_ahead_is_sent_once_and_soon(acme, readers, sink, monkeypatch):
    """C4: a sender that died with a claim of the future holds nobody's mail back, and doubles none."""
    with monkeypatch.context() as patch:
        patch.setattr(post, "deliver", lambda *_, **__: "")
        send_due(DUE)
    with wall.tenant(acme):
        assert Message.objects.count() == READERS
        Message.objects.update(claimed_until=database_now() + HOUR, attempts=1)
    for _ in range(2):
        sweep(monkeypatch)
    assert each_got_one(acme, sink)


@pytest.mark.fault
@pytest.mark.django_db(transaction=True)
def test_a_mail_whose_making_kills_its_maker_is_tried_five_times_and_the_others_leave(acme, readers, sink, monkeypatch):
    """P3: then it has failed, in words."""
    with wall.tenant(acme):
        deadly = Recipient.objects.order_by("pk").first()
    real, begun = send.make, []

    def make(delivery, *args, **kwargs):
        if delivery.recipient_id == deadly.pk:
            begun.append(delivery)
            raise Killed
        return real(delivery, *args, **kwargs)

    monkeypatch.setattr(send, "make", make)
    for _ in range(9):
        with suppress(Killed):
            send_due(DUE)
        with wall.tenant(acme):
            if len(begun) == 1:  # while its claim lasts, the others are served
                assert send_due(DUE + HOUR).sent == READERS - 1
            Delivery.objects.update(claimed_until=None)
    assert len(begun) == 5
    with wall.tenant(acme):
        assert Delivery.objects.get(recipient=deadly).state == "failed"
    assert len(sink.taken) == READERS - 1


class Killed(BaseException):
    """Stands for a process that ends on the spot: nothing catches it."""


@pytest.mark.fault
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("when", "point"),
    [
        ("after", "open_due"),
        ("after", "claim"),
        ("after", "put"),
        ("after", "settle"),
        ("before", "deliver"),
        ("after", "deliver"),
    ],
)
def test_a_sender_killed_at_any_point_leaves_each_reader_one_mail(acme, readers, sink, monkeypatch, point, when):
    place = {
        "open_due": (send.deliveries, "open_due"),
        "claim": (send.deliveries, "claim"),
        "put": (post, "put"),
        "settle": (send.deliveries, "settle"),
        "deliver": (post, "deliver"),
    }[point]
    real, calls = getattr(*place), []

    def die(*args, **kwargs):
        calls.append(1)
        if len(calls) < 3 and point != "open_due":  # two readers are served before
            return real(*args, **kwargs)
        if when == "after":
            real(*args, **kwargs)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(*place, die)
        with pytest.raises(Killed):
            send_due(DUE)
    with wall.tenant(acme):  # the claims of the dead run out
        Delivery.objects.exclude(claimed_until=None).update(claimed_until=DUE - timedelta(days=1))
    for minute in range(1, 4):
        send_due(DUE + timedelta(minutes=minute))
        sweep(monkeypatch)
    assert Counter(to for to, _ in sink.taken) == Counter({row.recipient.email: 1 for row in delivered(acme)})
    assert len(sink.taken) == READERS


def sweep(monkeypatch):
    """One pass of the outbox's sweep, its tasks run on the spot."""
    with monkeypatch.context() as patch:
        patch.setattr(
            outbox_tasks.deliver_message, "apply_async", lambda args, **_: outbox_tasks.deliver_message(*args)
        )
        outbox_tasks.sweep_outbox()
