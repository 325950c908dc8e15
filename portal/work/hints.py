"""Messages that say where a row waits. They may be lost, repeated and late: the rows are what is owed."""

import logging
from typing import Any

from kombu.exceptions import OperationalError

logger = logging.getLogger("ringbook.work")


def hint(task: Any, *ids: object, expires: float, queue: str | None = None) -> bool:
    """Publish a task with ``ids``, to be forgotten after ``expires`` seconds.

    False when the broker takes nothing: whoever hints at many may stop then, and the next sweep will find the rows.
    """
    try:
        task.apply_async(ids, expires=expires, **({} if queue is None else {"queue": queue}))
    except (OperationalError, OSError) as error:
        logger.warning("the broker takes no messages: %s", type(error).__name__)
        return False
    return True
