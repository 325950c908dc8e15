"""The small chart of a mail: calls and connected ones day by day, as an image and in the words that stand for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.formats import figures
from reports.definitions.periods import Period
from reports.mail import words
from reports.mail.drawing import WIDTH, Box, Drawing, Word, png
from reports.mail.facts import Facts, Picture
from reports.queries.before import since_known

TOP, BASE, DAYS_AT, PARTS_AT, HEIGHT = 40, 116, 121, 137, 148  # pixels from above, of a mail's width of 360
QUIET = "#767f87"  # read on white and on black alike
NOW, NOW_CONNECTED = "#5fb3a8", "#0f766c"
OLD, OLD_CONNECTED = "#b3bbc1", "#7b848c"
NAMED = 16  # days that have room for a number each; of more every fifth has one


@dataclass(frozen=True, slots=True)
class Day:
    """``calls`` is None where nobody knows; of those ``connected``."""

    day: date
    calls: int | None
    connected: int
    current: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """``parts`` are the periods that its days make, the earlier first."""

    days: tuple[Day, ...]
    parts: tuple[Period, ...]
    whole: bool

    @property
    def busiest(self) -> Day:
        """The last of those with the most calls."""
        return max(self.days, key=lambda day: (day.calls or 0, day.day))

    @property
    def alt(self) -> str:
        """What it says, for who cannot see it, in the active language."""
        told = [_("Calls by day.")]
        told.append(f"{'; '.join(self._part(part) for part in self.parts)}.")
        most = self.busiest.calls or 0
        text = ngettext("Most on %(day)s: %(count)s call.", "Most on %(day)s: %(count)s calls.", most)
        told.append(text % {"day": figures.weekday(self.busiest.day), "count": words.number(most)})
        if not self.whole:
            told.append(_("Not all of these days were read whole."))
        return " ".join(told).replace(figures.SPACE, " ")

    def _part(self, part: Period) -> str:
        known = [day for day in self.days if day.day in part and day.calls is not None]
        if not known:
            return f"{words.span(part)}: {figures.NO_BASE}"
        calls, connected = sum(day.calls or 0 for day in known), sum(day.connected for day in known)
        return _("%(days)s: %(calls)s, %(connected)s of them connected") % {
            "days": words.span(part),
            "calls": words.calls(calls),
            "connected": words.number(connected),
        }


def chart_of(facts: Facts) -> Chart | None:
    """None where there is nothing to draw: no calls, or one day alone."""
    answer, period = facts.days, facts.period
    known = since_known([row.cells["attempts"].value for row in answer.rows], whole=answer.completeness.complete)
    days = []
    for row, calls in zip(answer.rows, known, strict=True):
        day, rate = date.fromisoformat(row.key[0] or ""), row.cells["connect_rate"]
        connected = round((rate.value or 0) / 100 * (rate.n or 0))
        days.append(Day(day, None if calls is None else round(calls), connected, current=day >= period.start))
    if len(days) < 2 or not any(day.calls for day in days):
        return None
    before = Period(answer.period.start, period.start, period.zone) if answer.period.start < period.start else None
    return Chart(tuple(days), (before, period) if before else (period,), answer.completeness.complete)


def drawing_of(chart: Chart) -> Drawing:
    """In the active language."""
    return Drawing(HEIGHT, tuple(_boxes(chart)), tuple(_words(chart)))


def _places(days: Sequence[Day]) -> tuple[float, float]:
    """How far a day is from the next, and how wide its bar."""
    step = WIDTH / len(days)
    return step, round(step * 0.72, 2)


def _boxes(chart: Chart) -> Iterator[Box]:
    step, width = _places(chart.days)
    scale = (BASE - TOP) / (chart.busiest.calls or 1)
    for place, day in enumerate(chart.days):
        left = round(place * step + (step - width) / 2, 2)
        for count, colour in (
            (day.calls or 0, NOW if day.current else OLD),
            (day.connected, NOW_CONNECTED if day.current else OLD_CONNECTED),
        ):
            if count and day.calls:
                high = round(count * scale, 2)
                yield Box(left, BASE - high, width, high, colour)
    yield Box(0, BASE, WIDTH, 0.75, QUIET)
    for left, colour in zip(_legend(), (NOW, NOW_CONNECTED), strict=True):
        yield Box(left, 4, 9, 9, colour)


def _words(chart: Chart) -> Iterator[Word]:
    step, _width = _places(chart.days)
    for left, text in zip(_legend(), (_("Calls"), _("of them connected")), strict=True):
        yield Word(left + 14, 5, text, "left")
    every = 1 if len(chart.days) <= NAMED else 5
    for place, day in enumerate(chart.days):
        middle = (place + 0.5) * step
        if not day.calls:
            yield Word(middle, BASE - 9, figures.NO_BASE if day.calls is None else "0")
        if day is chart.busiest:
            text = words.number(day.calls or 0)
            half = len(text) * 3.1
            yield Word(min(max(middle, half), WIDTH - half), TOP - 12, text)
        if (day.day.day if every > 1 else every) % every == 0:
            yield Word(middle, DAYS_AT, str(day.day.day))
    first = 0
    for part in chart.parts:
        yield Word((first + part.days / 2) * step, PARTS_AT, words.span(part).replace(figures.SPACE, " "))
        first += part.days


def _legend() -> tuple[float, float]:
    """Where its two entries begin."""
    return 0, 14 + len(_("Calls")) * 6.2 + 16


def picture_of(facts: Facts) -> Picture | None:
    """The chart as a mail carries it, in the active language; None where there is none."""
    chart = chart_of(facts)
    content = None if chart is None else png(drawing_of(chart), QUIET)
    if chart is None or content is None:
        return None
    return Picture(f"chart-{sha256(content).hexdigest()[:20]}.png", chart.alt, content)
