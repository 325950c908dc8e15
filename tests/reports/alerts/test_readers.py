"""Whom an alert tells: people without an account by the rules of report mails, from the question to the leaving."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client

from portal.audit.models import Entry
from portal.outbox import domains, post
from portal.outbox.feedback import Word, hear
from portal.outbox.models import FeedbackKind, Message
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role, User
from reports.alerts import acts
from reports.alerts.models import Alert, AlertNotice, Watcher
from reports.alerts.wishes import plan_of, read_plan
from reports.mail import lists
from reports.mail.models import Recipient
from reports.mail.subscriptions import add_recipient, create_weekly
from reports.queries.question import QuestionError
from tests.conftest import member
from tests.reports.alerts.conftest import author, look, read_until, standing
from tests.reports.mail.conftest import DUE

pytestmark = pytest.mark.django_db
GUEST = "guest@client.example"
RULE = {"when": "below", "metric": "attempts", "value": 100, "over": "today"}
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _read(acme, mirrored):
    read_until(acme, DUE)


@pytest.fixture
def browser() -> Client:
    """Without cookies, and with the check of forms on, as a mail program comes."""
    return Client(enforce_csrf_checks=True)


def mails(tenant, of="alert:") -> list[Message]:
    with wall.tenant(tenant):
        return list(Message.objects.filter(reference__startswith=of).order_by("id"))


def deliver(message: Message) -> str:
    with wall.tenant(message.tenant_id):
        return post.deliver(message.pk)


def confirm(tenant, email=GUEST) -> None:
    with wall.tenant(tenant):
        Watcher.objects.filter(email=email).update(confirmed_at=DUE - MINUTE)


def path(text: str, purpose: str) -> str:
    return re.search(rf"http://127\.0\.0\.1:8000(/mail/{purpose}/\S+)", text)[1]


def test_an_outsider_is_asked_first_and_told_once_he_agreed(acme, ana, browser):
    standing(acme, ana, to=[ana.email, GUEST], **RULE)
    (asked,) = mails(acme, "invitation:")
    assert asked.to == GUEST
    assert asked.urgent
    assert "Acme quer avisar você por e-mail quando o alerta “Watch” disparar" in asked.text
    assert look(acme, DUE) == 1
    assert [each.to for each in mails(acme)] == [ana.email]
    page = path(asked.text, "confirm")
    assert browser.get(page).status_code == 200
    with wall.tenant(acme):
        assert Watcher.objects.get(email=GUEST).confirmed_at is None  # to look at the page is not to agree
    assert browser.post(page).status_code == 200
    with wall.tenant(acme):
        Alert.objects.update(firing=False, quiet_until=None)
    assert look(acme, DUE + MINUTE) == 1
    told = mails(acme)[1:]
    assert [each.to for each in told] == [ana.email, GUEST]
    assert "/t/acme/" in told[0].text
    assert "/t/" not in told[1].text  # it leads to no page that asks for an account
    assert deliver(told[1]) == "sent"


def test_every_mail_of_an_alert_can_be_left_by_one_click(acme, ana, browser):
    standing(acme, ana, to=[ana.email, GUEST], **RULE)
    confirm(acme)
    assert look(acme, DUE) == 1
    first, second = mails(acme)
    for each in (first, second):
        assert each.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert each.headers["List-Unsubscribe"] == f"<http://127.0.0.1:8000{path(each.text, 'leave')}>"
        assert f'href="http://127.0.0.1:8000{path(each.text, "leave")}"' in each.html
    assert first.headers["List-Unsubscribe"] != second.headers["List-Unsubscribe"]
    deliver(first)
    sent = mail.outbox[-1].message()
    assert sent["List-Unsubscribe"] == first.headers["List-Unsubscribe"]
    page = path(second.text, "leave")
    for _ in range(2):
        assert browser.get(page).status_code == 200
        assert browser.head(page).status_code == 200
    with wall.tenant(acme):
        assert Watcher.objects.get(email=GUEST).left_at is None
    for _ in range(2):
        assert browser.post(page, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert deliver(second) == "suppressed"  # also what waited
    with wall.tenant(acme):
        assert [row.left_at is None for row in Watcher.objects.order_by("id")] == [True, False]
        assert Entry.objects.filter(action="mail.left").count() == 1
        Alert.objects.update(firing=False, quiet_until=None)
    assert look(acme, DUE + MINUTE) == 1
    assert [each.to for each in mails(acme)[2:]] == [ana.email]


def test_who_left_is_not_added_back_but_by_himself(acme, ana, browser):
    alert = standing(acme, ana, to=[ana.email, GUEST], **RULE)
    confirm(acme)
    look(acme, DUE)
    for each in mails(acme):
        browser.post(path(each.text, "leave"))
    with wall.tenant(acme):
        by = author(acme, ana)
        row = Alert.objects.get(pk=alert.pk)
        acts.change(row, read_plan({"to": [ana.email, GUEST]}, by, before=row), by)
        left = dict(Watcher.objects.values_list("email", "left_at"))
    assert left[ana.email] is None
    assert left[GUEST] is not None


def test_one_page_tells_of_mails_and_alerts_and_leaves_both(acme, ana, browser):
    weekly = create_weekly(acme, ana.email, "en", name="Week")
    standing(acme, ana, to=[GUEST], **RULE)
    confirm(acme)
    with wall.tenant(acme):
        add_recipient(weekly, GUEST, language="en")
    look(acme, DUE)
    (told,) = mails(acme)
    page = path(told.text, "leave")
    text = browser.get(page).content.decode()
    assert "<b>Watch</b>" in text
    assert f"<b>{weekly.name}</b>" in text
    browser.post(page, {"act": "language", "language": "en"})
    assert "an alert: when it fires, and when that is over" in browser.get(page).content.decode()
    browser.post(page, {"act": "all"})
    with wall.tenant(acme):
        assert Watcher.objects.get().left_at is not None
        assert Recipient.objects.get(email=GUEST).left_at is not None


@pytest.mark.parametrize("lapse", ["removed", "demoted", "narrowed", "closed"])
def test_an_outsider_is_told_as_long_as_whoever_added_him_still_may(acme, ana, mirrored, care, lapse):
    """The alert is Ana's and stands; the address is Joe's, a manager who goes."""
    joe = member(acme, "joe@acme.example", Role.MANAGER)
    own = {"environment": str(mirrored.public_id)}
    alert = standing(acme, ana, to=[ana.email], filters=own, **RULE)
    with wall.tenant(acme):
        by = author(acme, joe)
        acts.change(alert, read_plan({"to": [ana.email, GUEST]}, by, before=alert), by)
        place = Membership.objects.select_related("grant").get(user=joe)
    confirm(acme)
    assert look(acme, DUE) == 1
    waits = mails(acme)[1]
    assert waits.to == GUEST
    with wall.tenant(acme):
        if lapse == "removed":
            place.delete()
        elif lapse == "demoted":
            Membership.objects.filter(pk=place.pk).update(role=Role.VIEWER)
        elif lapse == "closed":
            User.objects.filter(pk=joe.pk).update(is_active=False)
        else:
            Grant.objects.filter(pk=place.grant_id).update(all_environments=False)
            place.grant.environments.set([care])
        assert deliver(waits) == "suppressed"
        Alert.objects.update(firing=False, quiet_until=None)
    assert look(acme, DUE + MINUTE) == 1
    assert [each.to for each in mails(acme)[2:]] == [ana.email]
    if lapse == "removed":  # an owner who keeps the address on the list stands for it from then on
        with wall.tenant(acme):
            by, row = author(acme, ana), Alert.objects.get()
            acts.change(row, read_plan({"value": 99}, by, before=row), by)
        assert look(acme, DUE + 2 * MINUTE) == 1
        assert {each.to for each in mails(acme)[3:]} == {ana.email, GUEST}


def test_an_outsider_sees_no_more_than_was_fixed_when_he_was_added(acme, ana, mirrored):
    """Joe sees Sales alone when he adds the address; an alert that looks at more tells the address nothing."""
    joe = member(acme, "joe@acme.example", Role.MANAGER, mirrored)
    own = {"environment": str(mirrored.public_id)}
    standing(acme, joe, to=[GUEST], filters=own, **RULE)
    confirm(acme)
    with wall.tenant(acme):
        row = Watcher.objects.select_related("grant").get(email=GUEST)
        assert list(row.grant.environments.all()) == [mirrored]
        assert not row.grant.sees_numbers
        assert (row.added_as, row.added_by_id) == ("member", joe.pk)
    assert look(acme, DUE) == 1
    assert [each.to for each in mails(acme)] == [GUEST]
    with wall.tenant(acme):
        Grant.objects.filter(pk=Alert.objects.get().grant_id).update(agent_keys=[])
        Grant.objects.filter(pk=row.grant_id).update(agent_keys=["one"])  # the address sees one agent alone
        Alert.objects.update(firing=False, quiet_until=None)
    assert look(acme, DUE + MINUTE) == 1
    assert len(mails(acme)) == 1


def test_domains_of_the_company_hold_for_alerts_too(acme, ana):
    alert = standing(acme, ana, to=[GUEST], **RULE)
    confirm(acme)
    assert look(acme, DUE) == 1
    with wall.tenant(acme):
        domains.keep(acme.pk, ["partner.example"])
        with pytest.raises(QuestionError, match="domain"):
            read_plan({"to": ["x@other.example"]}, author(acme, ana), before=alert)
        assert read_plan({"to": ["x@partner.example", ana.email]}, author(acme, ana), before=alert).to
    (waits,) = mails(acme)
    assert deliver(waits) == "suppressed"


def test_an_address_that_complained_gets_no_more(acme, ana):
    standing(acme, ana, to=[GUEST], **RULE)
    confirm(acme)
    look(acme, DUE)
    (first,) = mails(acme)
    assert deliver(first) == "sent"
    assert hear([Word(first.message_id, FeedbackKind.COMPLAINT)], vouched=True) == 1
    with wall.tenant(acme):
        Alert.objects.update(firing=False, quiet_until=None)
    look(acme, DUE + MINUTE)
    assert deliver(mails(acme)[1]) == "suppressed"


def test_viewers_add_nobody_and_no_address_stands_twice(acme, ana):
    vera = member(acme, "vera@acme.example", Role.VIEWER)
    with wall.tenant(acme), pytest.raises(QuestionError, match="yourself only"):
        read_plan({"name": "x", "to": [GUEST], **RULE}, author(acme, vera))
    alert = standing(acme, ana, to=[ana.email, GUEST, "Guest@Client.example "], **RULE)
    with wall.tenant(acme):
        by, row = author(acme, ana), Alert.objects.get(pk=alert.pk)
        assert plan_of(row).to == (ana.email, GUEST)
        for to in ([ana.email], [ana.email, GUEST]):
            row = Alert.objects.get(pk=alert.pk)
            acts.change(row, read_plan({"to": to}, by, before=row), by)
        lists.invite(Watcher.objects.get(email=GUEST))
        assert Watcher.objects.count() == 2
    assert len(mails(acme, "invitation:")) == 1


def test_a_member_who_became_a_stranger_is_told_nothing(acme, ana):
    joe = member(acme, "joe@acme.example", Role.VIEWER)
    standing(acme, ana, to=[ana.email, joe.email], **RULE)
    with wall.tenant(acme):
        Membership.objects.filter(user=joe).delete()
    look(acme, DUE)
    assert [each.to for each in mails(acme)] == [ana.email]


def test_a_test_goes_to_who_asks_though_he_stands_on_no_list(acme, ana):
    alert = standing(acme, ana, to=[GUEST], **RULE)
    with wall.tenant(acme):
        acts.test(alert, author(acme, ana), lambda *_: True)
        notice = AlertNotice.objects.select_related("message").get()
        assert (notice.watcher, notice.user, notice.message.to) == (None, ana, ana.email)
        assert "List-Unsubscribe" not in notice.message.headers
        assert post.deliver(notice.message_id) == "sent"
