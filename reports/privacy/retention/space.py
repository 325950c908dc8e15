"""Room that rows left behind is given back to the disk."""

import logging
import shutil
from pathlib import Path
from typing import Any

from django.db import OperationalError, connection

logger = logging.getLogger("ringbook.reports")
_PART = 5  # a fifth of the file has to be empty: less is soon used again
_LEAST = 16 * 1024 * 1024


def give_back() -> bool:
    """Write SQLite's file anew where much of it is empty; whether it was. PostgreSQL's own autovacuum needs no help.

    Writers wait meanwhile, which is why it is done at night. The new file needs room beside the old one.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        return False
    with connection.cursor() as cursor:
        size, empty = _room(cursor)
        if empty < _LEAST or empty * _PART < size:
            return False
        path = Path(str(connection.settings_dict["NAME"]))
        if path.exists() and shutil.disk_usage(path.parent).free < 2 * size:
            logger.warning("there is no room on the disk to write the database anew, so it stays as large as it is")
            return False
        try:
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except OperationalError as error:  # somebody reads or writes for long: another night
            logger.warning("the database was not written anew: %s", error.__class__.__name__)
            return False
    return True


def _room(cursor: Any) -> tuple[int, int]:
    """The bytes of the file, and how many of them hold nothing: whole pages, and what shorter texts left within."""
    pages, free, size = (
        cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    try:
        within = cursor.execute("SELECT sum(unused) FROM dbstat WHERE aggregate = TRUE").fetchone()[0] or 0
    except OperationalError:  # a SQLite that was built without it
        within = 0
    return pages * size, free * size + within
