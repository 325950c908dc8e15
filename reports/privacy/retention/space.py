"""Room that rows left behind is given back to the disk."""

import logging
import shutil
from pathlib import Path

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
        pages, empty, size = (
            cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        if empty * size < _LEAST or empty * _PART < pages:
            return False
        path = Path(str(connection.settings_dict["NAME"]))
        if path.exists() and shutil.disk_usage(path.parent).free < 2 * pages * size:
            logger.warning("there is no room on the disk to write the database anew, so it stays as large as it is")
            return False
        try:
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except OperationalError as error:  # somebody reads for long: another night
            logger.warning("the database was not written anew: %s", error.__class__.__name__)
            return False
    return True
