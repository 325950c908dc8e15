"""One process at a time reads a stream of an environment.

The lease lives on the :class:`~sync.models.runs.Run` row. Each write of the holder begins by touching that row under
its fence, so a process that was paused, declared dead and then woke up can write nothing more.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db import connection as database
from django.utils import timezone

from portal.lib.processes import is_gone, owner
from sync.models.connections import Connection
from sync.models.runs import Run, RunState
from sync.taxonomy import Fault, Stream

LEASE = timedelta(seconds=120)


class Busy(Exception):
    """Another live process holds the stream."""


class LostLease(Exception):
    """Another process took the stream over; nothing of this transaction may stay."""


def database_now() -> datetime:
    """The database's clock, which all hosts share."""
    if database.vendor != "postgresql":
        return timezone.now()
    with database.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now


def claim(connection: Connection, stream: Stream) -> Run:
    """A new run of the stream, leased to this process. Raises :class:`Busy`; ends a dead holder's run."""
    now = database_now()
    try:
        with transaction.atomic():
            held = (
                Run.objects.select_for_update(of=("self",))
                .filter(environment_id=connection.environment_id, stream=stream, state=RunState.RUNNING)
                .first()
            )
            if held is not None:
                if held.lease_until is not None and held.lease_until > now and not is_gone(held.owner):
                    raise Busy(f"{stream} is being read by another process.")
                abandon(held, now)
            return Run.objects.create(
                tenant_id=connection.tenant_id,
                environment_id=connection.environment_id,
                connection=connection,
                stream=stream,
                owner=owner(),
                lease_until=now + LEASE,
                started_at=now,
            )
    except IntegrityError as error:  # two claimed at once
        raise Busy(f"{stream} is being read by another process.") from error


def abandon(run: Run, now: datetime) -> None:
    """End a run whose process is gone. Its windows are rows: the next run goes on from them."""
    run.state = RunState.PARTIAL
    run.fault = Fault.LOST_LEASE
    run.finished_at = now
    run.lease_until = None
    run.fence += 1
    run.save(update_fields=["state", "fault", "finished_at", "lease_until", "fence"])


def hold(run: Run, **progress: object) -> None:
    """Renew the lease and note progress; inside the transaction of a write it also locks late processes out."""
    held = Run.objects.filter(pk=run.pk, fence=run.fence, state=RunState.RUNNING)
    if not held.update(lease_until=database_now() + LEASE, **progress):
        raise LostLease(f"run {run.public_id}")
