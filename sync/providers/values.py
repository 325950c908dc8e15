"""Single values as vendors write them: times, numbers, texts, ids. What can't be read is None, never an error."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2201, 1, 1, tzinfo=UTC)
_LAST_SECONDS = (_LAST - _FIRST) // timedelta(seconds=1)
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s?(?:([Zz])|([+-])(\d\d)(?::?(\d\d)(?::?(\d\d))?)?)?",
    re.ASCII,
)
_UNIX = re.compile(r"\d{1,13}(?:\.\d{1,9})?", re.ASCII)
_NUMBER = re.compile(r"\d{1,18}(?:\.\d{0,18})?(?:[eE][+-]?\d{1,2})?|\.\d{1,18}", re.ASCII)

ABSURD = 1e12  # numbers beyond are noise
LONGEST_CALL_MS = 31 * 24 * 3600 * 1000
_LONGEST_TURN_MS = 3600 * 1000
_MOST_COUNTED = 2**31 - 1
_MOST_TURNS = 1000
ID_LENGTH = 200


def read_time(value: object) -> tuple[datetime | None, bool]:
    """A UTC time and whether its zone was guessed, because it named none.

    ISO 8601 with ``T`` or a blank, any fraction (cut to microseconds) and any offset; digits, as text or number, are
    Unix seconds or milliseconds. Anything else, and years outside 1970 to 2200, are ``None``.
    """
    if isinstance(value, str):
        if len(value) == 20 and value[19] == "Z" and value[10] == "T":
            try:
                time = datetime.fromisoformat(value)
            except ValueError:
                return None, False
            return (time, False) if _FIRST <= time < _LAST else (None, False)
        text = value.strip()
        if match := _TIME.fullmatch(text):
            return _from_parts(match)
        return (_from_unix(float(text)), False) if _UNIX.fullmatch(text) else (None, False)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _from_unix(value), False
    return None, False


def _from_parts(match: re.Match[str]) -> tuple[datetime | None, bool]:
    day, clock, seconds, fraction, utc, sign, *offset = match.groups()
    hours, minutes, rest = (int(part or 0) for part in offset)
    try:
        micros = int(fraction[:6].ljust(6, "0")) if fraction else 0
        time = datetime.fromisoformat(f"{day}T{clock}:{seconds or '00'}").replace(tzinfo=UTC, microsecond=micros)
        if sign:
            if hours > 23 or minutes > 59 or rest > 59:
                return None, False
            shift = timedelta(hours=hours, minutes=minutes, seconds=rest)
            time = time - shift if sign == "+" else time + shift
    except (ValueError, OverflowError):
        return None, False
    return (time, not (utc or sign)) if _FIRST <= time < _LAST else (None, False)


def _from_unix(value: float) -> datetime | None:
    # Zero is how a time that is not set comes out of many a program. Seconds and milliseconds can't be taken for each
    # other: the last second allowed, read as milliseconds, is a day of March 1970.
    if not 0 < value < _LAST_SECONDS * 1000:
        return None
    micros = value * 1_000_000 if value < _LAST_SECONDS else value * 1000
    return _FIRST + timedelta(microseconds=round(micros))


def read_number(value: object) -> float | None:
    """A number from 0 to 1e12, also out of text; None for anything else, NaN and negatives included."""
    if isinstance(value, str):
        text = value.strip()
        value = float(text) if _NUMBER.fullmatch(text) else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return value if 0 <= value <= ABSURD else None


def read_count(value: object) -> int | None:
    """A whole number that fits a database's integer, None otherwise."""
    number = read_number(value)
    return int(number) if number is not None and number == int(number) and number <= _MOST_COUNTED else None


def read_ms(value: object) -> int | None:
    """Seconds, fractions allowed, as whole milliseconds; None when longer than a month or no number."""
    number = read_number(value)
    if number is None or number * 1000 > LONGEST_CALL_MS:
        return None
    return round(number * 1000)


def clean(value: object, limit: int) -> str:
    """Text without NUL and lone surrogates, at most ``limit`` characters. Numbers become text, all else is empty."""
    if isinstance(value, str):
        if not value.isascii():
            value = value.encode("utf-8", "ignore").decode()
        if "\x00" in value:
            value = value.replace("\x00", "")
        return value if len(value) <= limit else value[:limit]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return str(value)[:limit] if isinstance(value, int) or math.isfinite(value) else ""


def identifier(value: object) -> str | None:
    """An opaque id as text; None when there is none, or when it could not be kept whole."""
    if isinstance(value, str) and 0 < len(value) <= ID_LENGTH:
        return value if clean(value, ID_LENGTH) == value and not value.isspace() else None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1e18 else None


_UNITS = {"_ms": 1.0, "_s": 1000.0, "_sec": 1000.0, "_secs": 1000.0, "_seconds": 1000.0}


def read_latencies(stages: Mapping[str, object]) -> dict[str, list[float]] | None:
    """The latency of each turn in milliseconds, by stage; None when no stage has any.

    A number counts only under a key that names its unit. Of an element's such keys the one with ``latency`` in it is
    meant, else the one with ``ttfb``, else the only one there is. Elements without give nothing.
    """
    latencies = {}
    for stage, value in stages.items():
        turns = [turn for element in as_list(value)[:_MOST_TURNS] if (turn := _latency(element)) is not None]
        if turns:
            latencies[stage] = turns
    return latencies or None


def _latency(element: object) -> float | None:
    if not isinstance(element, dict):
        return None
    times: dict[str, float] = {}
    for key, value in element.items():
        unit = _UNITS.get("_" + key.lower().rpartition("_")[2]) if "_" in key else None
        number = read_number(value)
        if unit and number is not None and "token" not in key.lower() and number * unit <= _LONGEST_TURN_MS:
            times[key.lower()] = round(number * unit, 3)
    for word in ("latency", "ttfb"):
        for key, time in times.items():
            if word in key:
                return time
    return next(iter(times.values())) if len(times) == 1 else None


def as_list(value: Any) -> list[Any]:
    """A list where one was promised: null is empty, an object is one element, JSON inside a text is read once."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return []
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, dict) and value else []
