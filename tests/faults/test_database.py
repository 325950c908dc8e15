"""Databases that deadlock, lock, restart, and writers that meet."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, transaction
from django.db import connection as database

from portal.database_limits import Limits, using
from portal.tenants import wall
from portal.tenants.database import explain
from portal.work.retries import persist
from sync.budget import Allowance
from sync.leases import claim
from sync.mirror import Closing, Mirror
from sync.mirror.calls import CallWriter
from sync.mirror.rows import RowMaker
from sync.models.calls import Call, Payload
from sync.models.runs import Window
from sync.providers.base import Part
from sync.reading.runner import pull
from sync.taxonomy import Stream
from tests.factories import TIME_ZERO
from tests.faults import invariants
from tests.journeys.conftest import connect, served
from tests.sync.conftest import make_connection
from tests.sync.mirror.test_calls import record

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("point", ["_mark", "_insert"])
def test_a_transaction_refused_once_is_written_once(behind_acme, sales, monkeypatch, point):
    """D3: the batch is written again, whole, and points at agents that really are there."""
    connection = make_connection(sales)
    kept, failures = getattr(CallWriter, point), iter([OperationalError("deadlock detected")])

    def fail_once(self, *args):
        result = kept(self, *args)
        for error in failures:
            raise error
        return result

    monkeypatch.setattr(CallWriter, point, fail_once)
    mirror = Mirror(claim(connection, Stream.CALLS), connection, "UTC")
    day = TIME_ZERO.date()
    closing = Closing(Part(Stream.CALLS, day.isoformat(), day), TIME_ZERO, readable=2)
    tally = mirror.write([(record(), TIME_ZERO), (record("c2"), TIME_ZERO)], [closing])
    assert (tally.new, mirror.tally.new) == (2, 2)
    assert Call.objects.count() == Payload.objects.count() == 2
    assert {call.agent.external_id for call in Call.objects.select_related("agent")} == {"a1"}
    assert Window.objects.get().mirrored == 2
    invariants.nothing_dangles(connection)


def test_a_database_that_goes_on_refusing_is_told_and_leaves_nothing(behind_acme, sales, monkeypatch):
    """D3: after its tries the error comes out, and no half batch stays."""
    connection = make_connection(sales)

    def fail(self, *args):
        raise OperationalError("could not serialize access")

    monkeypatch.setattr(CallWriter, "_mark", fail)
    with pytest.raises(OperationalError):
        Mirror(claim(connection, Stream.CALLS), connection, "UTC").write([(record(), TIME_ZERO)], [])
    assert not Call.objects.exists()


def test_one_id_many_times_in_a_batch_is_stored_once(behind_acme, sales):
    """D4: no cardinality violation, the newest version stands."""
    connection = make_connection(sales)
    versions = [(record(body=f"v{n}", duration_ms=n), TIME_ZERO + timedelta(seconds=n)) for n in range(50)]
    random.Random(1).shuffle(versions)
    Mirror(claim(connection, Stream.CALLS), connection, "UTC").write(versions, [])
    assert Call.objects.get().duration_ms == 49
    invariants.no_doubles(connection)


@pytest.mark.postgresql
def test_many_writers_of_the_same_calls_do_not_lock_each_other_dead(acme, sales):
    """D2: eight transactions write the same 200 calls in random order: no deadlock, each call once."""
    with wall.tenant(acme):
        connection = make_connection(sales)
    refused = []

    def write(seed):
        chance = random.Random(seed)
        batch = [
            (record(f"c{n}", body=f"v{seed}", duration_ms=seed), TIME_ZERO + timedelta(seconds=seed))
            for n in range(200)
        ]
        chance.shuffle(batch)

        def once():
            with transaction.atomic():
                CallWriter(RowMaker(sales.tenant_id, sales.pk)).write(batch, TIME_ZERO)

        try:
            with wall.tenant(acme):
                once()
        except OperationalError as error:
            refused.append(error)
        finally:
            database.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert refused == []
    with wall.tenant(acme):
        assert Call.objects.count() == 200
        assert set(Call.objects.values_list("duration_ms", flat=True)) == {7}
        invariants.no_doubles(connection)


@pytest.mark.postgresql
@pytest.mark.parametrize("whose", ["reader", "writer"])
def test_a_pull_outlives_a_database_that_drops_its_connections(box, acme, acme_wall, monkeypatch, whose):
    """D1: the server ends our session several times in mid-run; the run completes with the same mirror.

    The reader's session, or the one over which batches are written beside it.
    """
    monkeypatch.setattr("sync.reading.reader.BATCH", 200)
    connection = connect(acme, box)
    about = database.settings_dict
    admin = psycopg.connect(
        host=about["HOST"], port=about["PORT"] or 5432, user=about["USER"], password=about["PASSWORD"] or None,
        dbname=about["NAME"], autocommit=True,
    )  # fmt: skip
    ended = []

    def end_session(stream, done, planned, seen):
        mine = database.connection.info.backend_pid
        others = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
        )
        writers = [pid for (pid,) in admin.execute(others) if pid not in (mine, admin.info.backend_pid)]
        pid = mine if whose == "reader" else next(iter(writers), None)
        if done % (2 if whose == "reader" else 1) == 0 and pid not in (None, *ended) and len(ended) < 3:
            ended.append(pid)
            admin.execute("SELECT pg_terminate_backend(%s)", [pid])

    with admin:
        report = pull(connection, [Stream.CALLS], progress=end_session)
    assert report.status == "complete"
    assert len(ended) == 3 if whose == "reader" else ended
    invariants.same_as(connection, box)


@pytest.mark.postgresql
def test_a_transaction_that_sleeps_is_ended_by_the_server_and_its_batch_written_again(
    box, acme, acme_wall, monkeypatch, caplog
):
    """D6: the reader's process stands still in mid-transaction for longer than it may: nothing half written stays, the
    batch is written once more, and the run completes."""
    connection = connect(acme, box)
    kept, slept = Mirror._close, []

    def close(self, *args):
        if not slept:
            slept.append(Call.objects.count())
            time.sleep(1.3)
        return kept(self, *args)

    monkeypatch.setattr(Mirror, "_close", close)
    with using(Limits("workers", statement=240, lock=10, idle=1)):
        assert pull(connection, [Stream.CALLS]).status == "complete"
    assert slept[0] > 0  # rows were there already, and went with the transaction
    assert "the database is asked again after InternalError" in caplog.text
    invariants.same_as(connection, box)


@pytest.mark.postgresql
def test_whose_transaction_slept_is_told_which_limit_ended_it(acme_wall):
    """D6: in a sentence; and the next transaction is served."""

    def sleep() -> None:
        with transaction.atomic():
            Call.objects.exists()
            time.sleep(1.3)
            Call.objects.exists()

    with using(Limits("commands", statement=60, lock=60, idle=1)):
        with pytest.raises(DatabaseError) as refused:
            sleep()
        assert explain(refused.value) == "The database ended a transaction in which nothing had happened for 1 s."
        with transaction.atomic():
            assert not Window.objects.exists()


def test_a_query_is_not_tried_again_inside_somebody_elses_transaction(behind_acme, sales):
    """A part of a transaction can't be repeated alone: the error goes out to whoever began it."""
    calls = []

    def work():
        calls.append(1)
        raise OperationalError("deadlock detected")

    with pytest.raises(OperationalError), transaction.atomic():
        persist(work)
    assert len(calls) == 1
    assert Allowance(make_connection(sales)).take() == 0.0


def test_the_world_is_what_it_was(box, acme, acme_wall):
    """The harness itself: without a fault all invariants hold, versions included."""
    box.journal.keep_versions = True
    connection = connect(acme, box)
    assert pull(connection).status == "complete"
    invariants.same_as(connection, box)
    invariants.no_loss(connection, box)
    invariants.truth(connection, box)
    assert served(box)
