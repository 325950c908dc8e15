"""Trying the database again: after a deadlock, a lock held too long, or a restart."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, InternalError, OperationalError, connection

logger = logging.getLogger("ringbook.work")
T = TypeVar("T")

TRIES = 6
_SLEPT = "25P03"
_FIRST_PAUSE = 0.4  # seconds; doubles, so that a restart of some ten seconds is outlived


def persist(work: Callable[[], T]) -> T:
    """What ``work`` returns. It is called again when the database refused it for a passing reason.

    ``work`` must be whole in itself: a query, or a transaction that leaves nothing behind when it fails. The last
    failure is raised.
    """
    for attempt in range(1, TRIES + 1):
        try:
            return work()
        except (OperationalError, InterfaceError, InternalError) as error:
            if attempt == TRIES or connection.in_atomic_block or not _passes(error):
                raise
            logger.warning("the database is asked again after %s", error.__class__.__name__)
            connection.close_if_unusable_or_obsolete()
            time.sleep(_FIRST_PAUSE * 2 ** (attempt - 1))
    raise AssertionError("unreachable")


def _passes(error: Exception) -> bool:
    """Not so a statement that reached its limit of time: the next would as well, after as long a wait. A transaction
    that slept past its limit is an internal error to the driver, and to us one like any that was broken off."""
    state = getattr(error.__cause__, "sqlstate", None)
    return state == _SLEPT if isinstance(error, InternalError) else state != "57014"
