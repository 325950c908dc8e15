"""Setting mails up: who may, what is fixed then, what is looked up again when one is made, and what ends one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import mail

from portal.accounts.keys import NewKey, issue_key
from portal.audit.models import Entry
from portal.outbox.models import Message
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.rights import Rights
from reports.mail import access, consent, log, subscriptions
from reports.mail.links import pointer_to
from reports.mail.models import Delivery, Recipient, Subscription
from reports.mail.plans import plan_of, read_plan
from reports.mail.preview import TooMany, preview, send_test
from reports.mail.rights import Author, at_the_console
from reports.mail.send import SendSummary, send_due
from reports.queries.cursor import CursorError
from reports.queries.question import QuestionError
from reports.queries.scope import Scope
from sync.models.callbacks import CallbackDay
from sync.models.calls import Call
from tests.conftest import member
from tests.reports.mail.conftest import DUE, HOUR, delivered, messages, mirror

pytestmark = pytest.mark.django_db
BEFORE = DUE - timedelta(days=3)  # a Friday
WEEK = timedelta(weeks=1)


@pytest.fixture(autouse=True)
def _before(mirrored):
    with time_machine.travel(BEFORE, tick=False):
        yield


@pytest.fixture
def joe(acme) -> User:
    return member(acme, "joe@acme.example", Role.MANAGER)


def author(tenant, user: User) -> Author:
    membership = Membership.objects.select_related("grant", "grant__tenant").get(user=user)
    grant = membership.grant
    return Author(tenant, Role(membership.role), Rights.of(grant), Scope.of(grant), user=user)


def schedule(tenant, user: User | None = None, **values) -> Subscription:
    """A mail as its form or command makes it."""
    with wall.tenant(tenant):
        by = author(tenant, user) if user else at_the_console(tenant)
        to = values.pop("to", by.email)
        return subscriptions.create(read_plan({"to": to, "language": "en"} | values, by), by)


def change(tenant, row: Subscription, user: User, **values) -> None:
    with wall.tenant(tenant):
        by = author(tenant, user)
        row = access.subscription(row.public_id, by).subscription
        subscriptions.change(row, read_plan(values, by, before=row), by)
        row.refresh_from_db()


def acts(tenant) -> list[str]:
    with wall.tenant(tenant):
        return list(Entry.objects.order_by("id").values_list("action", flat=True))


def outcomes(tenant) -> list[tuple[str, str]]:
    with wall.tenant(tenant):
        return [(row.recipient.email, log.outcome(row).value) for row in delivered(tenant)]


def test_a_member_schedules_a_mail_and_it_comes_at_its_time(acme, ana):
    row = schedule(acme, ana, hour=9, weekday=2)
    assert row.next_due == DUE + timedelta(days=1, hours=1)
    assert send_due(row.next_due - timedelta(seconds=1)) == SendSummary()
    assert send_due(row.next_due) == SendSummary(due=1, sent=1)
    assert mail.outbox[0].subject.startswith("Acme · week 6–12 Jul · 77 calls")
    assert acts(acme) == ["subscription.added"]


@pytest.mark.parametrize(
    ("every", "due", "subject"),
    [
        ("day", datetime(2026, 7, 11, 11, tzinfo=UTC), "Acme · Fri 10 Jul · 11 calls"),
        ("week", DUE, "Acme · week 6–12 Jul · 77 calls"),
        ("month", datetime(2026, 8, 1, 11, tzinfo=UTC), "Acme · July 2026"),
    ],
)
def test_each_rhythm_is_due_when_its_period_is_over(acme, ana, every, due, subject):
    row = schedule(acme, ana, every=every, wait_hours=0)
    assert row.next_due == due
    assert send_due(due).sent == 1
    assert mail.outbox[0].subject.startswith(subject)
    for part in (mail.outbox[0].body, mail.outbox[0].alternatives[0][0]):
        head = {"day": "Fri 3 Jul", "week": "29 Jun – 5 Jul", "month": "June 2026"}[every]
        assert head in part.replace("\xa0", " ")


def test_a_day_and_the_month_that_begins_with_it_are_two_deliveries(acme, ana):
    row = schedule(acme, ana, every="day", wait_hours=0)
    first = datetime(2026, 7, 2, 11, tzinfo=UTC)
    with wall.tenant(acme):
        Subscription.objects.update(next_due=first)
    assert send_due(first).sent == 1
    change(acme, row, ana, every="month")
    assert send_due(datetime(2026, 8, 1, 11, tzinfo=UTC)).sent == 1
    assert [delivery.period.days for delivery in delivered(acme)] == [1, 31]


def test_a_change_of_hour_does_not_send_a_week_twice(acme, ana):
    row = schedule(acme, ana)
    send_due(DUE)
    with time_machine.travel(DUE + timedelta(minutes=1)):
        change(acme, row, ana, hour=9)
    assert send_due(DUE + HOUR) == SendSummary(due=1)
    assert len(mail.outbox) == 1


def test_viewers_have_mails_sent_to_themselves_only(acme, bruno):
    with pytest.raises(QuestionError) as refused:
        schedule(acme, bruno, to="friend@elsewhere.example")
    assert list(refused.value.errors) == ["to"]
    assert "yourself only" in refused.value.errors["to"]
    schedule(acme, bruno)
    assert send_due(DUE).sent == 1


def test_what_a_mail_may_show_is_fixed_by_what_its_maker_sees(acme, sales, care, ana, bruno):
    """Bruno sees one of two environments: his mail shows that one, also to Ana, who sees both."""
    with wall.tenant(acme):
        mirror(care, scale=2)
    row = schedule(acme, bruno)
    change(acme, row, ana, to=[bruno.email, ana.email])
    send_due(DUE)
    texts = {message.to[0]: message.body for message in mail.outbox}
    assert set(texts) == {ana.email, bruno.email}
    for text in texts.values():
        assert "Environments: Sales" in text
        assert "77 calls" in text.splitlines()[0]


def test_rights_are_looked_up_again_when_a_mail_is_made(acme, sales, care, ana, bruno):
    row = schedule(acme, ana, to=[ana.email, bruno.email])
    with wall.tenant(acme):
        mirror(care, scale=2)
        Membership.objects.get(user=bruno).grant.environments.set([care])
    send_due(DUE + 6 * HOUR)
    texts = {message.to[0]: message.body for message in mail.outbox}
    assert "Environments: Care, Sales" in texts[ana.email]
    assert "Environments: Care" in texts[bruno.email]
    assert "Sales" not in texts[bruno.email]
    assert row.grant.sees_numbers is False


def test_whoever_may_see_none_of_what_was_chosen_gets_nothing_rather_than_nought(acme, sales, care, ana, bruno):
    schedule(acme, ana, to=[ana.email, bruno.email], environments=[str(care.public_id)])
    send_due(DUE + 7 * HOUR)
    assert [message.to for message in mail.outbox] == [[ana.email]]
    assert outcomes(acme) == [(ana.email, "sent"), (bruno.email, "skipped")]
    with wall.tenant(acme):
        row = Delivery.objects.get(recipient__email=bruno.email)
        assert log.reply(row) == "The recipient may see nothing of what this mail shows."


def test_a_removed_member_gets_nothing(acme, ana, bruno):
    schedule(acme, ana, to=[ana.email, bruno.email])
    with wall.tenant(acme):
        Membership.objects.filter(user=bruno).delete()
    send_due(DUE)
    assert [message.to for message in mail.outbox] == [[ana.email]]


def reports() -> list:
    """What left, besides the questions whether an address wants it."""
    return [message for message in mail.outbox if "confirm" not in message.subject]


def confirm(tenant, email: str) -> None:
    with wall.tenant(tenant):
        Recipient.objects.filter(email=email).update(confirmed_at=BEFORE)


def test_an_outside_address_is_asked_first(acme, ana):
    schedule(acme, ana, to=[ana.email, "guest@client.example"])
    [asked] = messages(acme)
    assert asked.to == "guest@client.example"
    assert "/mail/confirm/" in asked.text
    send_due(DUE)
    assert [message.to for message in reports()] == [[ana.email]]
    confirm(acme, "guest@client.example")
    send_due(DUE + WEEK + 6 * HOUR)
    assert {message.to[0] for message in reports()[1:]} == {ana.email, "guest@client.example"}


def test_a_member_who_left_the_company_is_asked_before_the_next_mail(acme, ana, joe):
    """On the list or put back on it: what a member got without a question, a stranger agrees to first."""
    row = schedule(acme, ana, to=[ana.email, joe.email])
    with wall.tenant(acme):
        Membership.objects.filter(user=joe).delete()
    change(acme, row, ana, to=[ana.email])
    change(acme, row, ana, to=[ana.email, joe.email])
    send_due(DUE)
    assert [message.to for message in reports()] == [[ana.email]]
    [asked] = [message for message in messages(acme) if message.to == joe.email]
    assert "/mail/confirm/" in asked.text
    confirm(acme, joe.email)
    send_due(DUE + WEEK + 6 * HOUR)
    assert [joe.email] in [message.to for message in reports()]


@pytest.mark.parametrize("who", ["guest@client.example", "joe@acme.example"])
def test_a_reader_who_left_a_mail_is_put_back_by_nobody_else(acme, ana, joe, who):
    row = schedule(acme, ana, to=[ana.email, who])
    confirm(acme, who)
    with wall.tenant(acme):
        consent.leave(pointer_to(Recipient.objects.get(email=who)))
    change(acme, row, ana, to=[ana.email])
    change(acme, row, ana, to=[ana.email, who])
    send_due(DUE)
    assert [message.to for message in reports()] == [[ana.email]]


@pytest.mark.parametrize("lapse", ["removed", "demoted", "narrowed", "closed"])
def test_an_outside_address_gets_what_whoever_added_it_still_may_see(acme, sales, care, ana, joe, lapse):
    """A manager who goes takes nothing along: not by an address of his own outside, not after losing his role."""
    row = schedule(acme, joe, to=["joe@home.example"])
    confirm(acme, "joe@home.example")
    with wall.tenant(acme):
        place = Membership.objects.select_related("grant").get(user=joe)
        if lapse == "removed":
            place.delete()
        elif lapse == "demoted":
            Membership.objects.filter(pk=place.pk).update(role=Role.VIEWER)
        elif lapse == "closed":
            User.objects.filter(pk=joe.pk).update(is_active=False)
        else:
            Grant.objects.filter(pk=place.grant_id).update(all_environments=False)
    send_due(DUE + 6 * HOUR)
    assert reports() == []
    assert outcomes(acme) == [("joe@home.example", "skipped")]
    if lapse == "removed":  # an owner who keeps the address on the list stands for it from then on
        change(acme, row, ana, to=["joe@home.example"])
        assert send_due(DUE + WEEK + 6 * HOUR).sent == 1


@pytest.mark.parametrize("lapse", ["revoked", "expired", "demoted", "maker closed"])
def test_an_outside_address_that_a_key_added_gets_nothing_once_the_key_opens_nothing(acme, joe, lapse):
    with wall.tenant(acme):
        key, _ = issue_key(acme, NewKey("sync", Role.MANAGER), by=joe)
        by = replace(at_the_console(acme), role=Role.MANAGER, key=key)
        subscriptions.create(read_plan({"to": "joe@home.example", "language": "en"}, by), by)
    confirm(acme, "joe@home.example")
    if lapse == "maker closed":
        User.objects.filter(pk=joe.pk).update(is_active=False)
    fields = {"revoked": {"revoked_at": BEFORE}, "expired": {"expires_at": BEFORE}, "demoted": {"role": Role.VIEWER}}
    with wall.tenant(acme):
        ApiKey.objects.filter(pk=key.pk).update(**fields.get(lapse, {"name": "sync"}))
    send_due(DUE + 6 * HOUR)
    assert reports() == []
    assert outcomes(acme) == [("joe@home.example", "skipped")]


def test_a_pause_sends_nothing_and_what_follows_counts_from_its_end(acme, ana):
    row = schedule(acme, ana)
    with wall.tenant(acme):
        subscriptions.set_paused(row, author(acme, ana), on=True)
        assert (row.active, row.next_due) == (False, None)
    assert send_due(DUE + WEEK) == SendSummary()
    with time_machine.travel(DUE + timedelta(days=8)), wall.tenant(acme):
        subscriptions.set_paused(row, author(acme, ana), on=False)
    assert send_due(DUE + timedelta(days=8)) == SendSummary()
    assert send_due(DUE + 2 * WEEK + 6 * HOUR).sent == 1
    assert acts(acme) == ["subscription.added", "subscription.paused", "subscription.resumed"]


def test_a_pause_holds_back_what_waits_for_data(acme, ana, break_day):
    break_day("failed")
    row = schedule(acme, ana)
    assert send_due(DUE) == SendSummary(due=1, held=1)
    with wall.tenant(acme):
        subscriptions.set_paused(row, author(acme, ana), on=True)
    assert send_due(DUE + 12 * HOUR) == SendSummary()
    assert outcomes(acme) == [(ana.email, "skipped")]


def test_a_removed_mail_ends_and_its_deliveries_stay(acme, ana):
    row = schedule(acme, ana)
    send_due(DUE)
    with wall.tenant(acme):
        by = author(acme, ana)
        subscriptions.remove(row, by)
        subscriptions.remove(row, by)
        assert access.subscriptions(by) == []
        with pytest.raises(Subscription.DoesNotExist):
            access.subscription(row.public_id, by)
        assert [found.subscription_id for found in access.deliveries(by)] == [row.pk]
    assert send_due(DUE + WEEK) == SendSummary()
    assert acts(acme)[1:] == ["subscription.removed"]


def test_managers_have_the_mails_that_show_no_more_than_they_see(acme, sales, care, ana, bruno, joe):
    everything, one = schedule(acme, ana, name="Everything"), schedule(acme, bruno, name="One")
    with wall.tenant(acme):
        grant = Membership.objects.get(user=joe).grant
        seen = {
            user: [shown.subscription for shown in access.subscriptions(author(acme, user))]
            for user in (ana, bruno, joe)
        }
        assert seen == {ana: [everything, one], bruno: [one], joe: [everything, one]}
        Grant.objects.filter(pk=grant.pk).update(all_environments=False)
        grant.environments.set([sales])
        assert [shown.subscription for shown in access.subscriptions(author(acme, joe))] == [one]
        assert access.subscription(one.public_id, author(acme, joe)).may_change
    change(acme, everything, ana, to=[ana.email, bruno.email])
    with wall.tenant(acme):
        by = author(acme, bruno)
        assert [shown.may_change for shown in access.subscriptions(by)] == [False, True]
        send_due(DUE)
        assert {row.recipient.email for row in access.deliveries(by)} == {bruno.email}


def test_a_mail_that_holds_waits_for_data_however_long(acme, ana, break_day):
    break_day("failed")
    schedule(acme, ana, then="hold")
    assert send_due(DUE) == SendSummary(due=1, held=1)
    assert send_due(DUE + 12 * HOUR) == SendSummary(held=1)
    break_day("complete")
    assert [send_due(DUE + 13 * HOUR).sent for _ in range(2)] == [1, 0]
    assert "incomplete" not in mail.outbox[0].subject


def test_a_week_that_was_not_read_is_not_taken_for_an_empty_one(acme, ana):
    empty = datetime(2026, 7, 20, 11, tzinfo=UTC)  # a week that nobody read
    schedule(acme, ana, empty="skip")
    send_due(DUE)
    assert send_due(empty + 6 * HOUR).sent == 1
    assert "incomplete" in mail.outbox[-1].subject


def test_an_empty_week_read_whole_is_skipped(acme, sales, ana):
    with wall.tenant(acme):
        Call.objects.all().delete()
        CallbackDay.objects.update(received=0, answered=0, unmatched=0)
    schedule(acme, ana, empty="skip", name="skips")
    schedule(acme, ana, empty="send", name="sends")
    assert send_due(DUE) == SendSummary(due=2, sent=1)
    assert "There were no calls." in mail.outbox[0].body
    with wall.tenant(acme):
        row = Delivery.objects.get(subscription__name="skips")
        assert (log.outcome(row).value, row.reason) == ("skipped", "no calls")


def test_a_test_goes_to_whoever_asks_and_counts_for_no_period(acme, ana, joe):
    row = schedule(acme, ana, to=[joe.email])
    with time_machine.travel(DUE), wall.tenant(acme):
        row = access.subscription(row.public_id, author(acme, ana)).subscription
        message = send_test(row, ana, author(acme, ana), lambda *pair: None)
        assert (message.to, message.state) == (ana.email, "pending")
        assert message.subject == "Test: Acme · week 6–12 Jul · 77 calls, 72.7 % connected (▲ 6.1 pp)"
        assert "List-Unsubscribe" not in message.headers
        assert "/mail/leave/" not in message.text + message.html
        assert not Delivery.objects.exists()
        for _ in range(9):
            send_test(row, ana, author(acme, ana), lambda *pair: None)
        with pytest.raises(TooMany):
            send_test(row, ana, author(acme, ana), lambda *pair: None)
    assert send_due(DUE).sent == 1
    assert [message.to for message in mail.outbox if not message.subject.startswith("Test")] == [[joe.email]]
    assert acts(acme)[1:] == ["subscription.tested"] * 10


def test_the_preview_is_the_mail(acme, ana):
    row = schedule(acme, ana)
    with time_machine.travel(DUE), wall.tenant(acme):
        row = access.subscription(row.public_id, author(acme, ana)).subscription
        made = preview(row, row.recipients.get(), DUE)
        before = Message.objects.count()
    send_due(DUE)
    [sent] = messages(acme)[before:]
    leave = sent.headers["List-Unsubscribe"].strip("<>")
    shown = sent.html.replace(leave, f"http://127.0.0.1:8000/t/acme/mail/{row.public_id}/")
    assert made.rendered.subject == sent.subject
    assert made.rendered.html == shown
    assert made.rendered.text == sent.text.replace(leave, f"http://127.0.0.1:8000/t/acme/mail/{row.public_id}/")


def test_what_failed_is_sent_again_by_hand_once_and_to_nobody_who_has_gone(acme, ana, bruno):
    schedule(acme, ana, to=[ana.email, bruno.email])
    send_due(DUE)
    with wall.tenant(acme):
        by = author(acme, ana)
        first, second = Delivery.objects.select_related("message", "recipient", "subscription").order_by("id")
        with pytest.raises(log.NotAgain):
            log.send_again(first, by, lambda *pair: None)  # it was sent
        Message.objects.update(state="unknown")
        Membership.objects.filter(user=bruno).delete()
        rows = access.deliveries(by)
        log.send_again(rows.get(pk=first.pk), by, lambda *pair: None)
        assert log.outcome(rows.get(pk=first.pk)) == "due"
        with pytest.raises(log.NotAgain):
            log.send_again(rows.get(pk=second.pk), by, lambda *pair: None)
    assert acts(acme)[-1] == "delivery.sent_again"


def test_deliveries_have_pages_in_both_directions(acme, ana):
    schedule(acme, ana)
    for week in range(5):
        send_due(DUE + week * WEEK + 6 * HOUR)
    with wall.tenant(acme):
        rows = access.deliveries(author(acme, ana))
        first = log.page(rows, "", 2)
        second = log.page(rows, first.next, 2)
        third = log.page(rows, second.next, 2)
        walked = [row.pk for page in (first, second, third) for row in page.rows]
        assert walked == list(rows.values_list("pk", flat=True))
        assert (first.previous, third.next) == ("", "")
        assert [row.pk for row in log.page(rows, third.previous, 2).rows] == [row.pk for row in second.rows]
        assert log.page(rows, second.previous, 2).previous == ""
        for wrong in ("x", "bm8", "////"):
            with pytest.raises(CursorError):
                log.page(rows, wrong, 2)


def test_the_plan_of_a_mail_makes_the_same_mail(acme, ana, sales):
    row = schedule(acme, ana, environments=[str(sales.public_id)], then="hold", empty="skip", every="month")
    with wall.tenant(acme):
        plan = plan_of(row)
        again = subscriptions.create(plan, author(acme, ana))
        assert replace(plan_of(again), name="") == replace(plan, name="")


def test_the_rights_of_others_cover_each_other_by_what_they_open():
    every, one, two = Rights(), Rights(frozenset({1})), Rights(frozenset({1, 2}))
    agent = Rights(agents=frozenset({"a"}))
    assert [every.covers(other) for other in (every, one, two, agent)] == [True] * 4
    assert [two.covers(other) for other in (every, one, two, agent)] == [False, True, True, False]
    assert [agent.covers(other) for other in (every, one, agent)] == [False, False, True]
    assert two.only(2) == Rights(frozenset({2}))
    assert one.only(2) == Rights(frozenset())
