"""Days and moments as text: RFC 3339 out, calendar days in."""

import re
from datetime import UTC, date, datetime

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def parse_day(text: str) -> date:
    """``2026-07-13`` and no other form; raises ValueError with a sentence that shows the form wanted."""
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError("A day is written like 2026-07-13.")


def parse_moment(text: str) -> datetime:
    """An RFC 3339 moment such as ``2026-07-13T11:00:00Z``, as UTC; raises ValueError without an offset."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError("A moment is written like 2026-07-13T11:00:00Z.")


def rfc3339(moment: datetime) -> str:
    """UTC with a ``Z``, microseconds only when there are some. The moment must be aware."""
    if moment.tzinfo is None:
        raise ValueError("A moment without a zone has no RFC 3339 form.")
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
