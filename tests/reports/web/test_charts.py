"""Where columns, lines, stripes and labels lie, and that the table beside a drawing says the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.web.shared.charts import BarRow, Limit, Look, Plot, Series, Slot, Stripe, bars, columns, level, lines
from reports.web.shared.charts.plots import HEIGHT
from reports.web.shared.charts.scale import Scale, round_step


def slots(count: int, **fields) -> list[Slot]:
    return [Slot(f"slot {n}", str(n), **fields) for n in range(count)]


def stacked(*totals: float, before: float | None = None) -> Plot:
    halves = tuple(total / 2 for total in totals)
    line = Series("before", "before", (before,) * len(totals)) if before is not None else None
    return columns(slots(len(totals)), [Series("s1", "up", halves), Series("s2", "down", halves)], Look(), before=line)


def of(coordinate: str) -> float:
    return float(coordinate.removesuffix("%"))


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=100))
def test_nothing_is_drawn_outside_the_plot(totals) -> None:
    plot = stacked(*totals, before=totals[0])
    for place, total in zip(plot.places, totals, strict=True):
        assert bool(place.parts) == bool(total)
        for part in place.parts:
            assert of(place.x) <= of(part.x) < of(part.x) + of(part.width) < 100.02
            assert -0.1 <= of(part.y) <= of(part.y) + of(part.height) <= HEIGHT + 0.1
    assert plot.ticks[0].is_base
    assert all(0 <= of(tick.y) <= HEIGHT for tick in plot.ticks)


@pytest.mark.parametrize(("highest", "step"), [(1, 1), (4, 1), (11, 2), (101, 20), (430, 100), (98765, 20000)])
def test_lines_stand_at_round_numbers(highest, step) -> None:
    assert round_step(highest) == step


@pytest.mark.parametrize(
    ("unit", "highest", "texts"),
    [
        ("percent", 0.4, ["0.0 %", "0.1 %", "0.2 %", "0.3 %", "0.4 %"]),
        ("percent", 43.1, ["0 %", "10 %", "20 %", "30 %", "40 %", "50 %"]),
        ("seconds", 8.2, ["0 s", "2 s", "4 s", "6 s", "8 s", "10 s"]),  # one form, also at ten
        ("seconds", 95, ["0:00", "0:30", "1:00", "1:30", "2:00"]),
        ("ms", 1180, ["0 ms", "200 ms", "400 ms", "600 ms", "800 ms", "1,000 ms", "1,200 ms"]),
        ("count", 0, ["0", "1"]),
    ],
)
def test_an_axis_speaks_its_unit(unit, highest, texts) -> None:
    scale = Scale.for_values([highest, None], unit)
    assert [scale.text(tick).replace("\N{NO-BREAK SPACE}", " ") for tick in scale.ticks] == texts


def test_parts_are_stacked_without_a_hole() -> None:
    series = [Series(kind, kind, (amount,)) for kind, amount in (("s1", 3.0), ("s2", 5.0), ("s7", 2.0))]
    parts = columns(slots(1), series, Look()).places[0].parts
    assert [part.kind for part in parts] == ["s1", "s2", "s7"]
    assert of(parts[0].y) + of(parts[0].height) == pytest.approx(HEIGHT)
    assert of(parts[1].y) + of(parts[1].height) == pytest.approx(of(parts[0].y))
    assert parts[1].title == "slot 0: 5 s2"


def test_the_readout_compares_with_what_is_drawn() -> None:
    """The same column of the period before where its line is; the column before where there is none."""
    day, next_day = stacked(10, 20, before=7).places
    assert (day.more, next_day.more) == ("10 in all\nbefore: 7", "20 in all\nbefore: 7")
    assert next_day.parts[0].more == "50.0\N{NO-BREAK SPACE}% of 20\nbefore: 7"
    day, next_day = stacked(10, 20).places
    assert (day.more, next_day.more) == ("10 in all", "20 in all\nslot 0: 10")


def test_a_part_leads_where_its_series_says() -> None:
    series = [Series("s1", "up", (1.0, 0.0), ("a", "b")), Series("s2", "down", (1.0, 2.0), ("c", "d"))]
    places = columns(slots(2), series, Look()).places
    assert [[part.href for part in place.parts] for place in places] == [["a", "c"], ["d"]]


@given(st.integers(1, 120))
def test_the_newest_column_has_a_label_and_labels_have_room(count) -> None:
    places = stacked(*range(count)).places
    assert places[-1].label
    assert not places[-1].minor
    assert sum(bool(place.label) for place in places) <= 16
    assert sum(bool(place.label) and not place.minor for place in places) <= 8


def test_a_line_breaks_where_a_value_is_missing_and_shows_a_lonely_one() -> None:
    plot = lines(slots(6), [Series("s1", "p50", (1.0, 2.0, None, 3.0, None, None))], Look(unit="ms"))
    assert [piece.count(",") for piece in plot.paths[0].pieces] == [2]
    assert len(plot.paths[0].dots) == 3
    many = lines(slots(80), [Series("s1", "p50", (*(1.0,) * 78, None, 2.0))], Look(unit="ms"))
    assert len(many.paths[0].dots) == 1


def test_a_limit_has_room_and_a_name() -> None:
    plot = lines(slots(2), [Series("s1", "share", (1.0, 2.0))], Look(unit="percent", limits=(Limit(9.0, "limit 9 %"),)))
    assert plot.levels[0].label == "limit 9 %"
    assert 0 <= of(plot.levels[0].y) < HEIGHT / 5


def test_the_table_says_what_the_drawing_shows() -> None:
    series = [Series("s1", "up", (1200.0, 2.0)), Series("s2", "never", (0.0, 0.0))]
    here = [Slot("Mon", "M", extra=("a",)), Slot("Tue", "T", unfinished=True, holiday="Natal", extra=("b",))]
    plot = columns(here, series, Look(extra=("more",)), before=Series("before", "before", (None, 7.0)))
    assert plot.table.headings == ("Period", "up", "before", "more")
    newest, oldest = plot.table.rows
    assert (newest.label, newest.cells, newest.flags) == ("Tue", ("2", "7", "b"), ("Natal", "not over yet"))
    assert (oldest.label, oldest.cells, oldest.flags) == ("Mon", ("1,200", "–", "a"), ())
    assert plot.places[1].title == "Tue: 2 up, before 7, Natal, not over yet"
    assert [item.mark for item in plot.legend] == ["column", "before", "veil", "holiday"]


def test_stripes_are_parts_of_the_furthest_end_and_small_ones_stay_visible() -> None:
    rows = [
        BarRow("a", (Stripe("s1", 0, 50),), ("50",)),
        BarRow("b", (Stripe("s1", 50, 150),), ("150",)),
        BarRow("c", (Stripe("s1", 0, 0.01), Stripe("s2", 0, 0)), ("0",)),
    ]
    drawn = bars(rows, ("name", "n")).rows
    assert [[(stripe.x, stripe.width) for stripe in row.stripes] for row in drawn] == [
        [("0%", "25%")],
        [("25%", "75%")],
        [("0%", "0.4%"), ("0%", "0%")],
    ]


def test_shades_reach_from_nothing_to_the_highest() -> None:
    assert [level(n, 0, 100) for n in (None, 0, 1, 50, 100)] == [0, 0, 1, 3, 5]
    assert level(40, 40, 40) == 3


@pytest.mark.parametrize("draw", [columns, lines])
def test_a_lone_series_has_a_key_beside_another_mark_only(draw) -> None:
    series = [Series("s1", "up", (1.0, 2.0))]
    assert draw(slots(2), series, Look()).legend == ()
    mark = "column" if draw is columns else "line"
    marked = draw(slots(2, holiday="Natal"), series, Look()).legend
    assert [(item.mark, item.label) for item in marked] == [(mark, "up"), ("holiday", "holiday")]
