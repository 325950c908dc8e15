"""Times as they stand in the nested parts of a payload, where no form is promised."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from reports.definitions.periods import DAY_SECONDS

_YEAR_1990 = 631_152_000  # a number below is no moment of a call
_MILLISECONDS_FROM = 1e11


def read_moment(value: Any) -> datetime | None:
    """ISO with ``T`` or a blank, or Unix seconds or milliseconds; without an offset UTC. None when unreadable."""
    if isinstance(value, bool) or value is None:
        return None
    number = _number(value)
    try:
        if number is not None:
            if number < _YEAR_1990:
                return None
            return datetime.fromtimestamp(number / 1000 if number > _MILLISECONDS_FROM else number, UTC)
        moment = datetime.fromisoformat(str(value).strip()[:64])
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


@dataclass(frozen=True, slots=True)
class Clock:
    """Reads moments, and seconds of the call where its beginning is known: many a record counts from there."""

    since: datetime | None = None

    def read(self, value: Any) -> datetime | None:
        moment = read_moment(value)
        if moment is not None or self.since is None or isinstance(value, bool):
            return moment
        number = _number(value)
        return self.since + timedelta(seconds=number) if number is not None and number < DAY_SECONDS else None


def _number(value: Any) -> float | None:
    """A number from 0, also as text."""
    if isinstance(value, str):
        text = value.strip()[:32]
        value = float(text) if text.isascii() and text.replace(".", "", 1).isdigit() else None
    return float(value) if isinstance(value, int | float) and 0 <= value < 1e15 else None
