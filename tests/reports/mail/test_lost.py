"""Owners hear once of each report that was not surely sent, and of each address that is paused."""

from datetime import timedelta

import pytest
import time_machine

from portal.outbox import post
from portal.outbox.models import Message, State, Suppression, Telling
from portal.tenants import wall
from portal.tenants.models.people import Role
from reports.mail import lost
from reports.mail.models import Delivery, DeliveryState, Subscription
from reports.mail.send import send_due
from tests.conftest import member
from tests.reports.mail.conftest import DUE

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(DUE, tick=False) as travel:
        yield travel


@pytest.fixture
def sent(acme, ana, weekly):
    type(ana).objects.update(language="en")
    send_due(DUE)
    with wall.tenant(acme):
        Message.objects.update(last_reply="550 +5511987654321 secret-token")
        return Delivery.objects.select_related("subscription").get()


def told(tenant):
    with wall.tenant(tenant):
        return list(Message.objects.filter(rule="lost").order_by("id"))


def end(delivery, state):
    with wall.tenant(delivery.tenant_id):
        Message.objects.filter(pk=delivery.message_id).update(state=state)


@pytest.mark.parametrize("state", [State.FAILED, State.UNKNOWN])
def test_each_is_told_once_without_what_the_server_said(acme, globex, sent, state):
    lost.watch()
    assert told(acme) == []
    end(sent, state)
    for _ in range(3):
        lost.watch()
    [mail] = told(acme)
    assert mail.to == "ana@acme.example"
    assert sent.subscription.name in mail.text
    assert ("nobody knows whether" in mail.text) == (state == State.UNKNOWN)
    for word in ("987654321", "secret-token", "mail/leave"):
        assert word not in mail.text + mail.html + mail.subject
    assert told(globex) == []


def test_one_that_could_not_be_made_is_told_too(acme, sent):
    with wall.tenant(acme):
        Delivery.objects.update(state="failed", message=None)
    lost.watch()
    assert "was not sent" in told(acme)[0].text


def test_what_comes_up_within_hours_stands_in_the_next_mail(acme, sent, clock):
    end(sent, State.FAILED)
    lost.watch()
    with wall.tenant(acme):
        Suppression.objects.create(tenant=acme, address="a@b.example", cause="complained", reason="")
        Suppression.objects.create(tenant=acme, address="c@d.example", reason="550 +5511987654321")
    lost.watch()
    assert len(told(acme)) == 1
    with wall.tenant(acme):
        Telling.objects.update(created_at=DUE - lost.QUIET - timedelta(minutes=1))
    lost.watch()
    lost.watch()
    _first, second = told(acme)
    assert "a@b.example" in second.text
    assert "c@d.example" in second.text
    assert "987654321" not in second.text
    assert sent.subscription.name not in second.text


def test_another_owner_hears_at_once_of_an_owners_pause(acme, sent):
    """Whatever was told an hour ago: it may be a forged bounce that silences the first one."""
    second = member(acme, "second@acme.example", Role.OWNER)
    type(second).objects.update(language="en")
    end(sent, State.FAILED)
    lost.watch()
    with wall.tenant(acme):
        Suppression.objects.create(tenant=acme, address="ana@acme.example", cause="bounced", reason="5.1.1")
    for _ in range(2):
        lost.watch()
    news = [mail for mail in told(acme) if "owner ana@acme.example" in mail.text]
    assert {mail.to for mail in news} == {"ana@acme.example", "second@acme.example"}
    with wall.tenant(acme):
        assert {mail.to: post.deliver(mail.pk) for mail in news} == {
            "ana@acme.example": "suppressed",
            "second@acme.example": "sent",
        }


def test_every_owner_is_told_and_nobody_else_and_only_while_he_is_one(acme, sent, bruno):
    other = member(acme, "second@acme.example", Role.OWNER)
    end(sent, State.FAILED)
    lost.watch()
    mails = told(acme)
    assert {mail.to for mail in mails} == {"ana@acme.example", "second@acme.example"}
    with wall.tenant(acme):
        assert {lost.objection(mail) for mail in mails} == {""}
        type(other).objects.filter(pk=other.pk).update(is_active=False)
        assert sorted(lost.objection(mail) for mail in mails) == ["", "no longer an owner"]


@pytest.mark.parametrize("what", ["lost", "passed over", "resting"])
def test_an_owner_hears_nothing_of_mails_beyond_their_own_rights(acme, sales, care, sent, what):
    """A mail over every environment, and an owner of one of them; then the same mail within that one."""
    member(acme, "second@acme.example", Role.OWNER, care)
    with wall.tenant(acme):
        if what == "lost":
            Delivery.objects.update(state=DeliveryState.FAILED)
        elif what == "passed over":
            Delivery.objects.update(passed_over=3)
        else:
            Subscription.objects.update(rests="report gone", rested_at=DUE)
    lost.watch()
    assert [mail.to for mail in told(acme)] == ["ana@acme.example"]
    with wall.tenant(acme):
        Message.objects.filter(rule="lost").delete()
        Telling.objects.all().delete()
        grant = sent.subscription.grant
        grant.all_environments = False
        grant.save()
        grant.environments.set([care])
    lost.watch()
    assert {mail.to for mail in told(acme)} == {"ana@acme.example", "second@acme.example"}


def test_two_that_look_at_once_tell_once(acme, sent, monkeypatch):
    end(sent, State.FAILED)
    real, turns = lost.owners, []

    def owners():
        if not turns:
            turns.append(1)
            lost.watch()
        return real()

    monkeypatch.setattr(lost, "owners", owners)
    lost.watch()
    assert len(told(acme)) == 1


def test_without_an_owner_it_waits_for_one(acme, ana, sent):
    end(sent, State.FAILED)
    type(ana).objects.update(is_active=False)
    lost.watch()
    assert told(acme) == []
    type(ana).objects.update(is_active=True)
    lost.watch()
    assert len(told(acme)) == 1


def test_what_waited_for_data_for_weeks_is_told_when_it_fails(acme, sent):
    with wall.tenant(acme):
        Delivery.objects.update(created_at=DUE - timedelta(weeks=3), state="failed", message=None)
    lost.watch()
    assert len(told(acme)) == 1


def test_what_a_clock_ahead_told_silences_nobody_for_longer(acme, sent):
    end(sent, State.FAILED)
    with wall.tenant(acme):
        row = Telling.objects.create(tenant=acme, what="delivery:0")
        Telling.objects.filter(pk=row.pk).update(created_at=DUE + timedelta(days=365))
    lost.watch()
    assert len(told(acme)) == 1
