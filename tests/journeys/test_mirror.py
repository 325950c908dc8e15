"""From the vendor's answers to our rows, over real HTTP: all of it, none twice, nothing lost, and honest when not."""

import json
from datetime import date, timedelta

import pytest

from sync.models.agents import Agent
from sync.models.callbacks import CallbackDay
from sync.models.calls import Call, Payload
from sync.models.campaigns import Campaign, CampaignCall
from sync.models.quarantine import Quarantine
from sync.models.runs import Gap, Run, Window, WindowState
from sync.reading.reconcile import reconcile
from sync.reading.runner import pull
from sync.taxonomy import Fault, Stream
from tests.journeys.conftest import connect, connect_originsai, mirrored, missing, served, since

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_whole_history_comes_in_key_by_key(box, acme, acme_wall):
    connection = connect(acme, box)
    report = pull(connection)
    assert report.status == "complete"
    assert mirrored(connection) == served(box)
    assert Call.objects.count() == Payload.objects.count() == len(box.world.calls)
    assert set(Window.objects.values_list("state", flat=True)) == {WindowState.COMPLETE}
    assert reconcile(connection).differing == []
    assert {agent.external_id for agent in Agent.objects.exclude(payload="")} == {
        agent["id"] for agent in box.world.agents
    }
    assert Agent.objects.filter(takes_callbacks=True).count() == len(box.world.callback_agents)
    assert Agent.objects.exclude(payload="").filter(price_per_minute=None).count() == 0
    assert Campaign.objects.count() == len(box.world.campaigns)
    assert CampaignCall.objects.exists()
    for row in CallbackDay.objects.all():
        received, answered, sources = box.world.callbacks(row.day, row.day)
        assert (row.received, row.answered) == (received, answered)
        assert {entry["agent"]: entry["count"] for entry in row.sources} == dict(sources)


def test_reading_again_changes_nothing(box, acme, acme_wall):
    connection = connect(acme, box)
    pull(connection)
    before = list(Call.objects.order_by("id").values_list("id", "changed_at", "read_at"))
    report = pull(connection, [Stream.CALLS], since=since(box)).streams[Stream.CALLS]
    assert (report.new, report.changed) == (0, 0)
    assert report.seen == len(box.world.calls)
    assert list(Call.objects.order_by("id").values_list("id", "changed_at", "read_at")) == before


def test_what_changed_is_taken_and_what_vanished_is_kept_and_marked(box, acme, acme_wall):
    connection = connect(acme, box)
    pull(connection)
    ids = sorted(box.world.calls)
    box.world.change(ids[0], status="failed", duration=0)
    box.world.drop(ids[1])
    added = box.world.insert(created_at=box.world.calls[ids[2]]["created_at"])
    report = pull(connection, [Stream.CALLS], since=since(box)).streams[Stream.CALLS]
    assert report.status == "complete"
    assert mirrored(connection) == served(box)
    assert missing(connection) == {ids[1]}
    assert added in mirrored(connection)
    assert Call.objects.get(external_id=ids[0]).changes.count() == 1


@pytest.mark.fault
def test_drift_and_failures_in_mid_walk_end_in_the_same_mirror(box, acme, acme_wall):
    connection = connect(acme, box)
    # Small pages would drift more: the busiest days have two pages of a hundred.
    box.set_faults(
        "drift=0.15", "drift_limit=60", "429=0.02", "500=0.02", "truncated=0.01", "html=0.01", "retry_after=0"
    )
    first = pull(connection, [Stream.CALLS])
    assert first.status == "complete"
    box.set_faults()
    assert mirrored(connection) == served(box)
    assert missing(connection) == set(box.world.dropped) & set(Call.objects.values_list("external_id", flat=True))
    assert reconcile(connection).differing == []


@pytest.mark.fault
def test_a_day_that_cannot_be_read_is_a_gap_until_it_can(box, acme, acme_wall, monkeypatch):
    monkeypatch.setattr("sync.reading.reader.backoff", lambda tries: 0.01)
    connection = connect(acme, box)
    day = (box.now - timedelta(days=4)).date()
    box.set_faults(f"500@day={day},path=/calls")
    report = pull(connection, [Stream.CALLS])
    told = report.streams[Stream.CALLS]
    assert (report.status, told.windows_incomplete, told.fault) == ("partial", 1, Fault.SERVER)
    gap = Gap.objects.get(closed_at=None)
    assert (gap.day, gap.fault) == (day, Fault.SERVER)
    window = Window.objects.get(stream=Stream.CALLS, day=day)
    assert (window.state, window.read_at) == (WindowState.INCOMPLETE, None)
    assert Run.objects.get().state == "partial"
    box.set_faults()
    assert pull(connection, [Stream.CALLS]).status == "complete"
    assert not Gap.objects.filter(closed_at=None).exists()
    assert mirrored(connection) == served(box)


@pytest.mark.fault
@pytest.mark.parametrize("kind", ["html", "empty", "null", "object", "broken", "truncated", "cut", "empty_page"])
def test_a_bad_document_fails_its_window_and_loses_nothing(box, acme, acme_wall, monkeypatch, kind):
    """U13: whatever comes with 200 and is no list is not "no calls"."""
    monkeypatch.setattr("sync.reading.reader.backoff", lambda tries: 0.001)
    connection = connect(acme, box)
    pull(connection, [Stream.CALLS])
    day = next(
        day
        for day in (date.fromordinal(box.now.date().toordinal() - back) for back in range(3, 9))
        if len(box.world.calls_of_day(day)) > 100
    )
    box.set_faults(f"{kind}@day={day},path=/calls" + (",page=2" if kind == "empty_page" else ""))
    report = pull(connection, [Stream.CALLS], since=day, until=day)
    assert report.status == "failed"
    assert Gap.objects.get(closed_at=None).day == day
    assert mirrored(connection) == served(box)
    assert not missing(connection)


@pytest.mark.fault
def test_a_broken_element_is_set_aside_and_the_others_come_in(box, acme, acme_wall):
    connection = connect(acme, box)
    day = (box.now - timedelta(days=5)).date()
    box.set_faults(f"malformed@day={day},path=/calls,page=1")
    report = pull(connection, [Stream.CALLS], since=day, until=day).streams[Stream.CALLS]
    assert report.quarantined == 1
    row = Quarantine.objects.get()
    assert row.raw
    assert row.reason
    assert len(mirrored(connection)) >= len(box.world.calls_of_day(day)) - 1


@pytest.mark.fault
def test_a_rejected_token_stops_the_connection_and_keeps_the_history(box, acme, acme_wall):
    connection = connect(acme, box)
    pull(connection, [Stream.CALLS])
    before = mirrored(connection)
    box.set_faults("401")
    seen = len(box.journal.entries)
    report = pull(connection, [Stream.AGENTS, Stream.CALLS])
    assert report.status == "failed"
    assert len(box.journal.entries) - seen <= 2
    connection.refresh_from_db()
    assert connection.state == "rejected"
    assert mirrored(connection) == before


@pytest.mark.fault
@pytest.mark.parametrize("odd", ["exclusive_end=true", "day_zone=America/Sao_Paulo", "day_zone=Asia/Kathmandu"])
def test_a_vendor_whose_days_are_not_utc_days_is_read_whole(box, acme, acme_wall, odd):
    connection = connect(acme, box)
    box.set_faults(odd)
    assert pull(connection, [Stream.CALLS]).status == "complete"
    assert mirrored(connection) == served(box)
    assert not missing(connection)
    connection.refresh_from_db()
    assert connection.day_filter == "wide"


def test_originsai_comes_in_element_by_element(box, acme, acme_wall):
    connection = connect_originsai(acme, box)
    assert pull(connection).status == "complete"
    theirs = {
        element["call_id"]: element
        for number in box.originsai_agents
        for element in box.history.elements(number)
        if element["call_id"]
    }
    assert mirrored(connection) == theirs
    again = pull(connection).streams[Stream.CALLS]
    assert (again.new, again.changed) == (0, 0)


def test_the_runs_say_what_was_done(box, acme, acme_wall):
    connection = connect(acme, box)
    told = pull(connection, [Stream.CALLS]).streams[Stream.CALLS]
    run = Run.objects.get()
    assert (run.state, run.new, run.windows_complete) == ("complete", len(box.world.calls), told.windows_complete)
    asked = [entry for entry in box.journal.entries if entry.path.endswith("/calls")]
    assert run.requests == told.requests == len(asked)
    assert json.loads(json.dumps(told.as_json()))["status"] == "complete"
