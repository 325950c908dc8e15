"""Times on a call's page: to the second, and counted from the start of the call."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import formats

from portal.formats import figures
from reports.definitions.periods import DAY

_MINUTE = timedelta(minutes=1)


def clock(when: datetime | None, zone: str) -> str:
    """``8 Jul 2026, 12:00:04`` in ``zone``."""
    if when is None:
        return ""
    local = when.astimezone(ZoneInfo(zone))
    return f"{formats.date_format(local, 'DATE_FORMAT')}, {local:%H:%M:%S}"


def offset(when: datetime | None, started: datetime) -> str:
    """``0:12`` after the start; empty where the moment is not told, or is so far off that it cannot be of this call."""
    if when is None or abs(when - started) >= DAY:
        return ""
    return figures.duration((when - started).total_seconds())


def stretch(took: timedelta) -> str:
    """``7.0 s``, from a minute on ``12:30``."""
    if took >= _MINUTE:
        return figures.duration(took.total_seconds())
    return figures.decimal(took.total_seconds(), 1) + figures.SPACE + "s"
