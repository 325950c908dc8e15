"""One process at a time reads a stream of an environment.

The lease lives on the :class:`~sync.models.runs.Run` row. Each write of the holder begins by touching that row under
its fence, so a process that was paused, declared dead and then woke up can write nothing more.
"""

import logging
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from portal.lib.processes import is_gone, owner
from portal.work.clock import AHEAD, database_now
from portal.work.leases import Lease
from sync.models.connections import Connection
from sync.models.runs import Run, RunState
from sync.taxonomy import Fault, Stream

logger = logging.getLogger("ringbook.sync")

LEASE = Lease(timedelta(seconds=120), until="lease_until", fence="fence", clock=database_now)


class Busy(Exception):
    """Another live process holds the stream."""


class LostLease(Exception):
    """Another process took the stream over; nothing of this transaction may stay."""


def claim(connection: Connection, stream: Stream) -> Run:
    """A new run of the stream, leased to this process. Raises :class:`Busy`; ends a dead holder's run."""
    now = database_now()
    try:
        with transaction.atomic():
            run = (
                Run.objects.select_for_update(of=("self",))
                .filter(environment_id=connection.environment_id, stream=stream, state=RunState.RUNNING)
                .first()
            )
            if run is not None:
                if is_alive(run, now):
                    raise Busy(f"{stream} is being read by another process.")
                abandon(run, now)
            return Run.objects.create(
                tenant_id=connection.tenant_id,
                environment_id=connection.environment_id,
                connection=connection,
                stream=stream,
                owner=owner(),
                lease_until=now + LEASE.lasts,
                started_at=now,
            )
    except IntegrityError as error:  # two claimed at once
        raise Busy(f"{stream} is being read by another process.") from error


def is_alive(run: Run, now: datetime) -> bool:
    """Whether the process that reads under ``run`` still holds it, as :meth:`Lease.free` has it for rows."""
    until = run.lease_until
    return until is not None and now < until <= now + LEASE.lasts + AHEAD and not is_gone(run.owner)


def abandon(run: Run, now: datetime) -> None:
    """End a run whose process is gone, or slept past its lease. Windows are rows: the next run goes on from them."""
    run.state, run.fault = (RunState.INTERRUPTED, "") if is_gone(run.owner) else (RunState.PARTIAL, Fault.LOST_LEASE)
    run.finished_at = now
    run.lease_until = None
    run.fence += 1
    run.save(update_fields=["state", "fault", "finished_at", "lease_until", "fence"])
    if not run.fault:
        logger.error("the process that read %s of connection %s died", run.stream, run.connection.public_id)


def suspects(run: Run) -> set[str] | None:
    """The windows at which processes that read this stream died within a day; None unless the last one died."""
    others = Run.objects.filter(environment_id=run.environment_id, stream=run.stream).exclude(pk=run.pk)
    state, fence = others.order_by("-started_at", "-pk").values_list("state", "fence").first() or ("", 0)
    if state != RunState.INTERRUPTED or fence == 1:  # one that was told to end noted so itself
        return None
    died = others.filter(state=RunState.INTERRUPTED, fence__gt=1, started_at__gt=run.started_at - timedelta(days=1))
    return set(died.exclude(detail="").values_list("detail", flat=True))


def hold(run: Run, **progress: object) -> None:
    """Renew the lease and note progress; inside the transaction of a write it also locks late processes out."""
    if not LEASE.hold(LEASE.held(Run.objects.filter(state=RunState.RUNNING), run), **progress):
        raise LostLease(f"run {run.public_id}")
