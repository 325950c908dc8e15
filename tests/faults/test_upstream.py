"""Vendors that fail, hang, lie and forget."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db.models import F

from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.work.clock import database_now
from reports.definitions.periods import Period
from reports.queries.ask import ask
from reports.queries.question import Question
from reports.queries.scope import Scope
from sync.connections import change_token, explain
from sync.models.agents import Agent
from sync.models.calls import Call
from sync.models.campaigns import Campaign
from sync.models.connections import Connection
from sync.models.quarantine import Quarantine
from sync.models.runs import Gap, Run, RunState, Window, WindowState
from sync.providers import limits
from sync.providers.errors import UpstreamError
from sync.reading.reconcile import NotComparable, reconcile
from sync.reading.runner import Manner, pull
from sync.sandbox.faults import DOCUMENTS, ITEMS
from sync.sandbox.server import Sandbox
from sync.taxonomy import Fault, Stream
from tests.faults import invariants
from tests.faults.conftest import asked, busy_day
from tests.journeys.conftest import connect, connect_originsai, mirrored, missing, served, since

READABLE = {"nul", "duplicate_keys"}  # odd, and yet a call can be made of it

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]


def read_day(connection, day):
    return pull(connection, [Stream.CALLS], since=day, until=day).streams[Stream.CALLS]


def test_a_page_that_fails_for_ever_leaves_its_day_incomplete_and_its_other_pages_visible(box, acme, acme_wall):
    """U4: the run is partial, the page was asked for six times, what came in is shown, and only that day is a gap."""
    connection, day = connect(acme, box), busy_day(box)
    box.set_faults(f"500@path=/calls,day={day},page=2")
    report = pull(connection, [Stream.CALLS])
    assert report.status == "partial"
    assert Run.objects.get().state == RunState.PARTIAL
    assert sum(entry.params["page"] == "2" for entry in asked(box, day=day)) == 6
    assert Gap.objects.get().day == day
    here = {key for key, call in mirrored(connection).items() if call["created_at"].startswith(day.isoformat())}
    assert len(here) == 100
    invariants.hold(connection)
    box.set_faults()
    assert pull(connection, [Stream.CALLS]).status == "complete"
    invariants.same_as(connection, box)


def test_two_failures_and_then_an_answer_leave_no_trace(box, acme, acme_wall):
    """U5: three attempts, no gap, complete."""
    connection, day = connect(acme, box), busy_day(box)
    box.set_faults(f"500@path=/calls,day={day},page=1,times=2")
    assert read_day(connection, day).status == "complete"
    assert [entry.status for entry in asked(box, day=day) if entry.params["page"] == "1"] == [500, 500, 200]
    assert not Gap.objects.exists()
    invariants.hold(connection)


def test_a_vendor_that_is_down_is_left_alone_soon(box, acme, acme_wall):
    """Windows that fail one after the other end the run; those not begun stay due and are no gaps."""
    connection = connect(acme, box)
    connection.since -= timedelta(days=60)
    box.set_faults("500@path=/calls")
    report = pull(connection, [Stream.CALLS]).streams[Stream.CALLS]
    assert (report.status, report.fault) == ("failed", Fault.SERVER)
    assert 8 <= report.windows_incomplete <= 14
    assert len(asked(box)) <= 14 * 6
    assert Gap.objects.count() == report.windows_incomplete
    box.set_faults()
    assert pull(connection, [Stream.CALLS]).status == "complete"
    invariants.same_as(connection, box)


def test_a_rejected_token_stops_the_connection_once_and_a_new_one_goes_on(box, acme, acme_wall, caplog):
    """U9: nothing leaves after the rejection but what was on its way, one alarm, history kept; then all comes in."""
    connection = connect(acme, box)
    box.set_faults("reject_after=4")
    report = pull(connection)
    assert report.status == "failed" or report.status == "partial"
    assert {told.fault for told in report.streams.values()} >= {Fault.REJECTED}
    assert set(report.streams) == set(Stream)
    rejected = [entry for entry in box.journal.entries if entry.status == 401]
    assert 1 <= len(rejected) <= 8
    assert caplog.text.count("rejects its token") == 1
    connection.refresh_from_db()
    assert connection.state == "rejected"
    assert connection.next_check_at is not None
    invariants.hold(connection)
    box.set_faults()
    change_token(connection, box.rotate("talkover", "acme"))
    connection.refresh_from_db()
    assert connection.state == "ok"
    assert pull(connection).status == "complete"
    invariants.same_as(connection, box)


def test_a_token_rotated_under_way_is_taken_up_without_an_alarm(box, acme, acme_wall, caplog):
    """U10: the old token dies while eight requests are under way; the run completes and nothing is rejected."""
    connection = connect(acme, box)
    rotated = []

    def rotate(*_):
        if len(rotated) < 2:  # twice in one run
            rotated.append(box.rotate("talkover", "acme"))
            change_token(Connection.objects.get(pk=connection.pk), rotated[-1], check=False)

    report = pull(connection, [Stream.CALLS], progress=rotate)
    assert report.status == "complete"
    assert len(rotated) == 2
    assert [entry for entry in box.journal.entries if entry.status == 401]
    assert "rejects" not in caplog.text
    connection.refresh_from_db()
    assert connection.state == "ok"
    invariants.same_as(connection, box)


def test_a_rejection_neither_unpauses_nor_hits_a_newer_token(box, acme, acme_wall):
    """A connection that was paused, or got another token, while its old token was rejected stays as it is."""
    connection = connect(acme, box)
    Connection.objects.update(state="paused")
    box.set_faults("401")
    pull(connection, [Stream.CALLS])
    assert Connection.objects.get().state == "paused"
    change_token(Connection.objects.get(), "talq_another", check=False)
    assert Connection.objects.get().state == "paused"


def test_a_detail_that_is_refused_is_done_without(box, acme, acme_wall):
    """U11, U12: the lists are complete, the environment goes on, and what was known of it before is kept."""
    connection = connect(acme, box)
    pull(connection, [Stream.AGENTS, Stream.CAMPAIGNS])
    kept = list(Campaign.objects.exclude(detail_payload="").order_by("pk").values_list("pk", "detail_payload"))
    assert kept
    for spec in ("403@path=/campaigns/*", "404@path=/agents/*/pricing/*", "422@path=/campaigns/*"):
        box.set_faults(spec)
        assert pull(connection, [Stream.AGENTS, Stream.CAMPAIGNS]).status == "complete"
        assert sum(box.active_faults.struck.values()) > 0
    assert Campaign.objects.count() == len(box.world.campaigns)
    assert not Campaign.objects.exclude(missing_since=None).exists()
    assert list(Campaign.objects.exclude(detail_payload="").order_by("pk").values_list("pk", "detail_payload")) == kept
    assert not Agent.objects.filter(missing_since__isnull=False).exists()
    invariants.hold(connection)


def test_an_agent_that_is_not_found_is_a_gap_and_its_calls_stay(box, acme, acme_wall):
    """U12: 404 for a history that was there a moment ago proves nothing of its calls."""
    connection = connect_originsai(acme, box)
    pull(connection)
    before, agent = mirrored(connection), next(iter(box.originsai_agents))
    box.set_faults(f"404@path=/agents/{agent}/call_stats")
    told = pull(connection, [Stream.CALLS]).streams[Stream.CALLS]
    assert (told.status, told.fault, told.windows_incomplete) == ("partial", Fault.NOT_FOUND, 1)
    assert Gap.objects.get().part == f"agent:{agent}"
    assert mirrored(connection) == before
    assert not missing(connection)
    invariants.hold(connection)


MOVES = {"U1": "drift_inserts=5", "U2": "drift_drops=5"}


@pytest.mark.parametrize("moves", MOVES.values(), ids=MOVES)
def test_rows_that_come_or_go_at_each_page_have_the_day_walked_again(acme, acme_wall, moves):
    """U1, U2: what was there all along is never missed, and the day is whole only when a walk found it at rest."""
    with Sandbox(days=4, calls_per_day=500, seed=3, end=None) as box:
        connection, day = connect(acme, box), busy_day(box, 500)
        still = ("drift_inserts=0", "drift_changes=0", "drift_drops=0")
        box.set_faults(f"drift@path=/calls,day={day}", *still, moves, "drift_limit=20")
        told = read_day(connection, day)
        assert told.status == "complete"
        distinct = len(mirrored(connection)) + len(missing(connection))
        assert told.seen > distinct  # rows that were seen in several walks
        walks = [entry for entry in asked(box, day=day) if entry.params["page"] == "1"]
        assert len(walks) > 1
        assert set(mirrored(connection)) == {call["id"] for call in box.world.calls_of_day(day)}
        invariants.hold(connection)

        # One that never lies still is never called whole, though all of it is here that was there before.
        steady = {call["id"] for call in box.world.calls_of_day(day)}
        box.set_faults(f"drift@path=/calls,day={day}", *still, moves, "drift_limit=100000")
        told = read_day(connection, day)
        assert (told.status, told.fault) == ("failed", Fault.DRIFT)
        assert Window.objects.get(day=day).state == WindowState.INCOMPLETE
        assert Gap.objects.get(closed_at=None).day == day
        kept = set(Call.objects.values_list("external_id", flat=True))
        assert steady & {call["id"] for call in box.world.calls_of_day(day)} <= kept
        assert not missing(connection) - set(box.world.dropped)
        invariants.hold(connection)


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_document_that_is_no_history_is_not_an_empty_one(box, acme, acme_wall, kind):
    """U13 for a vendor without pages: the agent's window fails, and none of its calls is taken for gone."""
    connection = connect_originsai(acme, box)
    pull(connection, [Stream.CALLS])
    before, agent = mirrored(connection), next(iter(box.originsai_agents))
    box.set_faults(f"{kind}@path=/agents/{agent}/call_stats")
    told = pull(connection, [Stream.CALLS]).streams[Stream.CALLS]
    assert (told.status, told.windows_incomplete) == ("partial", 1)
    assert told.fault in (Fault.NOT_JSON, Fault.FORM)
    assert Gap.objects.get().part == f"agent:{agent}"
    assert mirrored(connection) == before
    assert not missing(connection)
    invariants.hold(connection)


@pytest.mark.parametrize(("skew", "which"), [(600, "ahead of"), (-600, "behind")])
def test_a_vendor_whose_clock_is_wrong_is_told_of_once_and_read_all_the_same(
    box, acme, acme_wall, caplog, monkeypatch, skew, which
):
    """U29: nothing is judged by its clock, and a pause until a time of its clock is as long as it meant."""
    monkeypatch.setattr("sync.providers.http._told", {})
    box.set_faults(f"date_skew={skew}")
    connection = connect(acme, box)
    assert pull(connection).status == "complete"
    invariants.same_as(connection, box)
    said = [record.getMessage() for record in caplog.records if "the clock of" in record.getMessage()]
    assert len(said) == 1
    assert said[0].startswith(f"the clock of {box.talkover_url} is ")
    assert said[0].endswith(f" seconds {which} ours")
    assert abs(int(said[0].split(" is ")[1].split()[0]) - 600) < 10
    box.set_faults("429@path=/agents,times=1", "retry_after=date", f"date_skew={skew}")
    began = database_now()
    pull(connection, [Stream.AGENTS], manner=Manner(patience=0.0))
    connection.refresh_from_db()
    assert timedelta(0) < connection.blocked_until - began < timedelta(seconds=60)


def test_clocks_that_agree_are_not_spoken_of(box, acme, acme_wall, caplog, monkeypatch):
    monkeypatch.setattr("sync.providers.http._told", {})
    box.set_faults("date_skew=20", "latency=0.01")
    assert pull(connect(acme, box), [Stream.AGENTS]).status == "complete"
    assert "the clock of" not in caplog.text


def test_a_cut_body_is_not_a_short_list(box, acme, acme_wall):
    """U15, U23: however the body is cut, the window fails and nothing is taken for gone."""
    connection, day = connect(acme, box), busy_day(box)
    read_day(connection, day)
    before = mirrored(connection)
    for kind in ("cut_chunked", "reset", "cut", "truncated"):
        box.set_faults(f"{kind}@day={day},path=/calls")
        assert read_day(connection, day).status == "failed", kind
        assert mirrored(connection) == before
        assert not missing(connection)
        invariants.hold(connection)


@pytest.mark.parametrize("kind", ITEMS)
def test_one_odd_item_harms_no_other_and_no_later_run(box, acme, acme_wall, kind):
    """U16, U17: all others are stored, the odd one is cleaned or makes its day incomplete; a good answer heals it."""
    connection, day = connect(acme, box), box.now.date() - timedelta(days=4)
    here = {call["id"]: call for call in box.world.calls_of_day(day)}
    box.set_faults(f"{kind}@day={day},path=/calls,page=1,times=1")
    report = pull(connection, [Stream.CALLS])
    told = report.streams[Stream.CALLS]
    window, aside = Window.objects.get(day=day, stream=Stream.CALLS), list(Quarantine.objects.all())
    invariants.hold(connection)
    if kind in READABLE:
        assert (report.status, aside) == ("complete", [])
    else:
        assert (report.status, told.quarantined, told.windows_incomplete) == ("partial", 1, 1)
        assert (told.fault, Run.objects.get().fault) == (Fault.UNREADABLE, Fault.UNREADABLE)
        assert [(row.day, row.part, bool(row.raw), bool(row.reason)) for row in aside] == [(day, str(day), True, True)]
        assert (window.state, window.mirrored, window.vendor_total) == ("unreadable", len(here) - 1, len(here))
        assert list(Window.objects.exclude(state="complete").values_list("day", flat=True)) == [day]
        assert len(mirrored(connection)) == len(box.world.calls) - 1
    box.set_faults()
    assert read_day(connection, day).status == "complete"
    window.refresh_from_db()
    assert (window.state, window.mirrored, window.vendor_total) == ("complete", len(here), len(here))
    assert not Quarantine.objects.filter(released_at=None).exists()
    invariants.same_as(connection, box)


@pytest.mark.parametrize("kind", ITEMS)
def test_one_odd_item_of_a_long_array_harms_no_other(acme, acme_wall, kind):
    """U17 for a vendor without pages: the same, and the next run is not blocked."""
    with Sandbox(days=3, calls_per_day=60, seed=3) as box:
        connection = connect_originsai(acme, box)
        box.set_faults(f"{kind}@path=/agents/7/call_stats,times=1")
        report = pull(connection, [Stream.CALLS])
        aside = list(Quarantine.objects.all())
        invariants.hold(connection)
        if kind in READABLE | {"far_year"}:  # a start that can't be read is guessed from a later time
            assert (report.status, aside) == ("complete", [])
        else:
            assert (report.status, report.streams[Stream.CALLS].quarantined) == ("partial", 1)
            assert [(row.part, bool(row.raw), bool(row.reason)) for row in aside] == [("agent:7", True, True)]
            assert [window.part for window in Window.objects.exclude(state="complete")] == ["agent:7"]
        box.set_faults()
        assert pull(connection, [Stream.CALLS]).status == "complete"
        theirs = {
            element["call_id"]: element
            for number in box.originsai_agents
            for element in box.history.elements(number)
            if element["call_id"]
        }
        assert mirrored(connection) == theirs
        assert not Quarantine.objects.filter(released_at=None).exists()
        invariants.hold(connection)


@pytest.mark.parametrize("kind", ["unknown", "wrong_types"])
def test_words_and_types_no_page_documents_are_kept(box, acme, acme_wall, kind):
    """U18: stored as they are, and nothing crashes."""
    connection = connect(acme, box)
    box.set_faults(f"{kind}@path=/calls,times=20")
    assert pull(connection, [Stream.CALLS]).status == "complete"
    pull(connection, [Stream.CALLS], since=since(box))
    invariants.same_as(connection, box)


def test_whether_a_call_is_a_test_is_told_in_text_as_well(box, acme, acme_wall):
    """U18: figures leave test calls out, and no other: "false" is no test."""
    connection, day = connect(acme, box), busy_day(box)
    calls = box.world.calls_of_day(day)
    for number, call in enumerate(calls):
        box.world.change(call["id"], is_testing=("false", "true", "0", "1")[number % 4])
    assert read_day(connection, day).status == "complete"
    period = Period(day, day + timedelta(days=1), "UTC")
    scope = Scope.of(Grant.objects.create(tenant=acme, all_environments=True))
    assert ask(Question(("attempts",), period), replace(scope, zone="UTC")).totals["attempts"].value == len(calls[::2])


HELD = {
    "a body a byte at a time": (("drip", "drip_seconds=0.01"), {"SLOW_SECONDS": 0.3}, "more slowly than"),
    "a body that takes too long": (("drip", "drip_seconds=0.01"), {"TOTAL_SECONDS": 0.5}, "took longer than"),
    "a head a byte at a time": (("drip_head", "drip_seconds=0.01"), {"first_byte": 0.3}, "did not begin within"),
    "a head without end": (("endless_head",), {}, ""),
    "no answer at all": (("hang",), {"first_byte": 0.3}, "did not begin within"),
}


@pytest.mark.parametrize("how", HELD)
@pytest.mark.parametrize("vendor", ["talkover", "originsai"])
def test_a_vendor_that_holds_an_answer_is_let_go(box, acme, acme_wall, bounds, monkeypatch, vendor, how):
    """U21, U22: whatever trickles or never comes is ended, tried again a few times, and the window says why."""
    connection = (connect if vendor == "talkover" else connect_originsai)(acme, box)
    (kind, *settings), values, said = HELD[how]
    bounds(BYTES_A_SECOND=10**12, PAGE=replace(limits.PAGE), HISTORY=replace(limits.HISTORY))
    if first_byte := values.get("first_byte"):
        bounds(PAGE=replace(limits.PAGE, first_byte=first_byte), HISTORY=replace(limits.HISTORY, first_byte=first_byte))
    else:
        bounds(**values)
    monkeypatch.setattr("sync.reading.reader.ASK_TRIES", 2)
    day = busy_day(box)
    path = "/calls" if vendor == "talkover" else f"/agents/{next(iter(box.originsai_agents))}/call_stats"
    box.set_faults(f"{kind}@path={path}" + (f",day={day}" if vendor == "talkover" else ""), *settings)
    told = pull(connection, [Stream.CALLS], since=day, until=day).streams[Stream.CALLS]
    assert told.windows_incomplete == 1
    assert told.fault == (Fault.TIMEOUT if said else Fault.NETWORK)
    assert said in Gap.objects.get().detail
    assert box.active_faults.struck[kind] == 2
    box.set_faults()
    assert pull(connection, [Stream.CALLS], since=day, until=day).status == "complete"
    invariants.hold(connection)


def test_a_request_is_not_tried_again_for_longer_than_it_may(box, acme, acme_wall, bounds):
    """U21: six tries are for failures that come at once; a vendor that takes its time to fail has fewer."""
    connection, day = connect(acme, box), busy_day(box)
    bounds(ASK_SECONDS=0.0)
    box.set_faults(f"500@day={day},path=/calls")
    assert read_day(connection, day).status == "failed"
    assert len(asked(box, day=day)) == 1


def test_one_vendor_account_in_three_environments_of_two_tenants(box, acme, globex):
    """U26: the same ids stand once in each environment, each behind its own tenant's wall."""
    made = []
    for tenant, name in ((acme, "One"), (acme, "Two"), (globex, "One")):
        with wall.tenant(tenant):
            connection = connect(tenant, box, name)
            assert pull(connection, [Stream.CALLS]).status == "complete"
            made.append((tenant, connection))
    for tenant, connection in made:
        with wall.tenant(tenant):
            invariants.same_as(connection, box)
            assert set(Call.objects.values_list("tenant_id", flat=True)) == {tenant.pk}


def test_a_call_that_changes_late_is_seen_within_the_lag(box, acme, acme_wall):
    """U30: cost and analysis come days after the call; its day is read again a day later, and each week."""
    connection = connect(acme, box)
    pull(connection, [Stream.CALLS])
    day = box.now.date() - timedelta(days=4)
    key = box.world.calls_of_day(day)[0]["id"]
    box.world.change(key, duration=77, cost="0.31")
    pull(connection, [Stream.CALLS])
    assert mirrored(connection)[key] != served(box)[key]  # that day was read a moment ago
    ago = timedelta(hours=25)
    Window.objects.filter(day=day).update(read_at=F("read_at") - ago, next_attempt_at=F("next_attempt_at") - ago)
    pull(connection, [Stream.CALLS])
    invariants.same_as(connection, box)


def test_a_list_that_vanishes_is_not_believed_for_a_day(box, acme, acme_wall):
    """U31: nothing is marked missing, the windows say why they are incomplete; told for a day, it is the truth."""
    connection, day = connect(acme, box), busy_day(box)
    pull(connection, [Stream.CALLS])
    before = mirrored(connection)
    box.set_faults("vanished@path=/calls")
    report = read_day(connection, day)
    assert (report.status, report.fault) == ("failed", Fault.VANISHED)
    assert pull(connection, [Stream.CALLS], since=since(box)).status != "complete"
    assert mirrored(connection) == before
    assert not missing(connection)
    gap = Gap.objects.get(day=day, closed_at=None)
    assert gap.fault == Fault.VANISHED
    invariants.hold(connection)
    Gap.objects.filter(pk=gap.pk).update(opened_at=gap.opened_at - timedelta(hours=25))
    assert read_day(connection, day).status == "complete"
    assert missing(connection) == {call["id"] for call in box.world.calls_of_day(day)}
    box.set_faults()
    assert pull(connection, [Stream.CALLS], since=since(box)).status == "complete"
    assert not missing(connection)
    invariants.same_as(connection, box)


def test_readings_in_between_do_not_put_off_when_an_absence_is_believed(box, acme, acme_wall):
    """U31: a vendor that shows nothing for a day is read many times meanwhile; a day after the first it is believed."""
    connection, day = connect(acme, box), busy_day(box)
    read_day(connection, day)
    box.set_faults("vanished@path=/calls")
    for hours in (0, 9, 9):
        Gap.objects.filter(day=day).update(opened_at=F("opened_at") - timedelta(hours=hours))
        assert read_day(connection, day).fault == Fault.VANISHED
    assert not missing(connection)
    Gap.objects.filter(day=day).update(opened_at=F("opened_at") - timedelta(hours=7))
    assert read_day(connection, day).status == "complete"
    assert missing(connection) == {call["id"] for call in box.world.calls_of_day(day)}


def test_a_history_and_a_list_of_agents_that_vanish_are_doubted_too(box, acme, acme_wall):
    """U31 for an agent's whole history, and for the list of agents."""
    connection = connect_originsai(acme, box)
    pull(connection)
    before = mirrored(connection)
    box.set_faults("vanished@path=/agents/*/call_stats")
    assert pull(connection, [Stream.CALLS]).streams[Stream.CALLS].fault == Fault.VANISHED
    assert mirrored(connection) == before
    invariants.hold(connection)
    other = connect(acme, box)
    box.set_faults()
    pull(other, [Stream.AGENTS])
    box.set_faults("vanished@path=/agents")
    assert pull(other, [Stream.AGENTS]).streams[Stream.AGENTS].fault == Fault.VANISHED
    assert not Agent.objects.exclude(missing_since=None).exists()


def test_days_that_prove_odd_in_the_middle_are_all_read_again(box, acme, acme_wall):
    """A filter believed exact that is another zone's: nothing is marked missing, every day is read wide."""
    connection, day = connect(acme, box), busy_day(box)
    pull(connection, [Stream.CALLS])
    connection.refresh_from_db()
    assert connection.day_filter == "exact"
    box.set_faults("day_zone=Asia/Kathmandu")
    box.world.insert(created_at=f"{day}T23:30:00Z")
    assert pull(connection, [Stream.CALLS], since=since(box)).status == "complete"
    connection.refresh_from_db()
    assert connection.day_filter == "wide"
    assert not missing(connection)
    invariants.same_as(connection, box)
    for window in Window.objects.exclude(day=None):
        assert window.mirrored == len(box.world.calls_of_day(window.day))
    with pytest.raises(NotComparable):
        reconcile(connection)


def test_a_list_that_names_no_total_is_not_taken_for_whole(box, acme, acme_wall, monkeypatch):
    """A first page without its paging is not the whole day: the rest would be taken for gone."""
    connection, day = connect(acme, box), busy_day(box)
    read_day(connection, day)
    monkeypatch.setattr("sync.providers.talkover.client._paging", lambda members: (None, None))
    report = read_day(connection, day)
    assert (report.status, report.fault) == ("failed", Fault.FORM)
    assert not missing(connection)
    assert Window.objects.get().state == WindowState.INCOMPLETE


def test_a_fault_of_ours_is_told_as_such(box, acme, acme_wall, monkeypatch):
    def broken(*_: object) -> None:
        raise KeyError("a secret")

    monkeypatch.setattr("sync.providers.talkover.client._paging", broken)
    connection, day = connect(acme, box), busy_day(box)
    told = "Ringbook itself failed at the answer. Its log says where."
    assert read_day(connection, day).detail == told
    assert explain(UpstreamError(Fault.FORM, told)).endswith(f" {told}")
