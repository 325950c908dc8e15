"""Calls over time: one chart, its table, and one sentence that says the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from portal.formats import figures
from reports.definitions.metrics import METRICS
from reports.queries.before import since_known
from reports.web.shared.charts import WIDE, Look, Plot, Series, columns
from reports.web.shared.contexts import Figure, figure_text
from reports.web.shared.times import Time, room_for

TITLES = {
    "hour": gettext_lazy("Calls per hour"),
    "day": gettext_lazy("Calls per day"),
    "week": gettext_lazy("Calls per week"),
    "month": gettext_lazy("Calls per month"),
}
TREND = ("attempts", "connected", "connect_rate", "open_calls", "unresolved_calls")
_PARTS = (
    ("s1", gettext_lazy("connected"), "connected"),
    ("s2", gettext_lazy("unreached"), "unreached"),
)
_PENDING = (
    ("s7", pgettext_lazy("calls", "open"), "open"),
    ("s6", pgettext_lazy("calls", "unresolved"), "unresolved"),
)
_EACH = {
    "hour": gettext_lazy("%(n)s calls an hour"),
    "day": gettext_lazy("%(n)s calls a day"),
    "week": gettext_lazy("%(n)s calls a week"),
    "month": gettext_lazy("%(n)s calls a month"),
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart of a page. ``key`` names it in the page; ``note`` stands in the place of a plot that cannot be."""

    key: str
    title: str
    plot: Plot | None = None
    sentence: str = ""
    note: str = ""

    @classmethod
    def unless_empty(cls, key: str, title: str, plot: Plot, sentence: str) -> "Drawing":
        """The drawing, or a word in its place where there are too few calls in every row of time."""
        if plot.is_empty:
            return cls(key, title, note=_("Too few calls for a figure: longer rows of time may have one."))
        return cls(key, title, plot, sentence)


def trend(times: Sequence[Time], grain: str, *, whole: bool, whole_before: bool) -> Drawing:
    """Attempts of each row of time as connected, unreached, open and unresolved ones, and those of the period before as
    a line.

    ``whole`` and ``whole_before`` say whether the two periods are mirrored whole: where one is not, line and sentence
    begin with its first call.
    """
    pending = {word: [time.count(f"{word}_calls") for time in times] for word in ("open", "unresolved")}
    counts = {
        "connected": [time.count("connected") for time in times],
        "unreached": [
            max(0.0, time.count("attempts") - time.count("connected") - still - never)
            for time, still, never in zip(times, *pending.values(), strict=True)
        ],
    }
    series = [
        Series(kind, label, tuple(counts[word]), tuple(time.calls(outcome=word) for time in times))
        for kind, label, word in _PARTS
    ]
    series += [
        Series(kind, label, tuple(pending[word]), tuple(time.calls(outcome=word) for time in times))
        for kind, label, word in _PENDING
    ]
    before = since_known([time.row.cells["attempts"].previous for time in times], whole=whole_before)
    compared = sum(value is not None for value in before) > 1
    return Drawing(
        "trend",
        str(TITLES[grain]),
        columns(
            [time.slot(time.calls(), extra=_more(time)) for time in times],
            series,
            Look(extra=(METRICS["attempts"].label, METRICS["connect_rate"].label), room=room_for(times, WIDE)),
            before=Series("before", _("previous period"), before) if compared else None,
        ),
        _sentence(times, grain, whole=whole),
    )


def _more(time: Time) -> tuple[str, ...]:
    rate = Figure(METRICS["connect_rate"], time.row.cells.get("connect_rate"))
    return figures.decimal(time.count("attempts")), figure_text(rate)


def _sentence(times: Sequence[Time], grain: str, *, whole: bool) -> str:
    counts = since_known([time.count("attempts") for time in times], whole=whole)
    named = [(count, time.name) for time, count in zip(times, counts, strict=True) if time.whole and count is not None]
    if not any(amount for amount, _name in named):
        return ""
    mean = figures.decimal(sum(amount for amount, _name in named) / len(named))
    text = str(_EACH[grain]) % {"n": mean}
    most, least = max(named, key=lambda pair: pair[0]), min(named, key=lambda pair: pair[0])
    if most[0] == least[0]:
        return f"{text}."
    return _("%(mean)s on average; most: %(most)s (%(most_n)s), fewest: %(least)s (%(least_n)s).") % {
        "mean": text[0].upper() + text[1:],
        "most": most[1],
        "most_n": figures.decimal(most[0]),
        "least": least[1],
        "least_n": figures.decimal(least[0]),
    }
