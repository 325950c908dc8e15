"""Where the mirror's history begins: before it nothing is known, and nothing known is not zero."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

from reports.definitions.dimensions import DIMENSIONS
from reports.queries.answer import Answer, Cell, Row


def since_known(amounts: Sequence[float | None], *, whole: bool) -> tuple[float | None, ...]:
    """Amounts of rows of time, in order, with None for those before the first there is; as they are where the days were
    read ``whole``.
    """
    unknown = 0 if whole else sum(1 for _amount in takewhile(lambda amount: not amount, amounts))
    return (*(None,) * unknown, *amounts[unknown:])


def known_before(answer: Answer) -> Answer:
    """The answer compared only with what is known of the period before: where that was not read whole, rows of which it
    tells nothing are compared with nothing. Rows of time from its first call on keep their zeros.
    """
    if answer.previous_complete:
        return answer
    is_known = _known_rows(answer)
    return replace(
        answer,
        rows=tuple(row if is_known(row) else replace(row, cells=_uncompared(row.cells)) for row in answer.rows),
        totals=answer.totals if _tells(answer.totals) else _uncompared(answer.totals),
    )


def _known_rows(answer: Answer) -> Callable[[Row], bool]:
    at = next((place for place, key in enumerate(answer.question.by) if DIMENSIONS[key].runs), None)
    if at is None:
        return lambda row: _tells(row.cells)
    has_figures: dict[str | None, bool] = {}  # in the order of time
    for row in answer.rows:
        has_figures[row.key[at]] = has_figures.get(row.key[at], False) or _tells(row.cells)
    unknown = set(takewhile(lambda key: not has_figures[key], has_figures))
    return lambda row: row.key[at] not in unknown


def _tells(cells: Mapping[str, Cell]) -> bool:
    return any(cell.previous for cell in cells.values())


def _uncompared(cells: Mapping[str, Cell]) -> dict[str, Cell]:
    nothing: dict[str, Any] = {"previous": None, "change": None, "previous_n": None, "previous_small": False}
    nothing["significant"] = False
    return {key: replace(cell, **nothing) for key, cell in cells.items()}
