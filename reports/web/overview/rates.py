"""Figures that run as lines: short calls beside the tenant's limits, and what only some vendors measure."""

from collections.abc import Callable, Mapping, Sequence

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.formats import figures
from reports.definitions.metrics import METRICS
from reports.queries.answer import Cell
from reports.queries.before import since_known
from reports.web.shared.behind import BEHIND, FINAL, only_of
from reports.web.shared.charts import HALF, THIRD, Limit, Look, Plot, Series, Slot, columns, highest_and_lowest, lines
from reports.web.shared.frame import Choices
from reports.web.shared.times import Time, room_for
from reports.web.shared.trend import Drawing

SHORT = ("short_call_share_3s", "short_call_share_6s")
SHORT_TALKS = ("short_connected_share_3s", "short_connected_share_6s")
LATENCIES: tuple[tuple[str, str | Promise], ...] = (
    ("stt", gettext_lazy("Speech to text")),
    ("llm", gettext_lazy("Language model")),
    ("tts", gettext_lazy("Text to speech")),
)
SPEEDS = (
    *(f"{part}_latency_{share}" for part, _title in LATENCIES for share in ("p50", "p95")),
    "time_to_answer",
    "service_level",
    "billed_minutes",
)
_SINGLES = (("time_to_answer", lines), ("service_level", lines), ("billed_minutes", columns))
_LOW = 120  # pixels: small charts stand side by side
_SHORT_LABELS = (("s1", gettext_lazy("up to 3 s")), ("s3", gettext_lazy("up to 6 s")))


def short_calls(times: Sequence[Time], limits: tuple[float | None, float | None], whole: Mapping[str, Cell]) -> Drawing:
    """The share of short calls, with the tenant's limits as lines where it has any; beside it, in words, that of the
    connected calls alone, from the cells of the ``whole`` period.
    """
    slots = []
    for time in times:
        n = time.row.cells[SHORT[1]].n or 0
        href = time.calls(max_duration=6, **FINAL)
        slots.append(time.slot(href, extra=(figures.decimal(n),)))
    series = [
        Series(
            kind,
            label,
            tuple(time.value(key) for time in times),
            said=tuple(_share_text(time, key) for time in times),
        )
        for (kind, label), key in zip(_SHORT_LABELS, SHORT, strict=True)
    ]
    drawn = tuple(
        Limit(limit, _("limit up to %(s)s s: %(share)s") % {"s": seconds, "share": figures.value(limit, "percent")})
        for seconds, limit in zip((3, 6), limits, strict=True)
        if limit is not None
    )
    look = Look(unit="percent", limits=drawn, height=160, extra=(_("Final calls"),), room=room_for(times, HALF))
    sentence = f"{_short_sentence(times, limits)} {_among_connected(whole)}".strip()
    return Drawing.unless_empty("short", _("Short calls"), lines(slots, series, look), sentence)


def _among_connected(whole: Mapping[str, Cell]) -> str:
    three, six = (whole[key] for key in SHORT_TALKS)
    if three.value is None or three.small or six.value is None:
        return ""
    return _("Of the connected calls alone: %(three)s and %(six)s (n = %(n)s).") % {
        "three": figures.value(three.value, "percent"),
        "six": figures.value(six.value, "percent"),
        "n": figures.decimal(three.n or 0),
    }


def _share_text(time: Time, key: str) -> str:
    cell = time.row.cells[key]
    if cell.small:
        return _("n too small")
    if cell.value is None or not cell.n:
        return figures.NO_BASE
    return f"{figures.value(cell.value, 'percent')} ({figures.decimal(cell.value * cell.n / 100)})"


def _short_sentence(times: Sequence[Time], limits: tuple[float | None, float | None]) -> str:
    whole = [time for time in times if time.whole]
    sentence = highest_and_lowest([time.name for time in whole], [time.value(SHORT[1]) for time in whole], "percent")
    if sentence:
        sentence = _("Calls of up to 6 s. %(ends)s") % {"ends": sentence}
    for key, seconds, limit in zip(SHORT, (3, 6), limits, strict=True):
        if limit is not None:
            over = sum((time.value(key) or 0.0) > limit for time in times)
            sentence += " " + _("Above the limit for calls of up to %(s)s s: %(n)s of %(all)s.") % {
                "s": seconds,
                "n": figures.decimal(over),
                "all": figures.decimal(len(times)),
            }
    return sentence.strip()


def speeds(times: Sequence[Time], shown: Choices, *, whole: bool) -> list[Drawing]:
    """Latencies, time to answer, service level and billed minutes; none where no vendor in view measures them.

    ``whole`` says whether the period is mirrored whole.
    """
    able = {key: only_of(METRICS[key].vendors, shown) for key in SPEEDS if shown.providers & set(METRICS[key].vendors)}
    latencies = [(part, title, able.get(f"{part}_latency_p50")) for part, title in LATENCIES]
    singles = [(key, able.get(key), draw) for key, draw in _SINGLES]
    return [
        *(_latency(part, title, times, only) for part, title, only in latencies if only is not None),
        *(_single(key, times, only, draw, whole=whole) for key, only, draw in singles if only is not None),
    ]


def _latency(part: str, title: str | Promise, times: Sequence[Time], only: Mapping[str, object]) -> Drawing:
    keys = (f"{part}_latency_p50", f"{part}_latency_p95")
    series = [
        Series(kind, label, tuple(time.value(key) for time in times))
        for kind, label, key in (("s1", _("median"), keys[0]), ("s4", _("95th percentile"), keys[1]))
    ]
    turns = [figures.decimal(time.row.cells[keys[0]].n or 0) for time in times]
    slots = [time.slot(time.calls(**BEHIND[keys[0]], **only), extra=(n,)) for time, n in zip(times, turns, strict=True)]
    plot = lines(slots, series, Look(unit="ms", height=_LOW, extra=(_("Turns"),), room=room_for(times, THIRD)))
    return Drawing.unless_empty(part, str(title), plot, _ends(times, series[0].values, "ms"))


def _single(
    key: str,
    times: Sequence[Time],
    only: Mapping[str, object],
    draw: Callable[[Sequence[Slot], Sequence[Series], Look], Plot],
    *,
    whole: bool,
) -> Drawing:
    metric = METRICS[key]
    values = since_known([time.value(key) for time in times], whole=whole)
    series = [Series("s1", metric.label, values)]
    slots = [time.slot(time.calls(**BEHIND[key], **only)) for time in times]
    plot = draw(slots, series, Look(unit=metric.unit, height=_LOW, room=room_for(times, THIRD)))
    return Drawing.unless_empty(key, str(metric.label), plot, _ends(times, values, metric.unit))


def _ends(times: Sequence[Time], values: Sequence[float | None], unit: str) -> str:
    ended = [(time.name, value) for time, value in zip(times, values, strict=True) if time.whole]
    return highest_and_lowest([name for name, _value in ended], [value for _name, value in ended], unit)
