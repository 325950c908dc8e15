"""What is wrong with where things lie: disk, erasures' files, the storage of column files; and how full it is."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.models import Count, Sum
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from portal import storage
from portal.site.wrongs.wrong import Kind, Wrong
from reports.columns.models import ColumnFile

_FREE_SHARE = 0.1
_FREE_BYTES = 1024**3  # below it a disk is nearly full, whatever its share


@dataclass(frozen=True, slots=True)
class Room:
    """What is taken and what is free, in bytes. ``database`` is None where its server does not say."""

    free: int
    disk: int
    database: int | None
    files: int
    files_bytes: int


def found(now: datetime) -> Iterator[Wrong]:
    for place in sorted({Path(settings.DATA_DIR), storage.home()}):
        usage = shutil.disk_usage(_there(place))
        if usage.free < _FREE_BYTES or usage.free < _FREE_SHARE * usage.total:
            yield Wrong(
                Kind.STORAGE, f"disk:{place}", _("The disk is nearly full: only %(free)s of %(total)s are free. Delete"
                " what you don't need, or use a larger disk.")
                % {"free": filesizeformat(usage.free), "total": filesizeformat(usage.total)}, str(place), alarming=True,
            )  # fmt: skip
    erasures = Path(settings.DATA_DIR) / "erasures"
    if not os.access(_there(erasures), os.W_OK | os.X_OK):
        yield Wrong(
            Kind.STORAGE, "erasures", _("Erasures can't be written beside the database, so a restored backup would"
            " forget them. Make the folder writable."), str(erasures), alarming=True,
        )  # fmt: skip
    if storage.is_away():
        yield Wrong(
            Kind.STORAGE, "columns", _("The storage of column files and exports does not answer."),
            alarming=True,
        )  # fmt: skip


def room() -> Room:
    usage = shutil.disk_usage(_there(Path(settings.DATA_DIR)))
    columns = ColumnFile.objects.filter(retired_at=None).aggregate(files=Count("pk"), bytes=Sum("bytes"))
    return Room(usage.free, usage.total, _database_bytes(), columns["files"], columns["bytes"] or 0)


def _database_bytes() -> int | None:
    statement = "SELECT pg_database_size(current_database())"
    if connection.vendor != "postgresql":
        statement = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    return int(row[0]) if row and row[0] is not None else None


def _there(place: Path) -> Path:
    """The folder, or the nearest above it that there is."""
    return next(folder for folder in (place, *place.parents) if folder.exists())
