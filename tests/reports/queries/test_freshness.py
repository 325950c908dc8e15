"""What stands under a figure: complete or not, as of when, and why not."""

import secrets
from datetime import UTC, date, datetime, timedelta

import pytest

from portal.tenants import wall
from reports.definitions.periods import Period
from reports.queries.completeness import standing
from reports.queries.completeness.freshness import behind, completeness, freshness
from reports.queries.question import CallQuestion, Filters
from reports.queries.scope import Scope
from sync.models.changes import CallChange
from sync.models.connections import Connection
from sync.models.quarantine import Quarantine
from sync.models.runs import Gap, Window
from tests import factories
from tests.factories import TIME_ZERO

ZONE = "America/Sao_Paulo"
WEEK = Period(date(2026, 7, 6), date(2026, 7, 13), ZONE)  # touches the UTC days 6 to 13
NOW = datetime(2026, 7, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def window(environment, day: date, **fields) -> Window:
    end = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    told = {"state": "complete", "read_at": end + timedelta(days=2), "mirrored": 10, "vendor_total": 10} | fields
    return Window.objects.create(
        tenant_id=environment.tenant_id, environment=environment, stream="calls", part=str(day), day=day, **told
    )


def connect(environment, since: date) -> None:
    Connection.objects.create(
        tenant_id=environment.tenant_id, environment=environment, provider=environment.provider,
        base_url="https://vendor.example", token="t", token_fingerprint="f", since=since,
    )  # fmt: skip


@pytest.fixture(autouse=True, params=["one by one", "settled days together"])
def few(request, monkeypatch):
    """Few days are looked at one by one, the settled ones of many together: the same must come of both."""
    monkeypatch.setattr(standing, "FEW", standing.FEW if request.param == "one by one" else 0)


@pytest.fixture
def whole_week(behind_acme, sales):
    connect(sales, date(2026, 1, 1))
    return [window(sales, date(2026, 7, day)) for day in range(6, 14)]


def state(tenant, *environments, period: Period = WEEK, now: datetime = NOW, **more):
    scope = Scope(tenant.pk, ZONE, frozenset(row.pk for row in environments))
    return completeness(scope, period, Filters(), now=now, **more)


def test_a_week_read_whole_is_complete(acme, sales, whole_week):
    found = state(acme, sales)
    assert (found.complete, found.mirrored, found.vendor_total, found.gaps) == (True, 80, 80, ())
    assert found.as_of == datetime(2026, 7, 9, tzinfo=UTC)  # the oldest reading


@pytest.mark.parametrize(
    "fields", [{"state": "incomplete"}, {"state": "due"}, {"read_at": datetime(2026, 7, 8, 20, tzinfo=UTC)}]
)
def test_one_day_not_read_whole_is_enough(acme, sales, whole_week, fields):
    Window.objects.filter(pk=whole_week[2].pk).update(**fields)
    assert not state(acme, sales).complete


def test_a_missing_day_is_not_complete_and_its_calls_are_counted(acme, sales, whole_week):
    whole_week[2].delete()
    factories.call(sales, "a", started_at=TIME_ZERO)
    factories.call(sales, "gone", started_at=TIME_ZERO, missing_since=NOW)
    found = state(acme, sales)
    assert (found.complete, found.mirrored) == (False, 71)


def test_days_before_the_history_begins_count_as_what_they_are(acme, sales, whole_week):
    """Not complete while one of them was never read; complete once each was, though nobody reads them again."""
    Connection.objects.update(since=date(2026, 7, 8))
    assert state(acme, sales).complete
    whole_week[0].delete()
    assert not state(acme, sales).complete


def test_nothing_read_is_not_complete(acme, sales, behind_acme):
    found = state(acme, sales)
    assert (found.complete, found.as_of, found.vendor_total) == (False, None, None)
    assert not state(acme).complete


def test_today_counts_as_of_its_reading(acme, sales, whole_week):
    now = datetime(2026, 7, 13, 1, tzinfo=UTC)
    read = now - timedelta(minutes=5)
    Window.objects.filter(pk=whole_week[-1].pk).update(read_at=read)
    found = state(acme, sales, now=now)
    assert (found.complete, found.as_of) == (True, read)


def test_yesterday_read_before_it_ended_makes_figures_that_old(acme, sales, whole_week):
    now = datetime(2026, 7, 13, 1, tzinfo=UTC)
    old = datetime(2026, 7, 12, 15, tzinfo=UTC)
    Window.objects.filter(pk=whole_week[-1].pk).update(read_at=now)
    Window.objects.filter(pk=whole_week[-2].pk).update(read_at=old)
    assert state(acme, sales, now=now).as_of == old


@pytest.mark.parametrize(
    ("minutes", "read", "complete"),
    [(5, 10, True), (59, 59, True), (61, 10, False), (30, 61, False), (20, 15, True)],
)
def test_a_day_that_has_just_begun_does_not_make_figures_incomplete(acme, sales, whole_week, minutes, read, complete):
    """At midnight of UTC, nine in the evening in Sao Paulo, nobody has read the new day yet."""
    now = datetime(2026, 7, 13, tzinfo=UTC) + timedelta(minutes=minutes)
    at = now - timedelta(minutes=read)
    whole_week[-1].delete()
    Window.objects.filter(pk=whole_week[-2].pk).update(read_at=at)
    for period in (
        WEEK,
        Period(date(2026, 7, 12), date(2026, 7, 13), ZONE),
        Period(now.date(), now.date() + DAY, "UTC"),
    ):
        found = state(acme, sales, period=period, now=now)
        assert (found.complete, complete and found.as_of) == (complete, complete and at), period


def test_a_day_that_was_tried_or_follows_one_that_was_not_whole_is_not_excused(acme, sales, whole_week):
    now = datetime(2026, 7, 13, 0, 20, tzinfo=UTC)
    Window.objects.filter(pk=whole_week[-2].pk).update(read_at=now - timedelta(minutes=15))
    Window.objects.filter(pk=whole_week[-1].pk).update(state="incomplete", read_at=None)
    assert not state(acme, sales, now=now).complete
    whole_week[-1].delete()
    assert state(acme, sales, now=now).complete
    Window.objects.filter(pk=whole_week[-2].pk).update(state="incomplete")
    assert not state(acme, sales, now=now).complete


def test_gaps_of_the_period_are_named(acme, sales, whole_week):
    for day, fault in ((8, "server"), (30, "timeout")):
        Gap.objects.create(
            tenant=acme, environment=sales, stream="calls", part=f"2026-07-{day:02}", day=date(2026, 7, day),
            fault=fault, opened_at=NOW,
        )  # fmt: skip
    assert [(gap.fault, gap.environment_name) for gap in state(acme, sales).gaps] == [("server", "Sales")]


def test_callbacks_are_asked_for_only_where_figures_rest_on_them(acme, sales, whole_week):
    assert not state(acme, sales, streams=("calls", "callbacks")).complete
    for row in whole_week:
        row.pk, row.stream = None, "callbacks"
        row.save()
    found = state(acme, sales, streams=("calls", "callbacks"))
    assert (found.complete, found.mirrored) == (True, 80)


def test_histories_read_whole_are_complete_from_the_periods_end_on(acme, care, behind_acme):
    factories.call(care, "a")
    rows = [
        Window.objects.create(
            tenant=acme, environment=care, stream="calls", part=f"agent:{n}", state="complete", read_at=NOW,
            mirrored=5, vendor_total=5,
        )
        for n in (7, 8)
    ]  # fmt: skip
    found = state(acme, care)
    assert (found.complete, found.as_of, found.mirrored, found.vendor_total) == (True, NOW, 1, 1)
    early = WEEK.ends_at - timedelta(hours=2)
    Window.objects.filter(pk=rows[0].pk).update(read_at=early)
    assert not state(acme, care).complete
    running = state(acme, care, now=WEEK.ends_at - timedelta(hours=1))
    assert (running.complete, running.as_of) == (True, early)
    Window.objects.filter(pk=rows[0].pk).update(read_at=WEEK.ends_at - timedelta(minutes=4))
    for minutes, complete in ((3, True), (55, True), (57, False), (90, False)):
        assert state(acme, care, now=WEEK.ends_at + timedelta(minutes=minutes)).complete is complete


def test_one_environment_not_complete_makes_all_not_complete(acme, sales, care, whole_week):
    assert not state(acme, sales, care).complete


def test_a_retired_environment_needs_nothing_after_its_end(acme, sales, care, whole_week):
    """It was last read before its last day ended; another environment goes on."""
    connect(care, date(2026, 1, 1))
    Window.objects.create(
        tenant_id=acme.pk, environment=care, stream="calls", part="agent:7", state="complete", read_at=NOW, mirrored=0
    )
    for row in whole_week[4:]:
        row.delete()
    read = datetime(2026, 7, 9, 14, tzinfo=UTC)
    Window.objects.filter(pk=whole_week[3].pk).update(read_at=read)
    assert not state(acme, sales, care).complete
    sales.retired_at = read + timedelta(minutes=10)
    sales.save()
    found = state(acme, sales, care)
    assert (found.complete, found.as_of, state(acme, sales).as_of) == (True, NOW, read)
    later = Period(WEEK.end, WEEK.end + timedelta(days=7), ZONE)
    assert state(acme, sales, period=later).complete
    whole_week[1].delete()
    assert not state(acme, sales, care).complete


def test_corrections_are_calls_changed_after_their_local_day(acme, sales, behind_acme):
    call = factories.call(sales, "a", started_at=datetime(2026, 7, 8, 23, tzinfo=UTC))  # 20:00 there
    twice = factories.call(sales, "b", started_at=datetime(2026, 7, 8, 15, tzinfo=UTC))
    outside = factories.call(sales, "c", started_at=datetime(2026, 7, 1, 15, tzinfo=UTC))

    def change(row, at: datetime) -> None:
        CallChange.objects.create(
            tenant=acme, environment=sales, call=row, at=at, was_started_at=row.started_at, was_status="ringing",
            now_status="completed",
        )  # fmt: skip

    change(call, datetime(2026, 7, 9, 2, 59, tzinfo=UTC))  # the same evening
    assert state(acme, sales).corrections == 0
    change(call, datetime(2026, 7, 9, 3, 0, tzinfo=UTC))
    for hour in (1, 2):
        change(twice, NOW + timedelta(hours=hour))
    change(outside, NOW)
    assert state(acme, sales).corrections == 2


def test_each_stream_says_how_far_it_is(acme, sales, care, whole_week):
    Window.objects.filter(pk=whole_week[5].pk).update(state="incomplete")
    scope = Scope(acme.pk, ZONE, frozenset({sales.pk, care.pk}))
    by_name = {row.name: row for row in freshness(scope, now=NOW)}
    assert by_name["Care"].streams == {}
    calls = by_name["Sales"].streams["calls"]
    assert (calls.complete_through, calls.mirrored, calls.vendor_total) == (date(2026, 7, 10), 80, 80)
    assert calls.complete_from == whole_week[0].day
    Window.objects.filter(pk=whole_week[0].pk).update(state="incomplete")
    (calls,) = (row.streams["calls"] for row in freshness(scope, now=NOW) if row.name == "Sales")
    assert (calls.complete_from, calls.complete_through) == (None, None)


def test_who_may_see_some_agents_is_told_how_many_calls_of_theirs_there_are_and_no_total(acme, sales, whole_week):
    anna, otto = factories.agent(sales, "anna"), factories.agent(sales, "otto")
    for number, agent in enumerate((anna, anna, otto)):
        factories.call(sales, f"c{number}", agent=agent)
    scope = Scope(acme.pk, ZONE, frozenset({sales.pk}), frozenset({anna.pk}))
    (of_anna,) = (row.streams["calls"] for row in freshness(scope, now=NOW))
    assert (of_anna.mirrored, of_anna.vendor_total) == (2, None)


def test_days_read_from_before_the_history_hide_nothing_of_it(acme, sales, whole_week):
    """One old day that a person read is no gap in the history; days that join it without a gap lengthen it."""
    Connection.objects.update(since=date(2026, 7, 8))
    window(sales, date(2025, 3, 1))
    scope = Scope(acme.pk, ZONE, frozenset({sales.pk}))

    def told():
        return freshness(scope, now=NOW)[0].streams["calls"]

    assert (told().complete_from, told().complete_through) == (date(2026, 7, 6), date(2026, 7, 13))
    assert not behind(CallQuestion(date_to=date(2026, 7, 12)), scope, now=NOW).complete  # it lists that old day as well
    whole_week[1].delete()
    assert (told().complete_from, told().complete_through) == (date(2026, 7, 8), date(2026, 7, 13))


def test_foreign_environments_are_not_told(acme, globex, sales, foreign, whole_week):
    with wall.tenant(globex):
        assert freshness(Scope(globex.pk, ZONE, frozenset({sales.pk}))) == []


def test_a_list_without_a_first_day_begins_with_the_history_that_was_asked_for(acme, sales, care, whole_week):
    """History begins at midnight of UTC; in São Paulo the day that this midnight lies in has hours before it."""
    Connection.objects.update(since=date(2026, 7, 6))
    for day in range(14, 20):
        window(sales, date(2026, 7, day))
    window(sales, NOW.date(), read_at=NOW)
    scope = Scope(acme.pk, ZONE, frozenset({sales.pk}))
    assert behind(CallQuestion(), scope, now=NOW).complete
    Window.objects.filter(day=date(2026, 7, 6)).delete()
    assert not behind(CallQuestion(), scope, now=NOW).complete
    assert behind(CallQuestion(date_from=date(2026, 7, 7)), scope, now=NOW).complete


def aside(environment, part: str, day: date | None, **fields) -> Quarantine:
    told = {"stream": "calls", "kind": "call", "digest": secrets.token_bytes(16), "raw": "17", "reason": "r"}
    seen = {"first_seen_at": NOW - timedelta(days=9), "last_seen_at": NOW}
    rows = Quarantine.objects.filter(environment=environment).count()
    return Quarantine.objects.create(
        tenant_id=environment.tenant_id, environment=environment, part=part, day=day, external_id=str(rows),
        **(told | seen | fields),
    )  # fmt: skip


def test_a_day_with_elements_nobody_could_read_is_not_complete_and_says_how_many(acme, sales, whole_week):
    day = date(2026, 7, 8)
    Window.objects.filter(day=day).update(state="unreadable", mirrored=7)
    aside(sales, str(day), day, times=2)
    aside(sales, str(day), day)
    found = state(acme, sales)
    assert (found.complete, found.mirrored, found.vendor_total, found.quarantined) == (False, 77, 80, 3)
    assert [(gap.fault, gap.day, gap.quarantined) for gap in found.gaps] == [("unreadable", day, 3)]
    other = state(acme, sales, period=Period(date(2026, 7, 9), date(2026, 7, 13), ZONE))
    assert (other.complete, other.quarantined, other.gaps) == (True, 0, ())


def test_what_was_accepted_or_released_makes_nothing_incomplete(acme, sales, whole_week):
    day = date(2026, 7, 8)
    Window.objects.filter(day=day).update(mirrored=8)
    aside(sales, str(day), day, times=2, accepted_at=NOW, note="a heartbeat")
    aside(sales, str(day), day, released_at=NOW)
    found = state(acme, sales)
    assert (found.complete, found.mirrored, found.vendor_total) == (True, 78, 80)
    assert (found.quarantined, found.accepted, found.gaps) == (0, 2, ())


@pytest.fixture
def history(behind_acme, care):
    """An agent whose whole history was read after the week, one call of which is on Wednesday."""
    connect(care, date(2026, 1, 1))
    factories.call(care, "a", started_at=TIME_ZERO)
    return Window.objects.create(
        tenant_id=care.tenant_id, environment=care, stream="calls", part="agent:7", state="unreadable",
        read_at=NOW, mirrored=1, vendor_total=2,
    )  # fmt: skip


def test_a_broken_call_of_a_history_makes_its_own_day_incomplete_and_no_other(acme, care, history):
    aside(care, "agent:7", TIME_ZERO.date())
    found = state(acme, care)
    assert (found.complete, found.mirrored, found.vendor_total, found.quarantined) == (False, 1, 2, 1)
    assert [(gap.part, gap.day) for gap in found.gaps] == [("agent:7", TIME_ZERO.date())]
    week = timedelta(days=7)
    for period in (Period(WEEK.start - week, WEEK.end - week, ZONE), Period(WEEK.end + DAY, WEEK.end + week, ZONE)):
        other = state(acme, care, period=period)
        assert (other.complete, other.quarantined, other.gaps) == (True, 0, ())
    (told,) = freshness(Scope(acme.pk, ZONE, frozenset([care.pk])), now=NOW)
    stream = told.streams["calls"]
    assert (stream.complete_through, stream.quarantined) == (TIME_ZERO.date() - DAY, 1)


def test_a_broken_call_without_a_day_may_be_of_any_up_to_when_it_was_seen(acme, care, history):
    """Nobody knows the total of a period it may be of; what began after it was seen is not in doubt."""
    row = aside(care, "agent:7", None)
    found = state(acme, care)
    assert (found.complete, found.mirrored, found.vendor_total, found.quarantined) == (False, 1, None, 1)
    assert [gap.day for gap in found.gaps] == [None]
    seen = row.first_seen_at.date()
    assert not state(acme, care, period=Period(date(2026, 2, 1), date(2026, 2, 2), ZONE)).complete
    after = Period(seen + DAY, seen + 2 * DAY, "UTC")
    assert state(acme, care, period=after).complete
    (told,) = freshness(Scope(acme.pk, ZONE, frozenset([care.pk])), now=NOW)
    assert told.streams["calls"].complete_through is None


def test_a_broken_agent_is_no_matter_of_calls(acme, sales, whole_week):
    Window.objects.create(
        tenant_id=acme.pk, environment=sales, stream="agents", part="all", state="unreadable", read_at=NOW,
    )  # fmt: skip
    aside(sales, "all", None, stream="agents", kind="agent")
    assert state(acme, sales).complete
    (told,) = freshness(Scope(acme.pk, ZONE, frozenset([sales.pk])), now=NOW)
    assert (told.streams["agents"].complete_through, told.streams["agents"].quarantined) == (None, 1)
    assert [gap.fault for gap in told.streams["agents"].gaps] == ["unreadable"]
    assert told.streams["calls"].gaps == ()
