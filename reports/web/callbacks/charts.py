"""The drawings of the callbacks page."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from portal.formats import figures
from reports.definitions.metrics import METRICS
from reports.queries.answer import Cell
from reports.queries.before import since_known
from reports.queries.callbacks.story import CallbackBreakdown, Source
from reports.queries.callbacks.vendor_days import DaySources
from reports.web.shared.charts import HALF, BarRow, Bars, Look, Series, Slot, Stripe, bars, columns
from reports.web.shared.charts import lines as drawn_lines
from reports.web.shared.contexts import Figure, figure_text
from reports.web.shared.selection import Selection
from reports.web.shared.times import Time, room_for
from reports.web.shared.trend import Drawing

OVER_TIME = (
    "callbacks_received",
    "callbacks_answered",
    "callbacks_unmatched",
    "derived_callbacks",
    "return_rate",
    "time_to_callback_median",
)
_KINDS = ("s1", "s4", "s3", "s5", "s6")
_BANDS = (15, 30, 60, 120, 240, 480, 1440, 2880, 4320, 7200, 14400, 43200)  # minutes, upper bounds
_MOST_ATTEMPTS = 5


def side_by_side(times: Sequence[Time], metrics: Collection[str], selection: Selection, *, whole: bool) -> Drawing:
    """The vendor's totals and the callbacks found, over time, as far as ``metrics`` name them; a word in their place
    where there are none.

    ``whole`` says whether the period is mirrored whole.
    """
    series = [
        Series(kind, label, since_known([time.value(key) for time in times], whole=whole))
        for kind, label, key in (
            ("s1", _("received, as the vendor counts"), "callbacks_received"),
            ("s4", _("found among the calls"), "derived_callbacks"),
            ("s2", _("unmatched, as the vendor counts"), "callbacks_unmatched"),
        )
        if key in metrics
    ]
    if not any(any(each.values) for each in series):
        return Drawing("over-time", _("Callbacks over time"), note=_("No callbacks in this period."))
    more = [key for key in ("callbacks_answered", "return_rate", "time_to_callback_median") if key in metrics]
    slots = [
        time.slot(selection.calls_query(time.first, time.last), extra=tuple(_cell(time, key) for key in more))
        for time in times
    ]
    look = Look(extra=tuple(METRICS[key].label for key in more), room=room_for(times, HALF))
    sentence = _("A point leads to its days. The vendor counts UTC days.") if "callbacks_received" in metrics else ""
    return Drawing("over-time", _("Callbacks over time"), drawn_lines(slots, series, look), sentence)


def _cell(time: Time, key: str) -> str:
    return figure_text(Figure(METRICS[key], time.row.cells[key]))


def by_source(
    days: Iterable[DaySources], times: Sequence[Time], selection: Selection, agent_names: Mapping[str, str]
) -> Drawing | None:
    """The vendor's callbacks by the agent that had called, over time; None where it told none. ``agent_names`` are
    those of now by the vendor's id: they change, while a day keeps what it was told with.
    """
    names: dict[str, str] = {}
    counts: dict[str, Counter[str]] = {}
    for day in days:
        time = _time_of(day.day, times)
        for source in day.sources if time else ():
            key = str(source.get("agent") or "")
            names.setdefault(key, agent_names.get(key) or str(source.get("name") or key))
            counts.setdefault(key, Counter())[time.key if time else ""] += source.get("count") or 0
    ranked = sorted((key for key in counts if counts[key].total()), key=lambda key: (-counts[key].total(), names[key]))
    if not ranked:
        return None
    parts: list[tuple[str, str, Counter[str]]] = [
        (kind, names[key], counts[key]) for kind, key in zip(_KINDS, ranked, strict=False)
    ]
    if len(ranked) > len(_KINDS):
        rest = sum((counts[key] for key in ranked[len(_KINDS) :]), Counter[str]())
        parts.append(("s7", pgettext("agents", "others"), rest))
    series = [Series(kind, name, tuple(float(by_time[time.key]) for time in times)) for kind, name, by_time in parts]
    slots = [time.slot(selection.calls_query(time.first, time.last)) for time in times]
    sentence = _("Received, by the agent that had called before: the vendor's totals of UTC days, kept for ever.")
    title = _("By the agent that had called")
    return Drawing("sources", title, columns(slots, series, Look(room=room_for(times, HALF))), sentence)


def _time_of(day: date, times: Sequence[Time]) -> Time | None:
    return next((time for time in times if time.first <= day <= time.last), None)


def waits(story: CallbackBreakdown, totals: Mapping[str, Cell]) -> Drawing:
    """How long contacts took to ring back."""
    ends = [end for end in _BANDS if end < story.hours * 60] + [story.hours * 60]
    counts: Counter[int] = Counter()
    for minutes, n in story.waits.items():
        counts[next((end for end in ends if minutes <= end), ends[-1])] += n
    slots = []
    for begin, end in zip([0, *ends], ends, strict=False):
        name = _("up to %(end)s") % {"end": figures.wait(end * 60)}
        if begin:
            name = _("%(begin)s to %(end)s") % {"begin": figures.wait(begin * 60), "end": figures.wait(end * 60)}
        share = figures.value(100 * counts[end] / story.returns if story.returns else None, "percent")
        slots.append(Slot(name, figures.wait(end * 60), extra=(share,)))
    series = [Series("s1", _("callbacks"), tuple(float(counts[end]) for end in ends))]
    look = Look(height=150, heading=_("Time to callback"), extra=(_("Share"),), newest_first=False, room=HALF)
    sentence = ""
    median, ninth = (totals[f"time_to_callback_{key}"].value for key in ("median", "p90"))
    if median is not None and ninth is not None:
        sentence = _("Half came within %(median)s of the attempt they answer, nine of ten within %(ninth)s.") % {
            "median": figures.wait(median * 60),
            "ninth": figures.wait(ninth * 60),
        }
    return Drawing("waits", _("Time to callback"), columns(slots, series, look), sentence)


def attempts(story: CallbackBreakdown) -> Bars:
    """How many attempts a callback answers."""
    counts: Counter[int] = Counter()
    for tries, n in story.attempts.items():
        counts[min(tries, _MOST_ATTEMPTS)] += n
    rows = []
    for tries in range(1, max(counts, default=0) + 1):
        n = counts[tries]
        label = _("%(n)s or more") % {"n": tries} if tries == _MOST_ATTEMPTS else str(tries)
        share = figures.value(100 * n / story.returns if story.returns else None, "percent")
        rows.append(BarRow(label, (Stripe("s1", 0, n),), (figures.decimal(n), share)))
    return bars(rows, (_("Attempts"), _("Callbacks"), _("Share")))


def returns_by_source(sources: Sequence[Source]) -> Bars:
    """Callbacks found by the agent whose call they answer."""
    rows = [
        BarRow(
            source.name or _("agents you may not see"),
            (Stripe("s4", 0, source.returns),),
            (figures.decimal(source.returns), figures.wait(source.median / 1000)),
        )
        for source in sources
    ]
    return bars(rows, (_("Agent that had called"), _("Callbacks"), _("Time to callback, median")))
