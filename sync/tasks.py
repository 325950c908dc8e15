"""Tasks of sync: ids in, wall open, one call."""

import logging
from typing import Any

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from kombu.exceptions import OperationalError

from portal.tenants.tasks import TenantTask
from sync import sweep as sweeper
from sync.leases import Busy
from sync.models.connections import Connection
from sync.runner import SLICE, pull
from sync.taxonomy import Stream

logger = logging.getLogger("ringbook.sync")


def hint_due() -> int:
    """Publish a hint for every stream that is due; returns how many. A broker that is away loses nothing."""
    due = sweeper.due_streams()
    try:
        for tenant_id, connection_id, stream in due:
            pull_stream.apply_async((tenant_id, connection_id, stream), expires=300)
    except OperationalError:
        logger.warning("the broker cannot be reached; the next tick tries again")
    return len(due)


@shared_task(base=DjangoTask, max_retries=3, default_retry_delay=5)
def read_due(**_: Any) -> None:
    """Hint the workers at every stream that is due."""
    hint_due()


@shared_task(base=DjangoTask, max_retries=3, default_retry_delay=5)
def sweep(**_: Any) -> None:
    """End runs whose process is gone, so that their streams are read again."""
    sweeper.sweep()


@shared_task(base=TenantTask, soft_time_limit=840, time_limit=870)
def pull_stream(tenant_id: int, connection_id: int, stream: str, **_: Any) -> None:
    """Read one stream for a while. Another process at it, or a connection that is gone, is no fault."""
    connection = Connection.objects.select_related("tenant").filter(pk=connection_id).first()
    if connection is None or not sweeper.may_read(connection) or stream not in set(Stream):
        return
    try:
        pull(connection, [Stream(stream)], manner=SLICE)
    except Busy:
        logger.info("connection %s: %s is being read already", connection.public_id, stream)
