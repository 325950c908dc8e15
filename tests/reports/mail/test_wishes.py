"""What may be wished of a mail beyond its rhythm: languages of readers, where answers go, what a silence leaves."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core import mail

from portal.audit.models import Entry
from portal.outbox.models import Message
from portal.tenants import wall
from portal.tenants.models.people import Membership, Role
from reports.mail import deliveries, lost
from reports.mail.deliveries import MOST_MISSED, open_due
from reports.mail.due import Kind, Rhythm, dues, next_due
from reports.mail.models import Delivery, Subscription
from reports.mail.plans import plan_of
from reports.mail.send import send_due
from tests.conftest import member
from tests.reports.mail.conftest import DUE, delivered
from tests.reports.mail.test_subscriptions import BEFORE, WEEK, change, schedule

pytestmark = pytest.mark.django_db
ZONES = (
    "America/Sao_Paulo",
    "America/New_York",
    "Europe/Lisbon",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "UTC",
    "Asia/Tokyo",
)


@pytest.fixture(autouse=True)
def _before(mirrored):
    with time_machine.travel(BEFORE, tick=False):
        yield


def test_each_reader_has_his_own_language_and_keeps_it_while_the_usual_one_changes(acme, ana, bruno):
    row = schedule(acme, ana, to=[ana.email, bruno.email], languages={bruno.email: "pt-br"})
    with wall.tenant(acme):
        assert plan_of(row).languages == {bruno.email: "pt-br"}
    send_due(DUE)
    assert [sent.extra_headers["Content-Language"] for sent in mail.outbox] == ["en", "pt-br"]
    change(acme, row, ana, language="pt-br", languages={ana.email: "en"})
    with wall.tenant(acme):
        assert {reader.email: reader.language for reader in row.recipients.all()} == {
            ana.email: "en",
            bruno.email: "pt-br",
        }
    change(acme, row, ana, to=[bruno.email])
    with wall.tenant(acme):
        assert plan_of(Subscription.objects.get()).languages == {}


def test_answers_go_to_the_member_who_is_named_as_long_as_he_is_one(acme, ana):
    joe = member(acme, "joe@acme.example", Role.MANAGER)
    row = schedule(acme, ana, reply_to="Joe@acme.example")
    with wall.tenant(acme):
        [entry] = Entry.objects.filter(action="subscription.added")
    assert entry.changes["reply_to_id"] == [None, "changed"]
    send_due(DUE)
    with wall.tenant(acme):
        Membership.objects.filter(user=joe).delete()
    send_due(DUE + WEEK + timedelta(hours=6))
    assert [sent.extra_headers["Reply-To"] for sent in mail.outbox] == ["joe@acme.example", "ana@acme.example"]
    change(acme, row, ana, hour=9)  # and forgets him
    with wall.tenant(acme):
        assert Subscription.objects.filter(reply_to=None, hour=9).exists()


def test_after_a_silence_each_period_is_sent_the_oldest_first_and_says_that_it_is_late(acme, ana):
    schedule(acme, ana, missed="each", wait_hours=0)
    back = DUE + 3 * WEEK + timedelta(days=2)
    assert send_due(back).sent == 4
    rows = delivered(acme)
    assert [row.period_start for row in rows] == [(DUE + n * WEEK).date() - WEEK for n in range(4)]
    assert [row.due_at for row in rows] == [DUE + n * WEEK for n in range(4)]
    assert all(row.late for row in rows)
    assert [sent.subject.split(" · ")[1] for sent in mail.outbox] == [
        "week 6–12 Jul",
        "week 13–19 Jul",
        "week 20–26 Jul",
        "week 27 Jul – 2 Aug",
    ]
    assert send_due(back).sent == 0
    with wall.tenant(acme):
        assert Subscription.objects.get().next_due == DUE + 4 * WEEK


def test_a_silence_opens_a_bounded_number_of_periods_the_last_ones(acme, ana):
    schedule(acme, ana, every="day", missed="each")
    with wall.tenant(acme):
        open_due(DUE + timedelta(days=100))
        days = list(Delivery.objects.order_by("id").values_list("period_start", flat=True))
    assert len(days) == MOST_MISSED
    assert days[-1] == (DUE + timedelta(days=99)).date()
    assert days == sorted(set(days))


@pytest.mark.parametrize(("missed", "passed"), [("each", 103 - MOST_MISSED), ("latest", 102)])
def test_how_many_were_passed_over_is_kept_logged_and_told_once(acme, ana, caplog, missed, passed):
    type(ana).objects.update(language="en")
    schedule(acme, ana, every="day", missed=missed)
    back = DUE + timedelta(days=100)
    with time_machine.travel(back, tick=False):
        with wall.tenant(acme):
            open_due(back)
            counts = list(Delivery.objects.order_by("id").values_list("passed_over", flat=True))
        lost.watch()
        lost.watch()
    assert counts == [passed, *([0] * (len(counts) - 1))]
    assert f"{passed} periods were due" in caplog.text
    with wall.tenant(acme):
        [told] = Message.objects.filter(rule="lost")
    assert told.subject == f"{acme.name}: scheduled mails that were not sent"
    assert f"{passed} periods before it were passed over after a time of silence." in told.text


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("kind", list(Kind))
def test_missed_instants_are_those_that_would_have_been_due_one_by_one(zone, kind):
    """Over a year with every change of clocks, whenever the silence begins and ends."""
    rhythm = Rhythm(kind, zone, hour=2, weekday=6)
    first = next_due(rhythm, datetime(2025, 12, 31, tzinfo=UTC))
    one_by_one = [first]
    while one_by_one[-1] < datetime(2027, 1, 1, tzinfo=UTC):
        one_by_one.append(next_due(rhythm, one_by_one[-1]))
    end = datetime(2027, 1, 1, tzinfo=ZoneInfo(zone))
    assert dues(rhythm, first, end, 1000) == [at for at in one_by_one if at <= end]
    assert dues(rhythm, first, end, 5) == [at for at in one_by_one if at <= end][-5:]
    assert dues(rhythm, first, first, 5) == [first]


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe"])
def test_two_beats_after_a_silence_over_a_change_of_clocks_open_each_period_once(acme, ana, zone):
    row = schedule(acme, ana, every="day", zone=zone, hour=2, missed="each")
    begin, end = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 10, tzinfo=UTC)
    with wall.tenant(acme):
        Subscription.objects.update(next_due=next_due(row.rhythm, begin))
        slow = list(Subscription.objects.all())  # a second beat has read the row before the first moved it
        for days in (20, 21, 40):
            open_due(begin + timedelta(days=days))
            open_due(begin + timedelta(days=days))
        assert not deliveries._open(slow[0], end)
        found = list(Delivery.objects.order_by("period_start").values_list("period_start", "period_end"))
    assert [end for _start, end in found[:-1]] == [start for start, _end in found[1:]]
    assert len(found) == len(set(found))


def test_the_parts_chosen_stand_in_their_order_under_an_own_subject_and_note(acme, ana):
    row = schedule(
        acme, ana, sections=["agents", "headlines"], subject="  Clara's \n week", note="Look at Tuesday.\r\nThanks"
    )
    send_due(DUE)
    [sent] = mail.outbox
    assert sent.subject == "Clara's week · week 6–12 Jul"
    assert "Look at Tuesday.\nThanks" in sent.body
    html = sent.alternatives[0][0]
    for part in (sent.body, html):
        said = part.casefold()  # the text has its headings in capitals
        assert "day by day" not in said
        assert said.index("agents, worst change first") < said.index("callbacks answered")
    with wall.tenant(acme):
        [entry] = Entry.objects.filter(action="subscription.added")
        assert entry.changes["sections"] == [None, ["agents", "headlines"]]
        assert "Clara" not in str(entry.changes) + str(entry.about)
    change(acme, row, ana, sections=[])
    with wall.tenant(acme):
        assert Subscription.objects.get().sections == []  # and one that a later version brings
