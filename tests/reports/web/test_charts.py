"""Where bars, lines and labels lie."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.web.charts import HEIGHT, Column, draw, level, round_step


def columns(*totals: int, before: int | None = None) -> list[Column]:
    return [Column(str(n), "", "", "", connected=n / 2, unreached=n / 2, open=0, before=before) for n in totals]


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=100))
def test_nothing_is_drawn_outside_the_plot(totals) -> None:
    chart = draw(columns(*totals, before=totals[0]))
    for bar, total in zip(chart.bars, totals, strict=True):
        assert 0 <= bar.hit_x < bar.x < bar.x + bar.width < 100.01
        assert -0.1 <= bar.top <= HEIGHT
        assert bool(bar.parts) == bool(total)
    assert chart.lines[0].value == 0
    assert chart.lines[-1].value >= max(totals)


@pytest.mark.parametrize(("highest", "step"), [(1, 1), (4, 1), (11, 2), (101, 20), (430, 100), (98765, 20000)])
def test_lines_stand_at_round_numbers(highest, step) -> None:
    assert round_step(highest) == step


def test_parts_are_stacked_without_a_hole() -> None:
    bar = draw([Column("", "", "", "", connected=3, unreached=5, open=2)]).bars[0]
    assert [part.kind for part in bar.parts] == ["connected", "unreached", "open"]
    assert bar.parts[0].y + bar.parts[0].height == pytest.approx(HEIGHT)
    assert bar.parts[1].y + bar.parts[1].height == pytest.approx(bar.parts[0].y)
    assert bar.parts[2].y == bar.top


@given(st.integers(1, 120))
def test_the_newest_column_has_a_label_and_labels_have_room(count) -> None:
    bars = draw(columns(*range(count))).bars
    assert bars[-1].label
    assert not bars[-1].minor
    assert sum(bool(bar.label) for bar in bars) <= 16
    assert sum(bool(bar.label) and not bar.minor for bar in bars) <= 8


def test_shades_reach_from_nothing_to_the_highest() -> None:
    assert [level(n, 0, 100) for n in (None, 0, 1, 50, 100)] == [0, 0, 1, 3, 5]
    assert level(40, 40, 40) == 3
