"""Reading a Talkover request's parameters as the vendor does: documented defaults, bounds and words of refusal."""

import re
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}$")


class Query:
    """Collects what is wrong; look at ``errors`` after everything is read."""

    def __init__(self, params: Mapping[str, str]) -> None:
        self._params = params
        self.errors: dict[str, list[str]] = {}

    def text(self, name: str) -> str:
        return self._params.get(name, "").strip()

    def word(self, name: str, allowed: Collection[str]) -> str:
        value = self.text(name)
        if value and value not in allowed:
            self._refuse(name, "The selected {} is invalid.")
        return value

    def day(self, name: str) -> date | None:
        value = self.text(name)
        if not value:
            return None
        try:
            if _DAY.match(value):
                return date.fromisoformat(value)
        except ValueError:
            pass
        self._refuse(name, "The {} must be a valid date.")
        return None

    def page(self) -> int:
        return self._count("page", 1, None, "The {} must be at least 1.")

    def per_page(self) -> int:
        return self._count("per_page", 20, 100, "The {} must be between 1 and 100.")

    def _count(self, name: str, default: int, most: int | None, sentence: str) -> int:
        value = self.text(name)
        if not value:
            return default
        if not value.lstrip("-").isdecimal():
            self._refuse(name, "The {} must be an integer.")
        elif not 1 <= int(value) <= (most or 10**9):
            self._refuse(name, sentence)
        else:
            return int(value)
        return default

    def _refuse(self, name: str, sentence: str) -> None:
        self.errors.setdefault(name, []).append(sentence.format(name.replace("_", " ")))


def bounds(first: date | None, last: date | None, *, zone: str = "", exclusive: bool = False) -> tuple[str, str]:
    """The half-open span of timestamps that whole days mean; an empty text is no bound.

    UTC days, both included, unless a fault has the vendor see it otherwise.
    """
    end = last if last is None or exclusive else last + timedelta(days=1)
    return _edge(first, zone), _edge(end, zone)


def _edge(day: date | None, zone: str) -> str:
    if day is None:
        return ""
    if not zone:
        return day.isoformat()
    moment = datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
