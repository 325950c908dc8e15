"""A period's report once more: the same bytes or computed anew, to whom one chooses, once for each press."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
import time_machine
from django.core import mail
from django.db import IntegrityError, transaction

from portal.audit.models import Entry
from portal.outbox.models import Enclosure, Message
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership
from reports.definitions.periods import Period
from reports.mail import again, deliveries
from reports.mail.due import Kind, back, holding, period_of
from reports.mail.models import Delivery, Edition, Recipient, Subscription
from reports.mail.preview import NoPeriod, TooMany, period_named, preview
from reports.mail.rights import NotAllowed
from reports.mail.send import SendSummary, send_due
from reports.queries.question import QuestionError
from sync.models.calls import Call
from tests.reports.mail.conftest import DUE, HOUR, delivered, messages
from tests.reports.mail.test_subscriptions import BEFORE, WEEK, author, schedule

pytestmark = pytest.mark.django_db
LAST = Period(date(2026, 7, 6), date(2026, 7, 13), "America/Sao_Paulo")
BEFORE_LAST = Period(date(2026, 6, 29), date(2026, 7, 6), "America/Sao_Paulo")


@pytest.fixture(autouse=True)
def _before(mirrored):
    with time_machine.travel(BEFORE, tick=False):
        yield


@pytest.fixture
def sent(acme, ana, bruno):
    """Ana's and Bruno's mail of last week, which has left."""
    row = schedule(acme, ana, to=[ana.email, bruno.email])
    assert send_due(DUE).sent == 2
    return row


def press(tenant, user, row, *, edition=Edition.SAME, to=None, key="one", period=LAST):
    with wall.tenant(tenant):
        readers = again.chosen_readers(row, to)
        hinted = []
        asked = again.Press(period, edition, readers, key)
        with time_machine.travel(DUE + HOUR, tick=False):
            return again.send_period(row, asked, author(tenant, user), lambda *ids: hinted.append(ids))


def test_the_same_mail_leaves_again_byte_by_byte_as_a_message_of_its_own(acme, ana, bruno, sent):
    with wall.tenant(acme):
        first = Message.objects.get(to=bruno.email)
        Enclosure.objects.create(tenant=acme, message=first, name="calls.csv", content_type="text/csv", content=b"a,b")
        Call.objects.all().delete()  # whatever became of the data
    [row] = press(acme, ana, sent, to=[bruno.email])
    with wall.tenant(acme):
        copy = Message.objects.get(pk=row.message_id)
        assert (copy.text, copy.html, copy.headers) == (first.text, first.html, first.headers)
        files, kept = ([bytes(each.content) for each in of.enclosures.order_by("id")] for of in (copy, first))
        assert files == kept
        assert b"a,b" in files
    assert copy.subject == f"Sent again: {first.subject}"
    assert (copy.reference, copy.message_id) != (first.reference, first.message_id)
    assert (row.edition, row.snapshot) == ("same", delivered(acme)[1].snapshot)
    assert send_due(DUE + HOUR) == SendSummary()


def test_one_computed_anew_has_the_figures_of_now_and_says_that_it_is_corrected(acme, ana, sent):
    with wall.tenant(acme):
        Call.objects.filter(started_at__date=date(2026, 7, 8)).delete()
    press(acme, ana, sent, edition=Edition.CORRECTED, to=[ana.email])
    assert send_due(DUE + 2 * HOUR) == SendSummary(sent=1)
    told = mail.outbox[-1]
    assert told.subject.startswith("Corrected: Acme · week 6–12 Jul · 66 calls")
    assert "This report takes the place of the one of " in told.body
    assert "66" in told.body
    with wall.tenant(acme):
        assert Subscription.objects.get().next_due == DUE + WEEK


def test_a_period_that_nobody_was_sent_is_sent_and_corrects_nothing(acme, ana, sent):
    press(acme, ana, sent, edition=Edition.CORRECTED, to=[ana.email], period=BEFORE_LAST)
    assert send_due(DUE + 2 * HOUR).sent == 1
    assert mail.outbox[-1].subject.startswith("Acme · week 29 Jun – 5 Jul")
    assert "takes the place" not in mail.outbox[-1].body
    assert not delivered(acme)[-1].late


def test_a_press_that_comes_twice_sends_once_and_another_press_once_more(acme, ana, bruno, sent):
    first = press(acme, ana, sent)
    assert [row.pk for row in press(acme, ana, sent)] == [row.pk for row in first]
    assert len(messages(acme)) == 4
    with wall.tenant(acme):
        assert Entry.objects.filter(action="period.sent_again").count() == 1
        entry = Entry.objects.get(action="period.sent_again")
        assert entry.about["readers"] == 2
        assert entry.about["period"] == "2026-07-06"
        assert "@" not in str(entry.about)
    press(acme, ana, sent, key="two", to=[ana.email])
    assert len(messages(acme)) == 5


def test_two_presses_at_once_are_one_by_the_database(acme, ana, sent):
    [row, _other] = press(acme, ana, sent)
    with wall.tenant(acme), pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.create(
            tenant=acme, subscription=sent, recipient=row.recipient, period_start=LAST.start, period_end=LAST.end,
            zone=LAST.zone, due_at=DUE, held_until=DUE, edition="same", press="one",
        )  # fmt: skip


def test_what_is_scheduled_stays_once_whatever_was_pressed(acme, ana, sent):
    press(acme, ana, sent, edition=Edition.CORRECTED)
    with wall.tenant(acme):
        Subscription.objects.update(next_due=DUE)
        deliveries.open_due(DUE + HOUR)
        assert Delivery.objects.filter(edition="scheduled").count() == 2
        with pytest.raises(IntegrityError), transaction.atomic():
            Delivery.objects.filter(edition="scheduled").update(press="x")  # no way around the constraint


@pytest.mark.parametrize("how", ["left", "no longer a member", "rights narrowed", "never sent"])
def test_who_may_not_have_it_gets_nothing_and_nor_do_the_others_of_the_press(request, acme, ana, bruno, sent, how):
    edition = Edition.SAME
    with wall.tenant(acme):
        if how == "left":
            Recipient.objects.filter(email=bruno.email).update(left_at=DUE)
        elif how == "no longer a member":
            Membership.objects.filter(user=bruno).delete()
        elif how == "rights narrowed":  # bruno sees another environment now, and not the one of the mail
            grant = Membership.objects.get(user=bruno).grant
            Grant.objects.filter(pk=grant.pk).update(all_environments=False)
            grant.environments.set([request.getfixturevalue("care")])
        else:
            Delivery.objects.filter(recipient__email=bruno.email).delete()
    with pytest.raises(QuestionError) as refused:
        press(acme, ana, sent, edition=edition, to=[ana.email, bruno.email])
    assert "bruno@acme.example" in refused.value.errors["to"]
    with wall.tenant(acme):
        assert not Delivery.objects.exclude(edition="scheduled").exists()
        assert not Entry.objects.filter(action="period.sent_again").exists()


def test_so_many_an_hour(acme, ana, sent, monkeypatch):
    monkeypatch.setattr(again, "MOST_AGAIN", 3)
    press(acme, ana, sent)
    with pytest.raises(TooMany):
        press(acme, ana, sent, key="two")


def test_the_preview_of_a_past_period_is_what_was_mailed_of_it(acme, ana, sent):
    later = DUE + HOUR
    with wall.tenant(acme):
        reader = Recipient.objects.get(email=ana.email)
        for day in ("2026-07-08", ""):
            made = preview(sent, reader, later, period_named(sent, day, later))
            first = Message.objects.get(to=ana.email)
            assert (made.rendered.subject, made.facts.period) == (first.subject, LAST)
            assert made.rendered.text.split("-- ")[0] == first.text.split("-- ")[0]
        made = preview(sent, reader, later, period_named(sent, "2026-07-05", later))
    assert made.rendered.subject.startswith("Acme · week 29 Jun – 5 Jul · 63 calls")
    assert made.facts.period == BEFORE_LAST


def test_whoever_looks_is_shown_no_more_than_he_sees(acme, ana, sent, care):
    with wall.tenant(acme):
        reader = Recipient.objects.get(email=ana.email)
        with pytest.raises(NotAllowed, match="more than you see"):
            preview(sent, reader, DUE, eyes=author(acme, ana).scope.only(care.pk))
        assert preview(sent, reader, DUE, eyes=author(acme, ana).scope)


@pytest.mark.parametrize("day", ["2026-07-13", "2026-07-20", "1999-12-31", "yesterday", "0001-01-01", "9999-12-31"])
def test_a_period_that_is_not_over_or_no_period_is_none(acme, ana, day):
    row = schedule(acme, ana)
    with pytest.raises(NoPeriod):
        period_named(row, day, DUE)
    assert period_named(row, "", DUE) == period_named(row, "2026-07-12", DUE) == LAST


@pytest.mark.parametrize("kind", list(Kind))
def test_periods_join_backwards_and_each_holds_its_days(acme, ana, kind):
    row = schedule(acme, ana, every={"daily": "day", "weekly": "week", "monthly": "month"}[kind])
    periods = back(kind, period_of(row.rhythm, DUE), 40)
    assert len(periods) == 40
    for newer, older in pairwise(periods):
        assert older.end == newer.start
        assert {holding(kind, day, older.zone) for day in older} == {older}
        assert Delivery(period_start=older.start, period_end=older.end).kind == kind
    assert periods[0].end <= (DUE - timedelta(0)).date()
