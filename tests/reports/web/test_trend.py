"""The line of the period before, and the sentence: what is not known is no zero."""

from datetime import date

import pytest

from reports.definitions.metrics import METRICS
from reports.definitions.periods import Period
from reports.queries.answer import Answer, Cell, Completeness, Row
from reports.queries.question import Question
from reports.web.shared.selection import Selection
from reports.web.shared.times import times
from reports.web.shared.trend import TREND, trend

WEEK = Period(date(2026, 7, 6), date(2026, 7, 10), "America/Sao_Paulo")


def answer(before: list[float], here: list[float] | None = None) -> Answer:
    here = here or [5.0] * len(before)
    rows = tuple(
        Row(
            (f"2026-07-{6 + place:02}",),
            ("",),
            {key: Cell(amount, 5, previous if key == "attempts" else None) for key in TREND},
        )
        for place, (amount, previous) in enumerate(zip(here, before, strict=True))
    )
    question = Question(TREND, WEEK, ("day",))
    return Answer(question, (METRICS["attempts"],), rows, {}, WEEK, WEEK, Completeness(None, True, 0, None))


@pytest.mark.parametrize(
    ("before", "whole", "points"),
    [([0, 0, 7, 0], False, 2), ([0, 0, 7, 0], True, 4), ([0, 0, 0, 0], False, 0), ([3, 0, 0, 2], False, 4)],
)
def test_the_line_begins_where_the_period_before_is_known(before, whole, points) -> None:
    selection = Selection("custom", WEEK, date(2026, 7, 20))
    plot = trend(times(answer(before), selection), "day", whole=True, whole_before=whole).plot
    pieces = [piece for path in plot.paths if path.kind == "before" for piece in path.pieces]
    assert sum(piece.count(",") for piece in pieces) == points


@pytest.mark.parametrize(
    ("whole", "mean", "fewest"),
    [(False, "10 calls a day on average", "(8)"), (True, "5 calls a day on average", "(0)")],
)
def test_the_sentence_speaks_of_the_days_that_are_known(whole, mean, fewest) -> None:
    selection = Selection("custom", WEEK, date(2026, 7, 20))
    rows = times(answer([0] * 4, [0, 0, 8, 12]), selection)
    said = trend(rows, "day", whole=whole, whole_before=True).sentence
    assert said.startswith(mean)
    assert said.endswith(f"{fewest}.")
