"""Tasks of sync: ids in, wall open, one call."""

import logging
from collections.abc import Iterable
from typing import Any

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from kombu.exceptions import OperationalError

from portal.tenants.tasks import TenantTask
from sync import sweep as sweeper
from sync.models.connections import Connection
from sync.runner import SLICE, pull
from sync.taxonomy import Stream

logger = logging.getLogger("ringbook.sync")


def hint_due() -> int:
    """Publish a hint for every stream that is due; returns how many are."""
    due = sweeper.due_streams()
    hint(due)
    return len(due)


def hint(due: Iterable[tuple[int, int, str]]) -> None:
    """Tell the workers of streams that are due: (tenant, connection, stream). A broker that is away loses nothing."""
    try:
        for hinted in due:
            pull_stream.apply_async(hinted, expires=300)
    except OperationalError:
        logger.warning("the broker cannot be reached; the next tick tries again")


@shared_task(base=DjangoTask, max_retries=3, default_retry_delay=5)
def read_due(**_: Any) -> None:
    """Hint the workers at every stream that is due, then see whether rejected tokens are let in again."""
    hint_due()
    sweeper.recheck()


@shared_task(base=DjangoTask, max_retries=3, default_retry_delay=5)
def sweep(**_: Any) -> None:
    """End runs whose process is gone, so that their streams are read again, and forget old ones."""
    sweeper.sweep()
    sweeper.forget_old_runs()


@shared_task(base=TenantTask, soft_time_limit=840, time_limit=870)
def pull_stream(tenant_id: int, connection_id: int, stream: str, **_: Any) -> None:
    """Read one stream for a while. Another process at it, or a connection that is gone, is no fault."""
    connection = Connection.objects.select_related("tenant").defer("token").filter(pk=connection_id).first()
    if connection is None or not sweeper.may_read(connection) or stream not in set(Stream):
        return
    told = pull(connection, [Stream(stream)], manner=SLICE).streams.get(Stream(stream))
    if told is not None and told.busy:
        logger.info("connection %s: %s is being read already", connection.public_id, stream)
