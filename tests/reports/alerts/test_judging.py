"""Alerts looked at over a stretch of time: against a count of its own, on data that are not whole, by two at once."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection

from portal.accounts.keys import NewKey, issue_key
from portal.lib.ids import uuid7
from portal.outbox import post
from portal.outbox.models import Message
from portal.tenants import wall
from portal.tenants.models.people import Membership, Role, User
from reports.alerts import acts
from reports.alerts.models import Alert, WebhookPost
from reports.alerts.wishes import read_plan
from sync.models.calls import Call
from sync.models.connections import Connection
from sync.models.runs import Gap, Window
from tests.conftest import member
from tests.reports.alerts.conftest import author, events, look, read_until, standing
from tests.reports.mail.conftest import DUE, HOUR

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def call(environment, at, number=0, status="completed"):
    """A call that began then."""
    return Call(
        id=uuid7(),
        tenant_id=environment.tenant_id,
        environment=environment,
        external_id=f"x-{at:%d%H%M}-{number}",
        status=status,
        direction="outbound",
        started_at=at,
        duration_ms=60_000,
        from_number="+551130000000",
        to_number="+5511987654321",
        contact="5511987654321",
        digest=b"." * 16,
        read_at=at,
        first_seen_at=at,
        changed_at=at,
    )


def test_a_figure_fires_once_and_recovers(acme, mirrored, ana):
    read_until(acme, DUE)
    alert = standing(acme, ana, when="above", metric="attempts", value=1, over="today", to=[ana.email], cool_down=60)
    assert look(acme, DUE) == 0  # no call today yet
    with wall.tenant(acme):
        Call.objects.bulk_create([call(mirrored, DUE - timedelta(minutes=n), n) for n in (5, 6)])
    assert look(acme, DUE + timedelta(minutes=2)) == 1
    for minute in (3, 4, 10):
        assert look(acme, DUE + timedelta(minutes=minute)) == 0
    (fired,) = events(acme)
    assert (fired.kind, fired.value, fired.n) == ("fired", 2.0, 2)
    with wall.tenant(acme):
        mail = Message.objects.get()
        assert mail.to == ana.email
        assert mail.subject == "Alerta: Watch"  # the company speaks Portuguese
        assert "acima de 1" in mail.text
        assert not mail.urgent
        Call.objects.filter(external_id__startswith="x-").delete()
    assert look(acme, DUE + timedelta(minutes=12)) == 1
    assert [event.kind for event in events(acme)] == ["fired", "recovered"]
    with wall.tenant(acme):
        Call.objects.bulk_create([call(mirrored, DUE - timedelta(minutes=n), n) for n in (5, 6)])
        read_until(acme, DUE + HOUR)
    assert look(acme, DUE + timedelta(minutes=20)) == 0  # silent
    assert look(acme, DUE + timedelta(minutes=63)) == 1  # it still holds when the silence is over
    with wall.tenant(acme):
        assert Alert.objects.get(pk=alert.pk).firing


@pytest.mark.fault
def test_what_a_clock_ahead_told_silences_an_alert_no_longer(acme, mirrored, ana):
    read_until(acme, DUE)
    standing(acme, ana, when="above", metric="attempts", value=1, over="today", to=[ana.email], cool_down=60)
    with wall.tenant(acme):
        Call.objects.bulk_create([call(mirrored, DUE - timedelta(minutes=n), n) for n in (5, 6)])
        ahead = DUE + timedelta(days=365)
        Alert.objects.update(since=ahead, quiet_until=ahead + HOUR)
    assert look(acme, DUE + timedelta(minutes=2)) == 1


def test_no_calls_in_office_hours_against_a_count_of_its_own(acme, mirrored, ana):
    """Ten days, looked at each hour; calls by a plan; expected from the plan alone."""
    first = date(2026, 8, 31)  # Monday; 7 September is a holiday
    with wall.tenant(acme):
        calls, plan = [], {}
        for number in range(10):
            day = first + timedelta(days=number)
            for hour in range(24):
                n = 0 if hour in (12, 13) or (number == 3 and 9 <= hour < 18) else 1
                plan[day, hour] = n
                local = datetime(day.year, day.month, day.day, hour, 10, tzinfo=UTC) + 3 * HOUR
                calls += [call(mirrored, local, number * 100 + hour)] * n
        Call.objects.bulk_create(calls)
        ours = {"tenant_id": acme.pk, "environment": mirrored, "mirrored": 0, "vendor_total": 0}
        days = [first + timedelta(days=number) for number in range(-9, 12)]
        Window.objects.bulk_create(
            Window(**ours, stream="calls", part=day.isoformat(), day=day, state="complete", read_at=DUE) for day in days
        )
    standing(acme, ana, when="no_calls", over="last_2_hours", to=[ana.email], cool_down=0)
    at = datetime(2026, 8, 31, 3, tzinfo=UTC)
    while at < datetime(2026, 9, 10, 3, tzinfo=UTC):
        read_until(acme, at)
        look(acme, at)
        at += HOUR
    expected, firing = [], False
    for number in range(10):
        day = first + timedelta(days=number)
        if day.isoweekday() > 5 or day == date(2026, 9, 7):
            continue
        for end in range(11, 19):  # the two hours before it are office hours
            quiet = plan[day, end - 2] + plan[day, end - 1] == 0
            if quiet != firing:
                firing = quiet
                expected.append(("fired" if quiet else "recovered", day, end))
    told = [(event.kind, (event.at - 3 * HOUR).date(), (event.at - 3 * HOUR).hour) for event in events(acme)]
    assert told == expected
    assert len(told) == 14


def test_it_never_fires_on_data_that_are_not_whole(acme, mirrored, ana):
    read_until(acme, DUE)
    with wall.tenant(acme):
        Window.objects.filter(stream="calls", day=date(2026, 7, 8)).update(state="incomplete")
    standing(acme, ana, when="above", metric="attempts", value=1, over="last_7_days", to=[ana.email])
    assert look(acme, DUE) == 0
    with wall.tenant(acme):
        assert Alert.objects.get().doubt == "incomplete"
    read_until(acme, DUE)
    assert look(acme, DUE + timedelta(minutes=1)) == 1


def test_old_data_of_a_period_that_runs_say_nothing(acme, mirrored, ana):
    read_until(acme, DUE - 3 * HOUR)
    standing(acme, ana, when="below", metric="attempts", value=100, over="today", to=[ana.email])
    assert look(acme, DUE) == 0
    with wall.tenant(acme):
        assert Alert.objects.get().doubt == "late"
    read_until(acme, DUE)
    assert look(acme, DUE + timedelta(minutes=1)) == 1


def test_the_last_hour_is_the_last_that_was_read_and_changes_against_a_week_before(acme, mirrored, ana):
    """10 h of Sao Paulo has calls each day, two more each week; the hour before has none."""
    monday = datetime(2026, 7, 6, 14, 5, tzinfo=UTC)  # 11:05
    read_until(acme, monday)
    rule = {"when": "change_above", "metric": "attempts", "value": 10, "over": "last_hour", "minimum_n": 0}
    standing(acme, ana, **rule, to=[ana.email])
    assert look(acme, monday) == 1
    (event,) = events(acme)
    # The fifth week has eleven calls, the fourth nine.
    assert (event.n, round(event.value, 3)) == (11, round(2 / 9 * 100, 3))
    assert (event.begins, event.ends) == (monday.replace(hour=13, minute=0), monday.replace(hour=14, minute=0))


@pytest.mark.parametrize(
    "rule",
    [
        {"when": "no_calls"},
        {"when": "below", "metric": "attempts", "value": 5},
        {"when": "change_below", "metric": "attempts", "value": -50, "minimum_n": 0},
    ],
)
def test_an_hour_that_is_read_in_part_fires_nothing(acme, mirrored, ana, rule):
    """Its calls are there once it is read to its end; until then the hour before is the last one."""
    end = datetime(2026, 7, 6, 14, tzinfo=UTC)  # Monday, 11 h in Sao Paulo
    with wall.tenant(acme):
        Call.objects.filter(started_at__gte=end - HOUR).delete()
        weeks = ((days, number) for days in (0, 7) for number in range(9))
        Call.objects.bulk_create(
            call(mirrored, end - timedelta(days=days, minutes=70 + number), number) for days, number in weeks
        )
    standing(acme, ana, over="last_hour", to=[ana.email], cool_down=0, **rule)
    for minute in (-50, -30, -1):
        read_until(acme, end + timedelta(minutes=minute))
        assert look(acme, end + timedelta(minutes=5)) == 0, minute
    read_until(acme, end)
    assert look(acme, end + timedelta(minutes=6)) == 1
    (event,) = events(acme)
    assert (event.begins, event.ends) == (end - HOUR, end)


@pytest.mark.parametrize(("calls", "fires"), [(3, 0), (40, 1)])
def test_a_change_from_three_calls_fires_nothing(acme, mirrored, ana, calls, fires):
    """However many there are now: of three nobody can say what share is usual."""
    read_until(acme, DUE)
    with wall.tenant(acme):
        Call.objects.all().delete()
        for days, count, status in ((1, 60, "completed"), (8, calls, "no-answer")):
            at = DUE - timedelta(days=days)
            Call.objects.bulk_create(call(mirrored, at, number, status) for number in range(count))
            Call.objects.bulk_create([call(mirrored, at, 99)])
    standing(acme, ana, when="change_above", metric="connect_rate", value=5, over="last_7_days", to=[ana.email])
    assert look(acme, DUE) == fires
    with wall.tenant(acme):
        assert Alert.objects.get().doubt == ("" if fires else "too few")


@pytest.mark.parametrize("when", ["stale", "gap", "rejected"])
def test_what_is_about_the_data_fires_on_them(acme, mirrored, ana, when):
    read_until(acme, DUE)
    standing(acme, ana, when=when, to=[ana.email], **({"value": 6} if when == "stale" else {}))
    assert look(acme, DUE + timedelta(minutes=1)) == 0
    at = DUE + timedelta(minutes=2)
    with wall.tenant(acme):
        if when == "stale":
            at = DUE + timedelta(hours=7)
        elif when == "gap":
            found = {"stream": "calls", "part": "x", "fault": "server_error", "opened_at": DUE - 2 * HOUR}
            Gap.objects.create(tenant=acme, environment=mirrored, **found)
        else:
            Connection.objects.update(state="rejected", state_since=DUE)
    assert look(acme, at) == 1
    (event,) = events(acme)
    assert event.places == ["Sales"]
    with wall.tenant(acme):
        read_until(acme, at)
        Gap.objects.update(closed_at=at)
        Connection.objects.update(state="ok")
        assert "Sales" in Message.objects.get().text
    assert look(acme, at + timedelta(minutes=1)) == 1
    assert [each.kind for each in events(acme)] == ["fired", "recovered"]


def test_a_maker_who_has_gone_and_readers_who_see_less_are_told_nothing(acme, mirrored, ana, care):
    read_until(acme, DUE)
    less = member(acme, "less@acme.example", Role.VIEWER, care)
    maker = member(acme, "maker@acme.example", Role.MANAGER)
    to, own = [less.email, ana.email], {"environment": str(mirrored.public_id)}
    standing(acme, maker, when="below", metric="attempts", value=100, over="today", to=to, filters=own)
    with wall.tenant(acme):
        Membership.objects.filter(user=maker).update(role=Role.VIEWER)
    assert look(acme, DUE) == 1
    with wall.tenant(acme):
        (mail,) = Message.objects.all()
        assert mail.to == ana.email
        Membership.objects.filter(user=ana).delete()
        assert post.deliver(mail.pk) == "suppressed"
        Membership.objects.filter(user=maker).delete()
    look(acme, DUE + timedelta(minutes=2))
    with wall.tenant(acme):
        assert Alert.objects.get().doubt == "nobody vouches"


def test_an_alert_of_a_key_rests_once_the_keys_maker_has_no_account(acme, mirrored, ana):
    read_until(acme, DUE)
    maker = member(acme, "maker@acme.example", Role.MANAGER)
    with wall.tenant(acme):
        key, _ = issue_key(acme, NewKey("sync", Role.MANAGER), by=maker)
        by = replace(author(acme, maker), user=None, key=key)
        values = {"when": "below", "metric": "attempts", "value": 100, "over": "today", "to": [ana.email]}
        acts.create(read_plan({"name": "Watch"} | values, by), by)
    assert look(acme, DUE) == 1
    User.objects.filter(pk=maker.pk).update(is_active=False)
    look(acme, DUE + timedelta(minutes=2))
    with wall.tenant(acme):
        assert post.deliver(Message.objects.get(rule="alert").pk) == "suppressed"
        assert Alert.objects.get().doubt == "nobody vouches"


def test_an_alert_rests_once_its_makers_account_is_closed(acme, mirrored, ana):
    read_until(acme, DUE)
    maker = member(acme, "maker@acme.example", Role.MANAGER)
    standing(acme, maker, when="below", metric="attempts", value=100, over="today", to=[ana.email])
    User.objects.filter(pk=maker.pk).update(is_active=False)
    assert look(acme, DUE) == 0
    with wall.tenant(acme):
        assert Alert.objects.get().doubt == "nobody vouches"


def test_another_rule_begins_anew_and_a_removed_alert_says_no_more(acme, mirrored, ana):
    read_until(acme, DUE)
    alert = standing(acme, ana, when="below", metric="attempts", value=100, over="today", to=[ana.email])
    assert look(acme, DUE) == 1
    with wall.tenant(acme):
        by = author(acme, ana)
        row = Alert.objects.get()
        acts.change(row, read_plan({"value": 50}, by, before=row), by)
        row.refresh_from_db()
        assert not row.firing
    assert look(acme, DUE + timedelta(minutes=1)) == 1
    with wall.tenant(acme):
        acts.remove(Alert.objects.get(pk=alert.pk), by)
    assert look(acme, DUE + timedelta(minutes=9)) == 0


@pytest.mark.django_db(transaction=True)
def test_two_that_look_at_once_fire_once(acme, mirrored, ana, settings):
    read_until(acme, DUE)
    settings.UPSTREAM_ALLOW_PRIVATE = True
    hook = {"webhook": "http://127.0.0.1:9/hook"}
    standing(acme, ana, when="below", metric="attempts", value=100, over="today", to=[ana.email], **hook)
    together, told = Barrier(4), []

    def run():
        try:
            together.wait(20)
            told.append(look(acme, DUE))
        finally:
            connection.close()

    threads = [Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(told) == [0, 0, 0, 1]
    with wall.tenant(acme):
        assert (len(events(acme)), Message.objects.count(), WebhookPost.objects.count()) == (1, 1, 1)
