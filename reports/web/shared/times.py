"""The rows of time of a page: hours, days, weeks or months, with their names, holidays and the calls behind each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.formats import date_format, time_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from portal.formats import figures
from portal.lib.holidays import holidays_of, keeps_holidays
from reports.queries.answer import Answer, Row
from reports.web.shared.behind import CALLS
from reports.web.shared.charts import Slot, as_date, dates_under, last_of
from reports.web.shared.selection import Selection

_ROOM_FOR_WEEKDAYS = 16


@dataclass(frozen=True, slots=True)
class Time:
    """One row of time that has begun. ``whole``: over, and with no part outside the period."""

    key: str
    row: Row
    first: date
    last: date
    hour: int | None
    name: str
    label: str
    note: str
    minor: bool
    holiday: str
    unfinished: bool
    whole: bool
    selection: Selection

    def calls(self, **filters: object) -> str:
        """The address of its calls, or of some of them."""
        hours = {} if self.hour is None else {"hour": self.hour}
        return CALLS + self.selection.calls_query(self.first, self.last, **hours, **filters)

    def slot(self, href: str = "", *, title: str = "", extra: tuple[str, ...] = ()) -> Slot:
        return Slot(
            self.name, self.label, self.note, href, self.unfinished, self.holiday, title, extra, minor=self.minor
        )

    def value(self, metric: str) -> float | None:
        """A value of its row; None where there are too few calls for it."""
        cell = self.row.cells.get(metric)
        return None if cell is None or cell.small else cell.value

    def count(self, metric: str) -> float:
        return self.value(metric) or 0.0


def times(answer: Answer, selection: Selection) -> tuple[Time, ...]:
    """The rows of an answer by the selection's rows of time, up to the one that is not over yet."""
    keyed = [(row, key) for row in answer.rows if (key := row.key[0])]
    over = sum(not row.unfinished for row, _key in keyed)
    begun = keyed[: over + 1]
    holidays = {}
    if selection.grain == "day" and keeps_holidays(selection.period.zone):
        holidays = holidays_of(selection.first, selection.last, get_language() or "en")
    named = len(begun) <= _ROOM_FOR_WEEKDAYS
    dates = dates_under([max(_day(key), selection.first) for _row, key in begun])
    return tuple(
        _time(row, key, selection, holidays, under if named else "")
        for (row, key), under in zip(begun, dates, strict=True)
    )


def _time(row: Row, key: str, selection: Selection, holidays: Mapping[date, str], under: str) -> Time:
    grain, start = selection.grain, _day(key)
    first = max(start, selection.first)
    end = last_of(grain, start)
    last = min(end, selection.last)
    hour = datetime.fromisoformat(key) if grain == "hour" else None
    label, note, minor = _label(first, hour, selection, under)
    return Time(
        key=key,
        row=row,
        first=first,
        last=last,
        hour=None if hour is None else hour.hour,
        name=figures.stretch(grain, first, last) if hour is None else f"{figures.weekday(first)} {_clock(hour)}",
        label=label,
        note=note,
        minor=minor,
        holiday=holidays.get(first, ""),
        unfinished=row.unfinished,
        whole=not row.unfinished and first == start and last == end,
        selection=selection,
    )


def room_for(times: Sequence[Time], room: int) -> int:
    """For how many labels a chart of these rows has room; hours choose theirs themselves, so that midnight has one."""
    return 0 if any(time.hour is not None for time in times) else room


def _day(key: str) -> date:
    return as_date(key[:10]) or date.min


def _clock(hour: datetime) -> str:
    return time_format(hour.time(), "TIME_FORMAT")


def _label(first: date, hour: datetime | None, selection: Selection, under: str) -> tuple[str, str, bool]:
    """The line under a column, a second one, and whether it may be left out; days say their weekday where there is
    room for the date ``under`` it. Of the hours of one day every third has a label, of several days midnight, with the
    date.
    """
    if hour is not None:
        if selection.period.days > 1:
            return ("" if hour.hour else date_format(first, "MONTH_DAY_FORMAT")), "", False
        return (_("%(hour)sh") % {"hour": hour.hour} if hour.hour % 3 == 0 else ""), "", bool(hour.hour % 6)
    if selection.grain == "month":
        return date_format(first, "SHORT_MONTH_FORMAT"), "", False
    if selection.grain == "day" and under:
        return date_format(first, "D"), under, False
    return date_format(first, "MONTH_DAY_FORMAT"), "", False
