"""The rows of an answer: which keys there are, in which order, and which row of the period before each one faces."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

from django.utils.translation import gettext as _

from portal.formats import figures
from reports.definitions.dimensions import (
    DIMENSIONS,
    Dimension,
    Key,
    Names,
    api_key,
    hour_parts,
    moments,
    person_label,
    time_keys,
)
from reports.definitions.periods import Period, day_start, month_first, number_day, week_monday
from reports.queries.answer import Answer
from reports.queries.compile import Group
from reports.queries.question import QuestionError

MAX_ROWS = 20_000


def row_groups(by: tuple[str, ...], period: Period, seen: Collection[Group], names: Names) -> list[Group]:
    """Every row's group in the order of the answer: time forwards, everything else by name.

    Parts of time are filled in for each combination of the other keys that was seen. Raises QuestionError when there
    would be more than MAX_ROWS.
    """
    timely = [place for place, key in enumerate(by) if DIMENSIONS[key].timely]
    if not timely:
        groups = set(seen)
    else:
        times = time_keys(tuple(by[place] for place in timely), period)
        others = {tuple(part for place, part in enumerate(group) if place not in timely) for group in seen}
        if len(timely) == len(by):
            others = {()}
        if len(times) * len(others) > MAX_ROWS:
            raise too_many()
        groups = {_woven(by, timely, time, other) for time, other in product(times, others)} | set(seen)
    if len(groups) > MAX_ROWS:
        raise too_many()
    return sorted(groups, key=_order(by, names))


def _order(by: tuple[str, ...], names: Names) -> Callable[[Group], tuple[tuple[bool, int | str, str], ...]]:
    dimensions = [DIMENSIONS[key] for key in by]

    def order(group: Group) -> tuple[tuple[bool, int | str, str], ...]:
        return tuple(
            (False, _hour_order(key) if dimension.key == "hour" else key, "")
            if dimension.timely and isinstance(key, int)
            else (key in (None, ""), _place(dimension, key, names), str(key))
            for dimension, key in zip(dimensions, group, strict=True)
        )

    return order


def _place(dimension: Dimension, key: Key, names: Names) -> int | str:
    """What a key is ordered by: its place among the dimension's words if these have one, else its label."""
    if dimension.order:
        return dimension.order.index(key) if isinstance(key, str) and key else len(dimension.order)
    return person_label(dimension, key, names).casefold()


def too_many() -> QuestionError:
    text = _("This would be more than %(rows)s rows: ask for a shorter period or fewer groupings.")
    return QuestionError({"by": text % {"rows": figures.decimal(MAX_ROWS)}})


def _woven(by: tuple[str, ...], timely: list[int], time: tuple[int, ...], other: Group) -> Group:
    times, others = iter(time), iter(other)
    return tuple(next(times) if place in timely else next(others) for place in range(len(by)))


def _hour_order(code: int) -> int:
    local, offset = hour_parts(code)
    return int(local.replace(tzinfo=UTC).timestamp()) // 60 - offset


def facing(by: tuple[str, ...], period: Period, before: Period) -> Mapping[str, Mapping[Key, Key]]:
    """For the parts of time that run: which key of the period before faces each key, by place."""
    return {
        key: _faced_hours(period, before)
        if key == "hour"
        else dict(zip(_line(key, period), _line(key, before), strict=False))
        for key in by
        if DIMENSIONS[key].runs
    }


def _line(key: str, period: Period) -> list[int]:
    return [time for (time,) in time_keys((key,), period)]


def _faced_hours(period: Period, before: Period) -> dict[Key, Key]:
    """Hours face the hour of the same clock time on the day of the same place, whatever the clocks did in between."""

    def placed(of: Period) -> dict[tuple[int, int | None, int], int]:
        seen: defaultdict[tuple[int, int | None], int] = defaultdict(int)
        codes = {}
        for day, hour, code in moments(("hour",), of):
            place = ((day - of.start).days, hour)
            codes[(*place, seen[place])] = code
            seen[place] += 1
        return codes

    there = placed(before)
    return {code: there[place] for place, code in placed(period).items() if place in there}


def faced(by: tuple[str, ...], group: Group, pairs: Mapping[str, Mapping[Key, Key]]) -> Group | None:
    """The group of the period before that a group is compared with; None when that period has no such place."""
    keys = []
    for key, value in zip(by, group, strict=True):
        if key in pairs:
            if value not in pairs[key]:
                return None
            value = pairs[key][value]
        keys.append(value)
    return tuple(keys)


def is_unfinished(by: tuple[str, ...], group: Group, period: Period, now: datetime) -> bool:
    """Whether a row of time ends after ``now``. Weekdays and hours of the day are not said to end."""
    ends = [_end(key, value, period) for key, value in zip(by, group, strict=True) if isinstance(value, int)]
    running_ends = [end for end in ends if end is not None]
    return bool(running_ends) and min(running_ends) > now


def _end(key: str, number: int, period: Period) -> datetime | None:
    if key == "hour":
        return datetime.fromtimestamp(_hour_order(number) * 60, UTC) + timedelta(hours=1)
    following = {
        "day": lambda: number_day(number + 1),
        "week": lambda: week_monday(number + 1),
        "month": lambda: month_first(number + 1),
    }.get(key)
    return min(day_start(following(), period.zone), period.ends_at) if following else None


def relabelled(answer: Answer) -> Answer:
    """The answer as if asked in the active language: its labels, and the order of rows that follows from them."""
    names, by = answer.names, answer.question.by
    if names is None:
        return answer
    order = _order(by, names)
    in_order = sorted(answer.rows, key=lambda row: order(row.group))
    return replace(answer, rows=tuple(replace(row, labels=labelled(by, row.group, names)[1]) for row in in_order))


def labelled(by: tuple[str, ...], group: Group, names: Names) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
    """A group's keys for the API and for a person."""
    pairs = [(DIMENSIONS[key], value) for key, value in zip(by, group, strict=True)]
    return tuple(api_key(*pair, names) for pair in pairs), tuple(person_label(*pair, names) for pair in pairs)
