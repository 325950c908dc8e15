"""Versions of calls: the newest stands whatever the order, nothing is doubled, unchanged ones are not written."""

import itertools
from datetime import UTC, date, datetime, timedelta, timezone
from hashlib import blake2b

import pytest
from django.db import connection as database
from django.db.models import Q

from portal.tenants import row_security
from sync.leases import claim
from sync.mirror import Mirror
from sync.mirror.calls import CallWriter, known_of, known_of_agent
from sync.mirror.rows import COLUMNS, RowMaker
from sync.models.agents import Agent
from sync.models.calls import Call, Payload
from sync.models.changes import CallChange, DirtyDay
from sync.records import CallRecord
from sync.taxonomy import Direction, Status, Stream
from tests.factories import TIME_ZERO
from tests.sync.conftest import make_connection


def record(key="c1", *, body="v1", **fields) -> CallRecord:
    values = {
        "external_id": key,
        "digest": blake2b(f"{key}{body}".encode(), digest_size=16).digest(),
        "raw": f'{{"id":"{key}","v":"{body}"}}',
        "status": "completed",
        "direction": "outbound",
        "started_at": TIME_ZERO,
        "duration_ms": 60_000,
        "agent": "a1",
        "agent_name": "Sales",
        "from_number": "+551130000000",
        "to_number": "+5511987654321",
    }
    return CallRecord(**values | fields)


def writer_of(environment) -> CallWriter:
    return CallWriter(RowMaker(environment.tenant_id, environment.pk))


@pytest.fixture
def write(behind_acme, sales):
    """Writes records, each read a minute after the one before, as one batch each; the clock never goes back."""
    clock, now = itertools.count(), [TIME_ZERO]

    def write(*records, minute=None):
        writer = writer_of(sales)
        read_at = TIME_ZERO + timedelta(hours=1, minutes=next(clock) if minute is None else minute)
        now.append(max(now[-1], read_at))
        return writer.write([(one, read_at) for one in records], now[-1])

    return write


def test_the_columns_are_the_models():
    assert set(COLUMNS) == {field.column for field in Call._meta.local_concrete_fields}
    assert len(COLUMNS) == len(set(COLUMNS))


def test_a_new_call_is_a_row_a_payload_an_agent_and_a_dirty_day(write):
    late = record(started_at=datetime(2026, 7, 8, 1, 30, tzinfo=UTC))  # a UTC day, wherever it was evening still
    assert write(late).new == 1
    call = Call.objects.select_related("agent").get()
    assert (call.external_id, call.status, call.duration_ms, call.contact) == (
        "c1",
        "completed",
        60_000,
        "5511987654321",
    )
    assert call.agent.name == "Sales"
    assert Payload.objects.get().raw == late.raw
    assert list(DirtyDay.objects.values_list("day", flat=True)) == [date(2026, 7, 8)]
    assert not CallChange.objects.exists()


_ODD = "100 %s of '\"a\\\\N\tb\nc"
_FILLED = {
    "sid": _ODD,
    "agent": "a2",
    "status": Status.FAILED,
    "direction": Direction.INBOUND,
    "is_test": True,
    "started_guessed": True,
    "answered_at": TIME_ZERO + timedelta(seconds=3, microseconds=1),
    "ended_at": (TIME_ZERO + timedelta(minutes=2)).astimezone(timezone(timedelta(hours=-3))),
    "updated_at": TIME_ZERO + timedelta(hours=1),
    "duration_ms": 2**40,
    "billed_ms": 0,
    "hangup_cause": _ODD,
    "hangup_source": "agent",
    "latencies": {"stt": [1.5, 2.0], "llm": []},
}
_BARE = {"agent": None, "duration_ms": None, "from_number": "", "to_number": "", "started_at": None}


def whole_rows() -> dict[str, dict[str, object]]:
    """Calls by the vendor's id, without what is a call's own."""
    own = {"id", "external_id", "digest"}
    return {
        row["external_id"]: {name: value for name, value in row.items() if name not in own}
        for row in Call.objects.values()
    }


@pytest.mark.parametrize("fields", [_FILLED, _BARE, {}], ids=["filled", "bare", "usual"])
def test_calls_that_have_almost_all_alike_are_each_written_whole(write, fields):
    """As one is that comes alone, and one that comes among others."""
    write(*(record(key, **fields) for key in ("c1", "c2", "c3")), minute=0)
    write(record("alone", **fields), minute=0)
    write(record("among", **fields), record("d1", **_FILLED), record("d2", **_BARE), record("d3"), minute=0)
    rows = whole_rows()
    assert len(rows) == 8
    assert rows["c1"] == rows["c2"] == rows["c3"] == rows["alone"] == rows["among"]
    sent = record("c2", **fields)
    for name in ("sid", "status", "direction", "is_test", "answered_at", "ended_at", "duration_ms", "billed_ms"):
        assert rows["c2"][name] == getattr(sent, name), name
    for name in ("started_guessed", "from_number", "to_number", "hangup_cause", "hangup_source", "latencies"):
        assert rows["c2"][name] == getattr(sent, name), name
    assert rows["c2"]["upstream_updated_at"] == sent.updated_at
    assert bytes(Call.objects.get(external_id="c2").digest) == sent.digest
    assert Payload.objects.get(call__external_id="c2").raw == sent.raw


def test_calls_between_two_that_are_alike_keep_what_is_their_own(write):
    """Within a batch they stand in the order of time."""
    starts = [TIME_ZERO + timedelta(minutes=n) for n in range(3)]
    write(*(record(f"c{n}", started_at=start, **(_FILLED if n == 1 else {})) for n, start in enumerate(starts)))
    rows = whole_rows()
    assert rows["c1"]["sid"] == _ODD
    for name in ("status", "is_test", "duration_ms", "latencies", "upstream_updated_at", "agent_id"):
        assert rows["c0"][name] == rows["c2"][name] != rows["c1"][name], name


def test_an_unchanged_call_is_not_written(write):
    write(record(), record("c2"))
    before = versions()
    marks = list(DirtyDay.objects.values_list("mark", flat=True))
    written = write(record(), record("c2"))
    assert (written.new, written.changed) == (0, 0)
    assert versions() == before
    assert list(DirtyDay.objects.values_list("mark", flat=True)) == marks


def versions():
    """The row versions themselves on PostgreSQL; what the rows say on SQLite."""
    column = "xmin::text || ctid::text" if database.vendor == "postgresql" else "changed_at || read_at"
    with database.cursor() as cursor:
        cursor.execute(f"SELECT external_id, {column} FROM sync_call ORDER BY external_id")
        return cursor.fetchall()


def test_a_changed_call_keeps_its_key_and_tells_what_it_was(write):
    write(record(status="answered", duration_ms=10_000, body="early"))
    key = Call.objects.get().pk
    written = write(record(started_at=TIME_ZERO - timedelta(days=1), body="late"), record("c2"))
    assert (written.new, written.changed) == (1, 1)
    call = Call.objects.get(external_id="c1")
    assert (call.pk, call.status, call.first_seen_at < call.changed_at) == (key, "completed", True)
    assert "late" in Payload.objects.get(call=call).raw
    change = CallChange.objects.get()
    assert (change.was_status, change.was_duration_ms, change.now_status) == ("answered", 10_000, "completed")
    assert set(DirtyDay.objects.values_list("day", flat=True)) == {date(2026, 7, 7), date(2026, 7, 8)}


def test_the_day_a_call_moved_away_from_is_counted_anew(write):
    write(record())
    DirtyDay.objects.all().delete()  # as counting does: what the first write had marked must not answer for the second
    write(record(started_at=TIME_ZERO - timedelta(days=1), body="late"))
    assert set(DirtyDay.objects.values_list("day", flat=True)) == {date(2026, 7, 7), date(2026, 7, 8)}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("together", [True, False])
def test_the_vendors_newest_version_stands_in_every_order(write, order, together):
    """U27: an older version that comes late changes nothing, in one batch or in another."""
    versions = [
        record(body=f"v{n}", duration_ms=n * 1000, updated_at=TIME_ZERO + timedelta(minutes=n)) for n in range(3)
    ]
    if together:
        write(*(versions[n] for n in order))
    else:
        for n in order:
            write(versions[n])
    assert Call.objects.get().duration_ms == 2000
    assert '"v2"' in Payload.objects.get().raw


def test_an_answer_asked_for_earlier_does_not_overwrite_a_later_one(write):
    write(record(body="later"), minute=10)
    assert write(record(body="earlier"), minute=5).changed == 0
    assert "later" in Payload.objects.get().raw


def test_a_final_status_never_goes_back_to_an_open_one(write):
    write(record(status="completed", body="done", updated_at=TIME_ZERO))
    assert write(record(status="ringing", body="stale", updated_at=TIME_ZERO)).changed == 0
    assert Call.objects.get().status == "completed"
    assert write(record(status="failed", body="corrected", updated_at=TIME_ZERO)).changed == 1


def test_the_same_id_twice_in_a_batch_is_one_row(write):
    written = write(record(body="a"), record(body="b"), record("c2"))
    assert written.new == 2
    assert Call.objects.count() == Payload.objects.count() == 2
    assert '"b"' in Payload.objects.get(call__external_id="c1").raw


def test_the_same_id_in_two_environments_is_two_rows(write, care):
    write(record())
    writer_of(care).write([(record(), TIME_ZERO)], TIME_ZERO)
    assert Call.objects.count() == 2
    assert Agent.objects.count() == 2


def test_a_call_without_a_readable_time_keeps_the_time_first_seen(write):
    write(record(started_at=None, started_guessed=True, body="a"), minute=0)
    first = Call.objects.get().started_at
    write(record(started_at=None, started_guessed=True, body="b", duration_ms=1), minute=30)
    assert Call.objects.get().started_at == first == TIME_ZERO + timedelta(hours=1)


def test_a_vanished_call_is_marked_and_comes_back_unmarked(write, sales):
    write(record(), record("c2"))
    day = TIME_ZERO.replace(hour=0)
    known = known_of(sales.id, day, day + timedelta(days=1))
    assert set(known.values()) == {"c1", "c2"}
    assert writer_of(sales).mark_missing({"c2"}, Q(started_at__gte=day), TIME_ZERO) == 1
    gone = Call.objects.get(external_id="c2")
    assert gone.missing_since == TIME_ZERO
    assert set(known_of(sales.id, day, day + timedelta(days=1)).values()) == {"c1"}
    write(record("c2"))
    assert Call.objects.get(external_id="c2").missing_since is None


def test_days_on_which_calls_vanish_or_come_back_are_counted_anew(write, sales):
    day = TIME_ZERO.replace(hour=0)
    write(record(), record("c2"), record("c3", started_at=day - timedelta(hours=1)))
    DirtyDay.objects.all().delete()
    writer = writer_of(sales)
    span = Q(started_at__gte=day - timedelta(days=1))
    assert writer.mark_missing({"unknown"}, span, TIME_ZERO) == 0
    assert not DirtyDay.objects.exists()
    assert writer.mark_missing({"c2", "c3"}, span, TIME_ZERO) == 2
    assert marks() == {date(2026, 7, 7): 1, date(2026, 7, 8): 1}
    assert writer.mark_missing({"c2", "c3"}, span, TIME_ZERO) == 0
    assert marks() == {date(2026, 7, 7): 1, date(2026, 7, 8): 1}
    DirtyDay.objects.all().delete()
    assert (write(record(), record("c2")).changed, marks()) == (0, {date(2026, 7, 8): 1})
    write(record(), record("c2"))
    assert marks() == {date(2026, 7, 8): 1}


def marks() -> dict[date, int]:
    return dict(DirtyDay.objects.values_list("day", "mark"))


@pytest.mark.postgresql
def test_looking_up_a_day_reads_that_day_alone_whatever_the_planner_knows(write, sales):
    """In the middle of a first load no statistics tell how many calls there are, or that there are any."""

    def fetched():
        with database.cursor() as cursor:
            cursor.execute(
                "SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'sync_call'"
            )
            return cursor.fetchone()[0]

    write(*(record(f"c{day}-{n}", started_at=TIME_ZERO - timedelta(days=day)) for day in range(20) for n in range(50)))
    before, day = fetched(), TIME_ZERO.replace(hour=0)
    assert len(known_of(sales.id, day, day + timedelta(days=1))) == 50
    assert fetched() - before == 50
    assert len(known_of_agent(sales.id, "a1")) == 1000


@pytest.mark.postgresql
def test_the_planner_learns_of_a_first_load_while_it_runs(behind_acme, sales, monkeypatch):
    if row_security.in_force() and row_security.server_version() < 17_00_00:
        return  # there only the owner may have PostgreSQL look at a table

    def known_to_the_planner():
        with database.cursor() as cursor:
            cursor.execute("SELECT greatest(reltuples, 0) FROM pg_class WHERE relname = 'sync_call'")
            return cursor.fetchone()[0]

    with database.cursor() as cursor:
        cursor.execute("ANALYZE sync_call")  # other tests have filled and emptied it
    monkeypatch.setattr("sync.mirror.write.MANY", 100)
    connection = make_connection(sales)
    mirror = Mirror(claim(connection, Stream.CALLS), connection, "UTC")
    before = known_to_the_planner()
    for batch in range(4):
        mirror.write([(record(f"c{batch}-{n}"), TIME_ZERO) for n in range(60)], [])
    assert before < 100 <= known_to_the_planner() < 240, "once, and early"


def test_times_are_kept_to_the_microsecond_in_whatever_zone_they_came(write):
    """And stand in the table as the models write them, or no query by time would find them on SQLite."""
    zone = timezone(timedelta(hours=-3))
    starts = [TIME_ZERO, TIME_ZERO.replace(microsecond=1), TIME_ZERO.astimezone(zone), None]
    updates = [None, TIME_ZERO.replace(microsecond=500_000), None, TIME_ZERO.astimezone(zone)]
    write(*(record(f"c{n}", started_at=start, updated_at=updates[n]) for n, start in enumerate(starts)))
    found = list(Call.objects.order_by("external_id").values_list("started_at", "upstream_updated_at"))
    assert found == [(start or TIME_ZERO + timedelta(hours=1), updates[n]) for n, start in enumerate(starts)]
    for n, start in enumerate(starts[:3]):
        assert Call.objects.filter(external_id=f"c{n}", started_at=start).exists()
        assert not Call.objects.filter(external_id=f"c{n}", started_at__gt=start).exists()
