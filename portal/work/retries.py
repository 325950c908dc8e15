"""Trying the database again: after a deadlock, a lock held too long, or a restart."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

logger = logging.getLogger("ringbook.work")
T = TypeVar("T")

TRIES = 6
_FIRST_PAUSE = 0.4  # seconds; doubles, so that a restart of some ten seconds is outlived


def persist(work: Callable[[], T]) -> T:
    """What ``work`` returns. It is called again when the database refused it for a passing reason.

    ``work`` must be whole in itself: a query, or a transaction that leaves nothing behind when it fails. The last
    failure is raised.
    """
    for attempt in range(1, TRIES + 1):
        try:
            return work()
        except (OperationalError, InterfaceError) as error:
            if attempt == TRIES or connection.in_atomic_block or _is_too_long(error):
                raise
            logger.warning("the database is asked again after %s", error.__class__.__name__)
            connection.close_if_unusable_or_obsolete()
            time.sleep(_FIRST_PAUSE * 2 ** (attempt - 1))
    raise AssertionError("unreachable")


def _is_too_long(error: Exception) -> bool:
    """Whether the statement reached its limit of time: the next would as well, after as long a wait."""
    return getattr(error.__cause__, "sqlstate", None) == "57014"
