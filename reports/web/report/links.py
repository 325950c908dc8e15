"""From a row of an answer to the calls behind it: the address of the list that holds exactly these calls, or of the
page of callbacks for a row of those that answer an agent's calls.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from reports.definitions.filters import NONE, guarded, refused, write_filters
from reports.queries.question import Question
from reports.web.shared.charts import last_of
from reports.web.shared.selection import written


@dataclass(slots=True)
class _Narrowed:
    """The parameters of the list so far. ``expressible`` ends when no list can show what a row counts."""

    first: date
    last: date
    params: dict[str, str]
    expressible: bool = field(default=True)

    def between(self, first: date, last: date) -> None:
        self.first, self.last = max(self.first, first), min(self.last, last)

    def only(self, name: str, word: str | None) -> None:
        if word is None:
            self.expressible = False
        else:
            self.params[name] = word


def calls_behind(question: Question, keys: Mapping[str, str | None], *, zone: str) -> str:
    """The query string of the calls of a row, whose keys are the API's by grouping; "" where no list shows just these.

    ``zone`` is the tenant's, which the list takes by default.
    """
    if refused(question.filters):
        return ""
    period = question.period
    narrowed = _Narrowed(period.start, period.last_day, write_filters(question.filters))
    if period.zone != zone:
        narrowed.params["zone"] = period.zone
    for name, word in keys.items():
        narrow = _NARROW.get(name)
        if narrow is None:
            return ""
        narrow(narrowed, word)
    if not narrowed.expressible:
        return ""
    days = {"date_from": narrowed.first.isoformat(), "date_to": narrowed.last.isoformat()}
    return written(days | narrowed.params)


def returns_behind(question: Question, keys: Mapping[str, str | None], *, zone: str) -> str:
    """The query string with which the page of callbacks lists the returns of a row, chosen or grouped by the agent that
    called before; "" for any other row, and where that page lists others too.
    """
    params = write_filters(question.filters)
    chosen = {*keys, *params}
    if "source_agent" not in chosen or not chosen <= _OF_RETURNS or None in keys.values():
        return ""
    if question.period.zone != zone:
        return ""
    days = {"date_from": question.period.start.isoformat(), "date_to": question.period.last_day.isoformat()}
    return written(days | params | {name: word or "" for name, word in keys.items()})


def _hour(narrowed: _Narrowed, word: str | None) -> None:
    if word:
        day = date.fromisoformat(word[:10])
        narrowed.between(day, day)
        narrowed.only("hour", str(int(word[11:13])))


def _stretch(grain: str) -> Callable[[_Narrowed, str | None], None]:
    def narrow(narrowed: _Narrowed, word: str | None) -> None:
        if word:
            first = date.fromisoformat(word)
            narrowed.between(first, last_of(grain, first))

    return narrow


def _word(name: str, *, nothing: str | None = None) -> Callable[[_Narrowed, str | None], None]:
    """``nothing`` is the list's word for calls without one; where it has none, no list shows them."""

    def narrow(narrowed: _Narrowed, word: str | None) -> None:
        narrowed.only(name, nothing if word is None else guarded(word) if name == "cause" else word)

    return narrow


def _status(narrowed: _Narrowed, word: str | None) -> None:
    narrowed.only("status", None if word is None or "," in word else word)


def _length(narrowed: _Narrowed, word: str | None) -> None:
    """Bands include their upper bound, and the list both of its own."""
    if word is None:
        narrowed.expressible = False
        return
    low, _, high = word.rstrip("+").partition("-")
    given = narrowed.params
    shortest = max(float(given.get("min_duration", 0)), int(low) + 0.001 if int(low) else 0.0)
    narrowed.only("min_duration", f"{shortest:.17g}")
    if high:
        narrowed.only("max_duration", f"{min(float(given.get('max_duration', high)), float(high)):.17g}")


_OF_RETURNS = {"environment", "agent", "source_agent"}  # by which the page of callbacks chooses
_NARROW: Mapping[str, Callable[[_Narrowed, str | None], None]] = {
    "hour": _hour,
    "day": _stretch("day"),
    "week": _stretch("week"),
    "month": _stretch("month"),
    "weekday": _word("weekday"),
    "hour_of_day": _word("hour"),
    "agent": _word("agent"),
    "environment": _word("environment"),
    "status": _status,
    "direction": _word("direction"),
    "cause": _word("cause", nothing=NONE),
    "area_code": _word("area_code", nothing=NONE),
    "side": _word("side"),
    "line": _word("line"),
    "length": _length,
}
