"""An answer as a table: in the order the reader chose, a page of rows at a time, with what each cell rests on.

Nothing here counts: every figure is a cell of the answer as it came.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.text import capfirst

from reports.definitions.dimensions import DIMENSIONS
from reports.queries.answer import Answer, Cell, Row
from reports.queries.order import Sorting, in_order
from reports.web.report.links import calls_behind, returns_behind
from reports.web.shared.contexts import Figure
from reports.web.shared.sorting import Heading

PAGE_ROWS = 200
_ROOMY = 3  # so many metrics leave room for columns of previous values and bases


@dataclass(frozen=True, slots=True)
class Options:
    """How the reader wants it shown: a part of the address, but none of the question.

    ``sort`` is a metric or a grouping, after a dash for descending; empty for the answer's own order.
    """

    sort: str = ""
    page: int = 1
    columns: str = ""  # short, full, or "" for what there is room for
    view: str = ""  # crossed or ""
    shown: str = ""  # the metric of the chart and of the crossed view
    saved: str = ""  # the saved report that it was opened from

    @property
    def params(self) -> dict[str, str]:
        page = str(self.page) if self.page > 1 else ""
        given = {"sort": self.sort, "columns": self.columns, "view": self.view, "shown": self.shown}
        given |= {"saved": self.saved, "page": page}
        return {name: word for name, word in given.items() if word}


def read_options(params: QueryDict) -> Options:
    """What of the address is no part of the question; a word that is none of the known is as if it were not there."""
    page = params.get("page", "")
    columns, view = params.get("columns", ""), params.get("view", "")
    return Options(
        sort=params.get("sort", ""),
        page=int(page) if page.isascii() and page.isdecimal() and len(page) < 6 else 1,
        columns=columns if columns in ("short", "full") else "",
        view=view if view == "crossed" else "",
        shown=params.get("shown", ""),
        saved=params.get("saved", ""),
    )


@dataclass(frozen=True, slots=True)
class TableRow:
    """``key`` is the API's, as JSON: an object with an element for each grouping. ``href`` and ``returns`` are the
    query strings of its calls and of its callbacks; each is empty where no page lists just these.
    """

    key: str
    labels: tuple[str, ...]
    href: str
    returns: str
    unfinished: bool
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class ReportTable:
    """``first`` and ``last`` are the places of the rows shown among the ``count`` there are, from one."""

    groupings: tuple[Heading, ...]
    metrics: tuple[Heading, ...]
    totals: TableRow
    rows: tuple[TableRow, ...]
    count: int
    page: int
    full: bool
    compared: bool

    @property
    def first(self) -> int:
        return (self.page - 1) * PAGE_ROWS + 1

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1

    @property
    def pages(self) -> int:
        return max(1, -(-self.count // PAGE_ROWS))

    @property
    def before(self) -> int:
        return self.page - 1

    @property
    def after(self) -> int:
        return self.page + 1

    @property
    def width(self) -> int:
        """How many columns stand under one metric."""
        return (3 if self.compared else 1) + 1 if self.full else 1

    @property
    def narrow_width(self) -> int:
        """How many of them are left on a telephone, which shows neither the figure before nor n."""
        return 2 if self.full and self.compared else 1


def report_table(
    answer: Answer, options: Options, *, zone: str, currency: str = "", linked: bool = True
) -> ReportTable:
    """The page of rows that the options ask for; the last one where they ask for one beyond it."""
    question, rows = answer.question, in_order(answer, options.sort)
    sorting = Sorting.read(options.sort)
    page = min(max(1, options.page), max(1, -(-len(rows) // PAGE_ROWS)))

    def shown(keys: Mapping[str, str | None], cells: Mapping[str, Cell], row: Row | None = None) -> TableRow:
        return TableRow(
            key=json.dumps(keys),
            labels=row.labels if row else (),
            href=calls_behind(question, keys, zone=zone) if linked else "",
            returns=returns_behind(question, keys, zone=zone) if linked else "",
            unfinished=bool(row and row.unfinished),
            figures=tuple(Figure(metric, cells[metric.key], currency) for metric in answer.columns),
        )

    totals = shown({}, answer.totals)
    here = rows[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]
    return ReportTable(
        groupings=tuple(
            _heading(key, capfirst(str(DIMENSIONS[key].label)), sorting, downwards=False) for key in question.by
        ),
        metrics=tuple(
            _heading(figure.metric.key, figure.metric.label, sorting, figure=figure) for figure in totals.figures
        ),
        totals=totals,
        rows=tuple(shown(keys_of(row, question.by), row.cells, row) for row in here),
        count=len(rows),
        page=page,
        full=options.columns == "full" or (not options.columns and len(answer.columns) <= _ROOMY),
        compared=question.compare,
    )


def keys_of(row: Row, by: tuple[str, ...]) -> dict[str, str | None]:
    return dict(zip(by, row.key, strict=True))


def _heading(
    key: str, label: str | Promise, sorting: Sorting, *, downwards: bool = True, figure: Figure | None = None
) -> Heading:
    """The link asks for the order alone; the page puts the rest of its address before it."""
    return Heading(label, sorting.after_click(key, downwards=downwards), sorting.order_of(key), figure=figure)
