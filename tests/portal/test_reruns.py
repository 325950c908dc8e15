"""Every kind of job can be asked for again at the console: confirmed first, done once, told in the tenant's audit."""

import re

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from portal.audit.models import Entry, PlatformEntry
from portal.outbox import post
from portal.outbox.models import Message, PlatformMessage, State
from portal.privacy.models import Erasure
from portal.tenants import wall
from portal.tenants.models.people import User
from reports.columns.models import ColumnFile, ColumnLedger
from reports.files.models import Export, What
from reports.files.models import State as FileState
from reports.mail.models import Delivery, DeliveryState, Recipient, Subscription
from reports.mail.subscriptions import create_weekly
from reports.privacy import exporting
from sync.models.changes import DirtyDay
from tests.walls.rows import row_of


@pytest.fixture
def root(client, db) -> User:
    user = User.objects.create_superuser("root@ringbook.example", "correct horse battery")
    client.force_login(user)
    return user


@pytest.fixture
def hints(monkeypatch, django_capture_on_commit_callbacks) -> list[str]:
    """The tasks that workers are hinted at."""
    given: list[str] = []
    monkeypatch.setattr(
        "celery.app.task.Task.apply_async", lambda task, *_, **__: given.append(task.name.rpartition(".")[2])
    )
    return given


@pytest.fixture
def ask(client, root, acme, hints, django_capture_on_commit_callbacks):
    """Presses an action of a list, confirms it, and says which tasks workers were hinted at."""

    def press(model, action: str, row) -> list[str]:
        listed = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        sent = {"action": action, "_selected_action": [row.pk]}
        with django_capture_on_commit_callbacks(execute=True):
            asked = client.post(listed, sent)
        assert 'name="confirmed"' in asked.content.decode()
        assert hints == []
        with django_capture_on_commit_callbacks(execute=True):
            assert client.post(listed, sent | {"confirmed": "yes"}).status_code == 302
        return list(hints)

    return press


def noted(acme) -> list[str]:
    with wall.tenant(acme):
        return [entry.about["table"] for entry in Entry.objects.filter(action="admin.rerun")]


def test_an_export_that_failed(ask, acme) -> None:
    with wall.tenant(acme):
        row = row_of(Export, acme, {})
        Export.objects.filter(pk=row.pk).update(state=FileState.FAILED, error="x", attempts=3)
    assert ask(Export, "make_again", row) == ["make_export"]
    with wall.tenant(acme):
        assert Export.objects.values_list("state", "error").get() == (FileState.WAITING, "")
    assert noted(acme) == ["reports_files.export"]


def test_a_persons_export_that_failed_is_left_to_its_own_task(ask, acme) -> None:
    """The task of lists would make a list of it, and fail."""
    with wall.tenant(acme):
        row = row_of(Export, acme, {})
        Export.objects.filter(pk=row.pk).update(state=FileState.FAILED, what=What.PERSON, format="zip")
    assert ask(Export, "make_again", row) == []
    with wall.tenant(acme):
        assert exporting.waiting() == [row.pk]


def test_an_export_that_did_not_fail_stays(ask, acme) -> None:
    with wall.tenant(acme):
        row = row_of(Export, acme, {})
        Export.objects.filter(pk=row.pk).update(state=FileState.READY)
    assert ask(Export, "make_again", row) == []
    assert noted(acme) == []


def test_column_files(ask, acme, sales) -> None:
    with wall.tenant(acme):
        rows = {type(sales): sales}
        ledger = row_of(ColumnLedger, acme, rows)
        file = row_of(ColumnFile, acme, rows)
        day = file.first_day
        ColumnFile.objects.filter(pk=file.pk).update(retired_at=None, last_day=day)
    assert ask(ColumnLedger, "make_anew", ledger) == ["refresh_tenant"]
    with wall.tenant(acme):
        assert list(DirtyDay.objects.values_list("day", flat=True)) == [day]
    assert noted(acme) == ["reports_columns.columnledger"]


def test_column_files_are_looked_through(ask, acme) -> None:
    with wall.tenant(acme):
        ledger = row_of(ColumnLedger, acme, {})
    ask(ColumnLedger, "look_through", ledger)
    with wall.tenant(acme):
        assert ColumnLedger.objects.get().checked_at is None


def test_an_erasure_that_is_owed(ask, acme) -> None:
    with wall.tenant(acme):
        row = Erasure.objects.create(tenant=acme)
    assert ask(Erasure, "do_now", row) == ["erase"]
    assert noted(acme) == ["privacy.erasure"]


def test_an_erasure_that_is_done(ask, acme) -> None:
    with wall.tenant(acme):
        row = Erasure.objects.create(tenant=acme, done_at=timezone.now())
    assert ask(Erasure, "do_now", row) == []


def test_a_mail_that_failed(ask, acme) -> None:
    with wall.tenant(acme):
        row = row_of(Message, acme, {})
        Message.objects.filter(pk=row.pk).update(state=State.FAILED, holds_secret=False)
    ask(Message, "send_again", row)
    with wall.tenant(acme):
        assert Message.objects.get().state == State.PENDING
    assert noted(acme) == ["outbox.message"]


def test_a_report_that_could_not_be_made(ask, acme, sales, ana) -> None:
    with wall.tenant(acme):
        subscription = create_weekly(acme, ana.email, "en")
        recipient = subscription.recipients.get()
        row = row_of(Delivery, acme, {Subscription: subscription, Recipient: recipient})
        Delivery.objects.update(state=DeliveryState.FAILED, message=None)
    ask(Delivery, "make_again", row)
    with wall.tenant(acme):
        assert Delivery.objects.get().state == DeliveryState.PENDING
    assert noted(acme) == ["reports_mail.delivery"]


@pytest.mark.parametrize("action", ["send_same", "send_corrected"])
def test_a_period_once_more(client, root, hints, acme, sales, ana, action, django_capture_on_commit_callbacks) -> None:
    with wall.tenant(acme):
        subscription = create_weekly(acme, ana.email, "en")
        recipient = subscription.recipients.get()
        row = row_of(Delivery, acme, {Subscription: subscription, Recipient: recipient})
        mail = {"to": ana.email, "subject": "s", "text": "The week.", "html": "", "headers": {}, "reference": "r"}
        message, rights = post.put(tenant_id=acme.pk, **mail), {"environments": [], "agents": None, "numbers": False}
        Delivery.objects.update(state=DeliveryState.POSTED, message=message, rights=rights)
    sent = {"action": action, "_selected_action": [row.pk]}
    listed = reverse("admin:reports_mail_delivery_changelist")
    page = client.post(listed, sent).content.decode()
    press = re.search(r'name="press" value="([^"]+)"', page)[1]
    for _twice in range(2):  # a button that is pressed twice sends once
        assert client.post(listed, sent | {"confirmed": "yes", "press": press}).status_code == 302
    edition = {"send_same": "same", "send_corrected": "corrected"}[action]
    with wall.tenant(acme):
        [again] = Delivery.objects.exclude(pk=row.pk)
        assert (again.edition, again.recipient, again.period_start) == (edition, recipient, row.period_start)
        assert Entry.objects.filter(action="period.sent_again").get().user == root
        if action == "send_same":
            assert again.message.text == "The week."
    client.post(listed, sent | {"confirmed": "yes", "press": "another"})
    with wall.tenant(acme):
        assert Delivery.objects.count() == 3
        Recipient.objects.update(left_at=timezone.now())
    client.post(listed, sent | {"confirmed": "yes", "press": "third"})
    with wall.tenant(acme):
        assert Delivery.objects.count() == 3  # who has left gets nothing


def test_a_letter_without_a_secret_alone(ask, root) -> None:
    """A link that was blanked can't be sent again: whoever waits for it asks anew."""
    common = {"tenant_id": None, "to": "x@y.example", "subject": "s", "text": "t", "html": "", "headers": {}}
    plain = post.put(**common, reference="a")
    secret = post.put(**common, reference="b", conduct=post.Conduct(holds_secret=True))
    PlatformMessage.objects.update(state=State.FAILED)
    ask(PlatformMessage, "send_again", plain)
    assert PlatformMessage.objects.get(pk=plain.pk).state == State.PENDING
    assert not post.send_again(secret.pk, PlatformMessage)
    assert PlatformEntry.objects.get(action="admin.rerun").about == {"count": 1}


def test_whoever_may_not_change_rows_asks_for_nothing(client, acme) -> None:
    staff = User.objects.create_user("staff@ringbook.example", is_staff=True)
    client.force_login(staff)
    with wall.tenant(acme):
        row = Erasure.objects.create(tenant=acme)
    sent = {"action": "do_now", "_selected_action": [row.pk], "confirmed": "yes"}
    assert client.post(reverse("admin:privacy_erasure_changelist"), sent).status_code == 403
    assert client.get("/admin/jobs/outbox/").status_code == 403


def test_each_kind_of_job_has_its_action() -> None:
    actions = {
        model._meta.label: [name for name in pages.actions if hasattr(pages, str(name))]
        for model, pages in admin.site._registry.items()
        if pages.actions
    }
    for label in (
        "outbox.Message", "outbox.PlatformMessage", "privacy.Erasure", "reports_columns.ColumnLedger",
        "reports_files.Export", "reports_mail.Delivery", "sync.Connection", "sync.Gap", "sync.Quarantine", "sync.Run",
        "sync.Window",
    ):  # fmt: skip
        assert actions[label], label
