"""What a clock that was ahead left behind once it is set back: readings and pauses at times that have not come yet.

A window read at such a time would be called whole, and left alone, until the time comes. It is said to be a gap
instead, on every face, and read once more. Nothing of a mirror is lost: rows are only read again.
"""

import logging
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Q

from portal.work.clock import AHEAD, database_now
from sync.budget import LONGEST_PAUSE
from sync.models.connections import Connection, RequestGrant
from sync.models.runs import READ, Gap, Window, WindowState
from sync.taxonomy import Fault

logger = logging.getLogger("ringbook.sync")

DETAIL = "The clock was ahead when this was read. It is read again."


def put_right(connection: Connection | None = None) -> int:
    """Have everything that was read in the future read again; how many windows that are.

    Of one connection, or of all behind the open wall. Few queries where all is right.
    """
    now = database_now()
    mine = Q() if connection is None else Q(environment_id=connection.environment_id)
    ahead = Window.objects.filter(mine & _ahead(now)).order_by("pk")
    with transaction.atomic():
        doubtful = [window for window in ahead.select_for_update(of=("self",)) if _doubt(window, now)]
        RequestGrant.objects.filter(
            Q() if connection is None else Q(connection=connection), at__gt=(now + AHEAD).timestamp()
        ).update(at=now.timestamp())
        pauses = Connection.objects.filter(Q() if connection is None else Q(pk=connection.pk))
        pauses.filter(blocked_until__gt=now + timedelta(seconds=LONGEST_PAUSE) + AHEAD).update(blocked_until=None)
    if doubtful:
        environments = len({window.environment_id for window in doubtful})
        logger.warning(
            "the clock was ahead: %d windows of %d environments were read in the future and are read again",
            len(doubtful),
            environments,
        )
    return len(doubtful)


def _ahead(now: datetime) -> Q:
    failed = Q(next_attempt_at__gt=now + timedelta(seconds=LONGEST_PAUSE) + AHEAD) & ~Q(state__in=READ)
    return Q(read_at__gt=now + AHEAD) | failed


def _doubt(window: Window, now: datetime) -> bool:
    """Whether the window was called whole as of the future. One of a day that has not begun is taken away."""
    gaps = Gap.objects.filter(environment_id=window.environment_id, stream=window.stream, part=window.part)
    if window.day is not None and window.day > now.astimezone(UTC).date():
        gaps.filter(closed_at=None).update(closed_at=now)
        window.delete()
        return True
    window.next_attempt_at = now
    if window.read_at is None or window.read_at <= now:  # failed, and told to wait for too long
        window.save(update_fields=["next_attempt_at"])
        return False
    window.read_at = None
    if window.state in READ:
        window.state, window.fault = WindowState.INCOMPLETE, Fault.CLOCK
        Gap.objects.get_or_create(
            tenant_id=window.tenant_id,
            environment_id=window.environment_id,
            stream=window.stream,
            part=window.part,
            closed_at=None,
            defaults={"day": window.day, "fault": Fault.CLOCK, "detail": DETAIL, "opened_at": now},
        )
    window.save(update_fields=["state", "fault", "read_at", "next_attempt_at"])
    return True
