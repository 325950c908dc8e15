"""Parameters of Talkover's lists, refused with the documented sentences."""

from collections.abc import Callable, Iterable
from datetime import date

from django.http import QueryDict

from portal.lib.times import parse_day

CALL_STATUSES = ("initiated", "ringing", "answered", "completed", "failed", "busy", "no-answer")
DIRECTIONS = ("inbound", "outbound")
AGENT_STATUSES = ("draft", "published")
CAMPAIGN_STATUSES = ("draft", "active", "paused", "completed", "cancelled")
CAMPAIGN_TYPES = ("sales", "follow_up", "reminder", "custom")
PER_PAGE, MOST_PER_PAGE = 20, 100


class Parameters:
    """Reads one parameter at a time and gathers what is wrong; an empty parameter counts as one not given."""

    def __init__(self, params: QueryDict) -> None:
        self._params = params
        self.errors: dict[str, list[str]] = {}

    def text(self, name: str) -> str:
        return self._params.get(name) or ""

    def choice(self, name: str, choices: Iterable[str]) -> str:
        value = self.text(name)
        if value and value not in choices:
            self._wrong(name, f"The selected {_in_words(name)} is invalid.")
            return ""
        return value

    def day(self, name: str) -> date | None:
        value = self.text(name)
        try:
            return parse_day(value) if value else None
        except ValueError:
            self._wrong(name, f"The {_in_words(name)} must be a valid date.")
            return None

    def per_page(self) -> int:
        within = range(1, MOST_PER_PAGE + 1)
        return self._number("per_page", PER_PAGE, within.__contains__, "The per page must be between 1 and 100.")

    def page(self) -> int:
        return self._number("page", 1, lambda number: number >= 1, "The page must be at least 1.")

    def refuse(self, name: str, sentence: str) -> None:
        self._wrong(name, sentence)

    def _number(self, name: str, default: int, fits: Callable[[int], bool], sentence: str) -> int:
        value = self.text(name)
        if not value:
            return default
        if value.isascii() and value.isdecimal() and len(value) <= 12 and fits(int(value)):
            return int(value)
        self._wrong(name, sentence)
        return default

    def _wrong(self, name: str, sentence: str) -> None:
        self.errors.setdefault(name, []).append(sentence)


def _in_words(name: str) -> str:
    return name.replace("_", " ")
