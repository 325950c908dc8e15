"""One tick of beat: a task for each tenant with work, a task for each message, and nothing twice."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail

from portal.outbox import tasks as outbox_tasks
from portal.tenants import wall
from reports.mail import tasks
from reports.mail.due import next_due
from reports.mail.models import DeliveryState, Subscription
from reports.schedules import SCHEDULE
from tests.reports.mail.conftest import DUE, delivered

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _on_that_monday():
    with time_machine.travel(DUE):
        yield


@pytest.fixture
def broker(monkeypatch):
    """Runs what is published on the spot, and tells what was."""
    published = []

    def publish(task):
        def apply_async(args, **options):
            published.append((task.__name__, args, options["queue"]))
            task(*args)

        return apply_async

    for task in (tasks.send_tenant_reports, outbox_tasks.deliver_message):
        monkeypatch.setattr(task, "apply_async", publish(task))
    return published


def test_a_tick_sends_what_is_due_by_way_of_tasks_that_carry_ids_only(acme, globex, weekly, broker):
    for _ in range(3):
        tasks.send_reports()
    [row] = delivered(acme)
    assert broker == [
        ("send_tenant_reports", (acme.pk,), "mail"),
        ("deliver_message", (acme.pk, row.message_id), "outbox"),
    ]
    assert len(mail.outbox) == 1


def test_a_silent_broker_delays_and_loses_nothing(acme, weekly, broker, monkeypatch):
    def refuse(*_, **__):
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(outbox_tasks.deliver_message, "apply_async", refuse)
        tasks.send_reports()
    assert mail.outbox == []
    outbox_tasks.sweep_outbox()
    assert len(mail.outbox) == 1
    with wall.tenant(acme):
        assert Subscription.objects.get().next_due > DUE


def test_the_schedule_names_tasks_that_exist():
    known = {tasks.send_reports.name, outbox_tasks.sweep_outbox.name}
    assert known <= {entry["task"] for entry in SCHEDULE.values()}
    assert all(entry["options"]["expires"] < entry["schedule"] for entry in SCHEDULE.values())


@pytest.mark.fault
@pytest.mark.parametrize("kind", ["daily", "weekly", "monthly"])
def test_a_clock_that_was_a_year_ahead_costs_no_report_and_doubles_none(acme, weekly, broker, kind):
    """Set back, mails come when they are due again, and what was opened ahead of time waits until it is."""
    with wall.tenant(acme):
        Subscription.objects.update(kind=kind, holds=True)
        row = Subscription.objects.get()
        Subscription.objects.update(next_due=next_due(row.rhythm, DUE - timedelta(days=2)))
    with time_machine.travel(DUE + timedelta(days=365), tick=False):
        tasks.send_reports()
    early = delivered(acme)
    assert [delivery.state for delivery in early] == [DeliveryState.HELD]
    asked = len(broker)
    with time_machine.travel(DUE - timedelta(days=1), tick=False):
        tasks.send_reports()
        tasks.send_reports()
    assert len(broker) == asked  # nothing is tried in vain
    with wall.tenant(acme):
        row = Subscription.objects.get()
        assert row.next_due == next_due(row.rhythm, DUE - timedelta(days=1))
    for _ in range(2):
        with time_machine.travel(row.next_due, tick=False):
            tasks.send_reports()
    true = [delivery for delivery in delivered(acme) if delivery.pk != early[0].pk]
    assert [delivery.due_at for delivery in true] == [row.next_due]
    assert len(mail.outbox) == (0 if true[0].state == DeliveryState.HELD else 1)


@pytest.mark.fault
def test_what_is_due_soon_is_left_alone(acme, weekly, broker):
    with wall.tenant(acme):
        due = Subscription.objects.get().next_due
    with time_machine.travel(DUE - timedelta(days=6), tick=False):
        tasks.send_reports()
    with wall.tenant(acme):
        assert Subscription.objects.get().next_due == due
