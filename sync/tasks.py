"""Tasks of sync: ids in, wall open, one call."""

from collections.abc import Iterable
from typing import Any

from celery import shared_task
from celery.contrib.django.task import DjangoTask

from portal.tenants import wall
from portal.tenants.tasks import TenantTask
from portal.work import hints
from sync.reading import sweep as sweeper
from sync.reading.ahead import put_right
from sync.reading.due import Due, due_streams
from sync.reading.turns import read_in_turn, read_slice
from sync.troubles import watch

MOST_HINTS = 16  # workers that are woken at once
TURN = 45.0  # seconds in which one goes on from stream to stream; the next tick comes after a minute


def hint_due() -> int:
    """Have as many workers as there are streams due look what is to be read; returns how many are due."""
    due = due_streams()
    for _ in due[:MOST_HINTS]:
        if not hints.hint(read_next, expires=55):
            break
    return len(due)


def hint(streams: Iterable[tuple[int, int, str]]) -> None:
    """Tell the workers of streams that somebody asked for: (tenant, connection, stream). A broker that is away loses
    nothing."""
    for stream in streams:
        if not hints.hint(pull_stream, *stream, expires=300):
            return


@shared_task(base=DjangoTask, max_retries=3, default_retry_delay=5)
def read_due(**_: Any) -> None:
    """Hint the workers at what is due, then see whether rejected tokens are let in again."""
    with wall.every_tenant("readings at times that have not come yet"):
        put_right()
    hint_due()
    sweeper.recheck()


@shared_task(base=DjangoTask, max_retries=3, default_retry_delay=5)
def sweep(**_: Any) -> None:
    """End runs whose process is gone, so that their streams are read again; tell owners what fails for long."""
    sweeper.sweep()
    watch()


@shared_task(base=DjangoTask, max_retries=3, default_retry_delay=5)
def forget(**_: Any) -> None:
    """Forget runs that ended long ago."""
    sweeper.forget_old_runs()


@shared_task(base=DjangoTask, max_retries=3, default_retry_delay=5, soft_time_limit=840, time_limit=870)
def read_next(**_: Any) -> None:
    """Read what is due, by turns, for most of a minute: which streams that are is seen when the worker is free."""
    read_in_turn(TURN)


@shared_task(base=TenantTask, soft_time_limit=840, time_limit=870)
def pull_stream(tenant_id: int, connection_id: int, stream: str, **_: Any) -> None:
    """Read one stream for a while, because somebody asked for it."""
    read_slice(Due(tenant_id, connection_id, stream))
