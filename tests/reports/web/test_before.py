"""What is compared where the mirror's history begins within the period before, or after it."""

from datetime import date

from reports.definitions.metrics import METRICS
from reports.definitions.periods import Period
from reports.queries.answer import Answer, Cell, Completeness, Row
from reports.queries.before import known_before, since_known
from reports.queries.question import Question

WEEK = Period(date(2026, 7, 6), date(2026, 7, 9), "America/Sao_Paulo")


def answer(by: tuple[str, ...], rows: list[tuple[tuple[str, ...], float]], *, complete: bool) -> Answer:
    """Five attempts in each row, and so many in the row of the period before."""
    whole = sum(previous for _key, previous in rows)
    return Answer(
        question=Question(("attempts",), WEEK, by),
        columns=(METRICS["attempts"],),
        rows=tuple(Row(key, key, {"attempts": Cell(5.0, 5, previous)}) for key, previous in rows),
        totals={"attempts": Cell(5.0 * len(rows), 5, whole)},
        period=WEEK,
        previous_period=WEEK,
        completeness=Completeness(None, True, 0, None),
        previous_completeness=Completeness(None, complete, 0, None),
    )


def compared(found: Answer) -> list[float | None]:
    return [row.cells["attempts"].previous for row in found.rows]


def test_amounts_are_known_from_the_first_on() -> None:
    assert since_known([0, None, 7, 0], whole=False) == (None, None, 7, 0)
    assert since_known([0, 0], whole=False) == (None, None)
    assert since_known([0, None, 7, 0], whole=True) == (0, None, 7, 0)


def test_days_before_the_history_are_compared_with_nothing() -> None:
    days = [(("2026-07-06",), 0.0), (("2026-07-07",), 4.0), (("2026-07-08",), 0.0)]
    assert compared(known_before(answer(("day",), days, complete=False))) == [None, 4, 0]
    assert compared(known_before(answer(("day",), days, complete=True))) == [0, 4, 0]


def test_a_day_is_known_when_any_of_its_rows_is() -> None:
    rows = [((agent, day), float(day == "2026-07-07" and agent == "b")) for agent in "ab" for day in _days()]
    assert compared(known_before(answer(("agent", "day"), rows, complete=False))) == [None, 0, 0, None, 1, 0]


def test_other_rows_are_compared_where_the_period_before_tells_of_them() -> None:
    found = known_before(answer(("agent",), [(("a",), 0.0), (("b",), 2.0)], complete=False))
    assert compared(found) == [None, 2]
    assert found.totals["attempts"].previous == 2


def test_a_whole_period_before_the_history_is_nothing_to_compare_with() -> None:
    assert known_before(answer((), [], complete=False)).totals["attempts"].previous is None
    assert known_before(answer((), [], complete=True)).totals["attempts"].previous == 0


def _days() -> list[str]:
    return [day.isoformat() for day in WEEK]
