"""The vendor's wish to wait, and the budget."""

from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest

from portal.work.clock import database_now
from sync import budget
from sync.budget import Allowance
from sync.connections import check_connection
from sync.models.connections import Connection
from sync.models.runs import Gap, Window
from sync.providers.errors import UpstreamError
from sync.reading import pacing
from sync.reading.due import due_streams
from sync.reading.pacing import Pace
from sync.reading.runner import SLICE, Manner, pull
from sync.taxonomy import Fault, Stream
from tests.faults import invariants
from tests.faults.conftest import asked
from tests.journeys.conftest import connect, connect_originsai
from tests.sync.conftest import make_connection

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]


def test_nothing_leaves_before_the_pause_is_over(box, acme, acme_wall):
    """U6: the journal is silent for as long as the vendor wished, and the run completes."""
    connection = connect(acme, box)
    box.set_faults("429@path=/calls,times=1", "retry_after=2")
    assert pull(connection, [Stream.CALLS]).status == "complete"
    refused = next(entry.at for entry in asked(box) if entry.status == 429)
    # Seven others may have been on their way when the refusal came.
    assert [entry for entry in asked(box) if refused + 0.5 < entry.at < refused + 2.0] == []
    invariants.same_as(connection, box)


def test_a_worker_does_not_sleep_through_a_long_pause(box, acme, acme_wall):
    """U6: the slice ends at once, nobody else asks meanwhile, and the other environment is not affected."""
    connection, other = connect(acme, box), connect_originsai(acme, box)
    box.set_faults("429@path=/calls", "retry_after=30")
    began = monotonic()
    told = pull(connection, [Stream.CALLS], manner=SLICE).streams[Stream.CALLS]
    assert monotonic() - began < 5
    assert (told.status, told.fault) == ("failed", Fault.THROTTLED)
    connection.refresh_from_db()
    assert 25 < (connection.blocked_until - database_now()).total_seconds() <= 30
    assert {key for _, key, _ in due_streams()} == {other.pk}
    seen, gaps = len(box.journal.entries), Gap.objects.count()
    again = pull(Connection.objects.get(pk=connection.pk), [Stream.AGENTS], manner=SLICE).streams[Stream.AGENTS]
    assert (again.fault, again.requests, len(box.journal.entries)) == (Fault.THROTTLED, 0, seen)
    assert Gap.objects.count() == gaps  # what was only planned is no gap
    assert Allowance(other).take() == 0.0
    assert all(window.next_attempt_at >= connection.blocked_until for window in Window.objects.all())
    invariants.hold(connection)


def test_every_form_of_the_wish_is_bounded(box, acme, acme_wall):
    """U7: between a second and an hour, and a minute where nothing readable stands."""
    connection = connect(acme, box)
    forms = {"86400": 3600, "-1": 60, "abc": 60, "missing": 60, "20": 20, "date": 2, "past": 1}
    for form, seconds in forms.items():
        Connection.objects.update(blocked_until=None)
        connection.refresh_from_db()
        box.set_faults("429@path=/callback-agents,times=1", f"retry_after={form}")
        began = database_now()
        pull(connection, [Stream.AGENTS], manner=Manner(patience=0.0))
        connection.refresh_from_db()
        assert -1.5 <= (connection.blocked_until - began).total_seconds() - seconds <= 3, form


def test_pauses_without_a_hint_double_once_a_burst(behind_acme, sales, monkeypatch):
    """A minute, two, four, up to an hour; eight refusals of one burst are one; an answer begins anew."""
    clock = [1000.0]
    monkeypatch.setattr(pacing.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(pacing, "database_now", lambda: datetime.fromtimestamp(clock[0], UTC))
    pace = Pace(make_connection(sales), patience=3600)
    pauses = []
    for _ in range(8):
        pauses.append(pace.throttled(None))
        for _ in range(7):
            clock[0] += 0.1
            assert pace.throttled(None) < pauses[-1]
        clock[0] += pauses[-1]
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    pace.answered()
    assert pace.throttled(None) == 60


def test_a_pause_is_never_shortened_by_another_process(behind_acme, sales):
    """Two processes are refused: the later end stands."""
    connection = make_connection(sales)
    stale = Connection.objects.get(pk=connection.pk)
    Pace(connection, patience=5).throttled(300.0)
    Pace(stale, patience=5).throttled(2.0)
    connection.refresh_from_db()
    assert connection.blocked_until - database_now() > timedelta(seconds=290)
    pace = Pace(stale, patience=5)
    assert pace.take() > 290
    assert pace.beyond_patience


def test_no_minute_sees_more_than_the_budget(box, acme, acme_wall, monkeypatch):
    """I9, with a minute that is a second long: check, slices and all streams together stay within it."""
    monkeypatch.setattr(budget, "COUNTED", 1.3)
    monkeypatch.setattr(budget, "USE_WITHIN", 0.1)
    connection = connect(acme, box)
    Connection.objects.update(rate_per_minute=20)
    connection.refresh_from_db()
    for _ in range(3):
        assert pull(connection, manner=SLICE).status in ("partial", "complete")
    at = sorted(entry.at for entry in box.journal.entries)
    assert len(at) > 40
    assert max(sum(first <= other < first + 1.0 for other in at) for first in at) <= 20
    invariants.same_as(connection, box)


def test_the_first_minute_counts_the_check(box, acme, acme_wall, monkeypatch):
    """I9 at its edge: what was asked before the connection was saved is in its first minute, and no test exceeds it."""
    connection = connect(acme, box)
    Connection.objects.update(rate_per_minute=3)
    connection.refresh_from_db()
    for _ in range(2):
        check_connection(connection)
    with pytest.raises(UpstreamError) as refused:
        check_connection(connection)
    assert refused.value.fault == Fault.THROTTLED
    invariants.within_budget(box, 3)
    assert due_streams()
