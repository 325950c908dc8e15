"""Columns and lines over slots: days, hours, weeks, bands of duration. One drawing, one template for both."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from portal.formats import figures
from reports.web.shared.charts.scale import Scale, label_step, number, percent
from reports.web.shared.charts.tables import Table, TableRow

HEIGHT = 190  # of the plot, without the labels under it
BEFORE = "before"  # the kind of the line that stands for the period before
KINDS = ("s1", "s2", "s3", "s4", "s5", "s6", "s7")  # colour and pattern of a series, declared in charts.css
WIDE, HALF, THIRD = 16, 8, 5  # how many labels there is room for in a chart as wide as the page, or a part of it
_SHORT = 4  # letters of a label of which seven stand side by side on a phone
_DOTS_A_LABEL = 4  # where more points than these share the room of a label, they stand too close for a dot each


@dataclass(frozen=True, slots=True)
class Slot:
    """One place on the axis. ``name`` is whole (table, title), ``label`` and ``note`` are the lines under the axis.

    ``minor`` labels are left out on narrow screens, where the slots choose their labels themselves.
    """

    name: str
    label: str
    note: str = ""
    href: str = ""
    unfinished: bool = False
    holiday: str = ""  # its name
    title: str = ""  # composed of the values when empty
    extra: tuple[str, ...] = ()  # more cells of its table row
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """A value for each slot; None leaves a gap. ``hrefs`` link the parts of columns to the calls behind each; ``said``
    are the values in words, where their unit alone does not say enough.
    """

    kind: str
    label: str | Promise
    values: tuple[float | None, ...]
    hrefs: tuple[str, ...] = ()
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limit:
    """A horizontal line: a limit, an aim."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Tick:
    y: str
    text: str
    is_base: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a column."""

    kind: str
    x: str
    width: str
    y: str
    height: str
    title: str
    href: str
    more: str = ""  # what the reading at the pointer adds: share and whole, and what it is compared with

    @property
    def fill(self) -> str:
        return f"url(#{self.kind})"


@dataclass(frozen=True, slots=True)
class Place:
    """A slot as drawn: the whole height of it is the link."""

    x: str
    width: str
    middle: str
    label: str
    note: str
    minor: bool  # its label is left out on narrow screens
    title: str
    href: str
    holiday: str
    parts: tuple[Part, ...]
    veil: Part | None
    more: str = ""  # the whole column, and what it is compared with


@dataclass(frozen=True, slots=True)
class Path:
    """A series as a line: unbroken pieces, in columns wide and pixels high, and dots in percent and pixels."""

    kind: str
    pieces: tuple[str, ...]
    dots: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Level:
    y: str
    text_y: str
    label: str


@dataclass(frozen=True, slots=True)
class LegendItem:
    """``mark`` is column, line, before, holiday, veil or limit."""

    mark: str
    label: str | Promise
    kind: str = ""

    @property
    def fill(self) -> str:
        return f"url(#{self.kind})"


@dataclass(frozen=True, slots=True)
class Plot:
    height: int
    axis: int  # pixels for the numbers left of it
    ticks: tuple[Tick, ...]
    places: tuple[Place, ...]
    paths: tuple[Path, ...]
    levels: tuple[Level, ...]
    legend: tuple[LegendItem, ...]
    table: Table

    template = "reports/_chart_plot.html"

    @property
    def count(self) -> int:
        return len(self.places)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is drawn, because no value is known."""
        return not any(place.parts for place in self.places) and not any(
            path.pieces or path.dots for path in self.paths
        )

    @property
    def label_y(self) -> int:
        return self.height + 19

    @property
    def holiday_y(self) -> int:
        return self.height + 5

    @property
    def axis_edge(self) -> int:
        return self.axis - 8

    @property
    def full_height(self) -> int:
        return self.height + (40 if any(place.note for place in self.places) else 26)


@dataclass(frozen=True, slots=True)
class Look:
    """What is the same for both kinds of plot. ``heading`` is that of the table's first column."""

    unit: str = "count"
    limits: tuple[Limit, ...] = ()
    height: int = HEIGHT
    heading: str | Promise = ""
    extra: tuple[str | Promise, ...] = ()  # headings of the slots' own cells
    newest_first: bool = True  # of slots in time: the order of the table; the drawing is always from left to right
    room: int = WIDE  # for how many labels; 0 where slots without a label have none on purpose


def columns(slots: Sequence[Slot], series: Sequence[Series], look: Look, *, before: Series | None = None) -> Plot:
    """Stacked columns, one for each slot; ``before`` is a line over them, on the same axis."""
    totals = [sum(each.values[place] or 0.0 for each in series) for place in range(len(slots))]
    selector = [*totals, *(before.values if before else ()), *(limit.value for limit in look.limits)]
    scale = Scale.for_values(selector, look.unit)
    before = _worded(before, look.unit) if before else None
    drawn = _Canvas(slots, look, scale, before)
    used = [_worded(each, look.unit) for each in [each for each in series if any(each.values)] or series[:1]]
    shown = [*used, *([before] if before else ())]
    return drawn.plot(
        [tuple(drawn.stack(place, used)) for place in range(len(slots))],
        [drawn.path(before, dots=False)] if before else [],
        [
            *(LegendItem("column", each.label, each.kind) for each in used),
            *([LegendItem("before", before.label)] if before else []),
        ],
        shown,
    )


def lines(slots: Sequence[Slot], series: Sequence[Series], look: Look) -> Plot:
    """A line for each series; where a value is missing the line has a gap."""
    selector = [value for each in series for value in each.values]
    scale = Scale.for_values([*selector, *(limit.value for limit in look.limits)], look.unit)
    drawn = _Canvas(slots, look, scale)
    used = [_worded(each, look.unit) for each in series if any(value is not None for value in each.values)]
    return drawn.plot(
        [() for _slot in slots],
        [drawn.path(each, dots=len(slots) <= _DOTS_A_LABEL * (look.room or WIDE)) for each in used],
        [LegendItem("line", each.label, each.kind) for each in used],
        used,
    )


@dataclass(frozen=True, slots=True)
class _Canvas:
    """Places of the slots, and heights on the scale."""

    slots: Sequence[Slot]
    look: Look
    scale: Scale
    before: Series | None = None  # the line of the period before, where there is one

    @property
    def step(self) -> float:
        return 100 / max(1, len(self.slots))

    def y(self, value: float) -> float:
        return self.look.height * (1 - value / self.scale.top)

    def stack(self, place: int, series: Sequence[Series]) -> Iterator[Part]:
        top = float(self.look.height)
        for each in series:
            value = each.values[place] or 0.0
            height = self.look.height * value / self.scale.top
            if height > 0:
                top -= height
                words = f"{self.slots[place].name}: {_value_words(each, place, self.look.unit)}"
                part = self._part(each.kind, place, (top, height), (words, each.hrefs[place] if each.hrefs else ""))
                yield replace(part, more=self._more(place, series, each))

    def _more(self, place: int, series: Sequence[Series], part: Series | None = None) -> str:
        """What a column, or a part of it, is of the whole, and what it is compared with, a line each: the same column
        of the period before where that is drawn, else the column before.
        """
        lines = []
        if whole := self._whole(place, series):
            text = _("%(share)s of %(total)s") if part else _("%(total)s in all")
            share = figures.value(100 * (part.values[place] or 0.0) / whole, "percent") if part else ""
            lines.append(text % {"share": share, "total": figures.decimal(whole)})
        if self.before is not None:
            if self.before.values[place] is not None:
                lines.append(f"{self.before.label}: {self.before.said[place]}")
        elif place and self.look.newest_first and (before := self._said(place - 1, series, part)):
            lines.append(f"{self.slots[place - 1].name}: {before}")
        return "\n".join(lines)

    def _whole(self, place: int, series: Sequence[Series]) -> float:
        """What the parts of a column come to; 0 where they are none of one whole."""
        if self.look.unit != "count" or len(series) < 2:
            return 0.0
        return sum(each.values[place] or 0.0 for each in series)

    def _said(self, place: int, series: Sequence[Series], part: Series | None) -> str:
        if part:
            return part.said[place]
        whole = self._whole(place, series)
        return figures.decimal(whole) if whole else series[0].said[place] if len(series) == 1 else ""

    def _part(self, kind: str, place: int, rise: tuple[float, float], words: tuple[str, str]) -> Part:
        gap = 0.5 if self.step > 9 else 0.28 if self.step > 2 else 0.16
        x, width = percent(self.step * (place + gap / 2)), percent(self.step * (1 - gap))
        return Part(kind, x, width, number(rise[0]), number(rise[1]), *words)

    def path(self, series: Series, *, dots: bool) -> Path:
        pieces: list[list[str]] = [[]]
        points: list[tuple[str, str]] = []
        for place, value in enumerate(series.values):
            if value is None:
                pieces.append([])
                continue
            pieces[-1].append(f"{number(place + 0.5)},{number(self.y(value))}")
            alone = (place == 0 or series.values[place - 1] is None) and (
                place + 1 == len(series.values) or series.values[place + 1] is None
            )
            if dots or alone:
                points.append((percent(self.step * (place + 0.5)), number(self.y(value))))
        return Path(series.kind, tuple(" ".join(piece) for piece in pieces if len(piece) > 1), tuple(points))

    def plot(
        self,
        stacks: Sequence[tuple[Part, ...]],
        paths: Sequence[Path],
        legend: Sequence[LegendItem],
        series: Sequence[Series],
    ) -> Plot:
        texts = [self.scale.text(tick) for tick in self.scale.ticks]
        return Plot(
            height=self.look.height,
            axis=14 + round(6.2 * max(map(len, texts))),
            ticks=tuple(
                Tick(number(self.y(tick)), text, not tick) for tick, text in zip(self.scale.ticks, texts, strict=True)
            ),
            places=tuple(self._places(stacks, series)),
            paths=tuple(paths),
            levels=tuple(self._levels()),
            legend=self._legend(legend, only_lines=bool(paths) and not any(stacks)),
            table=self._table(series),
        )

    def _places(self, stacks: Sequence[tuple[Part, ...]], series: Sequence[Series]) -> Iterator[Place]:
        room = self.look.room
        wide = label_step(len(self.slots), room) if room else 1
        narrow = wide * -(-len(self.slots) // (wide * self._room_on_a_phone()))  # of the wide ones, so both are even
        for place, (slot, parts) in enumerate(zip(self.slots, stacks, strict=True)):
            before_last = len(self.slots) - 1 - place  # labels count from the newest, which always has one
            labelled = before_last % wide == 0
            veil = None
            if slot.unfinished and parts:
                top = float(parts[-1].y)
                veil = self._part("veil", place, (top, self.look.height - top), ("", ""))
            yield Place(
                x=percent(self.step * place),
                width=percent(self.step),
                middle=percent(self.step * (place + 0.5)),
                label=slot.label if labelled else "",
                note=slot.note if labelled else "",
                minor=labelled and (bool(before_last % narrow) if room else slot.minor),
                title=slot.title or self._title(slot, place, series),
                href=slot.href,
                holiday=slot.holiday,
                parts=parts,
                veil=veil,
                more=self._more(place, [each for each in series if each.kind != BEFORE]),
            )

    def _room_on_a_phone(self) -> int:
        long = sum(len(slot.note or slot.label) > _SHORT for slot in self.slots)
        return 7 if long <= 2 else 5

    def _title(self, slot: Slot, place: int, series: Sequence[Series]) -> str:
        counted = [each for each in series if each.values[place] or self.look.unit != "count"]
        texts = [_value_words(each, place, self.look.unit) for each in counted or series[:1]]
        return f"{slot.name}: {', '.join([*texts, *_flags(slot)])}"

    def _levels(self) -> Iterator[Level]:
        for limit in self.look.limits:
            y = self.y(limit.value)
            yield Level(number(y), number(y - 5 if y > 14 else y + 13), limit.label)

    def _legend(self, series: Sequence[LegendItem], *, only_lines: bool) -> tuple[LegendItem, ...]:
        """A series that is alone in its chart needs no key: the title names it."""
        items = list(series)
        if any(slot.unfinished for slot in self.slots) and not only_lines:
            items.append(LegendItem("veil", _("not over yet")))
        if any(slot.holiday for slot in self.slots):
            items.append(LegendItem("holiday", _("holiday")))
        return tuple(items) if len(items) > 1 else ()

    def _table(self, series: Sequence[Series]) -> Table:
        rows = [
            TableRow(
                label=slot.name,
                cells=(*(each.said[place] for each in series), *slot.extra),
                href=slot.href,
                flags=_flags(slot),
            )
            for place, slot in enumerate(self.slots)
        ]
        headings = (self.look.heading or _("Period"), *(each.label for each in series), *self.look.extra)
        return Table(headings, tuple(reversed(rows) if self.look.newest_first else rows))


def _worded(series: Series, unit: str) -> Series:
    """The series with its values in words, which title, part and table all say."""
    words = series.said or tuple(figures.value(value, unit) for value in series.values)
    return replace(series, said=words, label=str(series.label))


def _value_words(series: Series, place: int, unit: str) -> str:
    """Counts as “12 connected”, anything else as “median 240 ms”."""
    text = series.said[place]
    return f"{text} {series.label}" if unit == "count" and series.kind != BEFORE else f"{series.label} {text}"


def _flags(slot: Slot) -> tuple[str, ...]:
    return (*((slot.holiday,) if slot.holiday else ()), *((_("not over yet"),) if slot.unfinished else ()))
