"""What can be ordered: which list or report, in which form. Read from parameters, and turned into a table later."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from django.utils.translation import gettext as _

from portal.formats import figures
from reports.definitions.catalogue import CATALOGUE
from reports.definitions.filters import FILTERS, Filters
from reports.definitions.metrics import METRICS
from reports.files import as_pdf
from reports.files.as_csv import DIALECTS
from reports.files.formats import FORMATS, offered
from reports.files.lists import PARAMS as LIST_PARAMS
from reports.files.lists import list_table, read_list, write_list
from reports.files.models import ORDERED, Export, What
from reports.files.table import Table, TooLarge
from reports.files.tables import calls_table, report_table
from reports.files.upright import upright
from reports.queries.calls.columns import COLUMNS, in_order
from reports.queries.calls.orders import ORDERINGS, check_ordering
from reports.queries.params import ParamReader
from reports.queries.question import (
    Question,
    QuestionError,
    read_calls,
    read_question,
    write_calls,
    write_question,
)
from reports.queries.run import NotNow
from reports.queries.scope import Scope
from reports.queries.titles import report_title

SHAPES: Mapping[str, tuple[str, ...]] = {
    What.CALLS: ("ordering", "columns"),
    What.REPORT: ("metrics", "by", "compare", "report", "title"),
}
LONGEST_TITLE = 200
PARAMS = ("date_from", "date_to", "zone", *FILTERS, *SHAPES[What.CALLS], *SHAPES[What.REPORT])


class DoesNotFit(QuestionError):
    """The format cannot hold what was asked for."""


@dataclass(frozen=True, slots=True)
class Order:
    what: What
    query: str  # of the question, canonical: with its days and its zone
    format: str
    dialect: str = ""
    title: str = ""  # where a person gave one; else the question has words of its own


def read_order(params: Mapping[str, str], scope: Scope) -> Order:
    """The order that parameters make: ``what``, ``format``, ``dialect``, and those of the list or the report.

    ``report`` names a ready-made one; ``columns`` are those of calls, all by default. Raises QuestionError that names
    every bad parameter, and of the other lists those that they cannot be narrowed by; DoesNotFit for a PDF that could
    not be made. The wall must be open.
    """
    errors: dict[str, str] = {}
    what = params.get("what") or What.CALLS.value
    form = params.get("format") or next(iter(offered()))
    if what not in ORDERED:
        errors["what"] = _none_of(what, ORDERED)
    if form not in FORMATS:
        errors["format"] = _none_of(form, FORMATS)
    elif FORMATS[form].lack:
        errors["format"] = FORMATS[form].lack
    dialect = params.get("dialect") or "csv"
    if dialect not in DIALECTS:
        errors["dialect"] = _none_of(dialect, DIALECTS)
    elif form != "csv":
        dialect = ""  # of CSV alone
    report = params.get("report") or ""
    if what == What.REPORT and report and report not in CATALOGUE:
        errors["report"] = _none_of(report, CATALOGUE)
    query = ""
    try:
        if what == What.REPORT and not errors.get("report"):
            query = write_question(replace(_report(params, scope), span=""))
        elif what == What.CALLS:
            query = _calls_query(params, scope)
        elif what in LIST_PARAMS:
            _check_known(What(what), params, scope)
            query = write_list(read_list(What(what), params, scope))
    except QuestionError as error:
        errors |= error.errors
    if errors:
        raise QuestionError(errors)
    order = Order(What(what), query, form, dialect, _title(params) if what == What.REPORT else "")
    _check_size(order, scope)
    return order


def _title(params: Mapping[str, str]) -> str:
    """What a person called the report."""
    return " ".join(params.get("title", "").split())[:LONGEST_TITLE]


def _check_size(order: Order, scope: Scope) -> None:
    """Of a PDF; while figures cannot be had, it is left to who makes the file."""
    if order.format != "pdf":
        return
    with suppress(NotNow):
        try:
            as_pdf.check_size(_table(order.what, dict(parse_qsl(order.query)), scope))
        except TooLarge as error:
            raise DoesNotFit({"format": str(error)}) from None


def board_query(sheets: Iterable[tuple[str, Question]]) -> str:
    """The query of a file of several reports: title and question of each."""
    return urlencode([(title, write_question(question)) for title, question in sheets])


def tables_of(export: Export, scope: Scope, *, now: datetime | None = None) -> tuple[Table, ...]:
    """As :func:`table_of`; of a board the tables of all its reports, each for a sheet of its own."""
    if export.what != What.BOARD:
        return (table_of(export, scope, now=now),)
    slug = export.tenant.slug
    sheets = [(title, read_question(params, scope)) for title, params in _sheets(export)]
    tables = [(each, report_table(each, scope, prefix=slug, title=title, now=now)) for title, each in sheets]
    # A report without rows is read from above, a line for each figure, as in the workbook of a mail.
    return tuple(table if question.by else upright(table) for question, table in tables)


def table_of(export: Export, scope: Scope, *, now: datetime | None = None) -> Table:
    """The table of an export, as its asker may see it. The wall must be open, here and while rows are taken."""
    more = {"prefix": export.tenant.slug, "title": export.title}
    return _table(What(export.what), params_of(export), scope, now=now, **more)


def _table(
    what: What, params: dict[str, str], scope: Scope, *, prefix: str = "", title: str = "", now: datetime | None = None
) -> Table:
    if what == What.REPORT:
        return report_table(read_question(params, scope), scope, prefix=prefix, title=title, now=now)
    if what in LIST_PARAMS:
        return list_table(read_list(what, params, scope), scope, prefix=prefix, now=now)
    ordering, columns = params.get("ordering") or ORDERINGS[0], _columns(params, scope)
    return calls_table(read_calls(params, scope), scope, prefix=prefix, ordering=ordering, columns=columns, now=now)


def filters_of(export: Export, scope: Scope) -> tuple[Filters, ...]:
    """Which of the tenant's calls the rows of each table of an export tell of."""
    params = params_of(export)
    if export.what == What.BOARD:
        return tuple(_report_filters(params, scope) for _title, params in _sheets(export))
    if export.what == What.REPORT:
        return (_report_filters(params, scope),)
    if export.what in LIST_PARAMS:
        return (read_list(What(export.what), params, scope).shows,)
    return (read_calls(params, scope).filters,)


def _report_filters(params: Mapping[str, str], scope: Scope) -> Filters:
    """Callbacks rest on attempts of other agents as well."""
    question = read_question(params, scope)
    of_loop = any(METRICS[key].of_loop for key in question.metrics)
    return replace(question.filters, agents=(), source_agents=()) if of_loop else question.filters


def _sheets(export: Export) -> list[tuple[str, dict[str, str]]]:
    """Title and question of each report on a board that is exported."""
    return [(title, dict(parse_qsl(query))) for title, query in parse_qsl(export.query)]


def title_of(export: Export) -> str:
    """What a file is called, in the active language, with what a report's figures are grouped by."""
    params = params_of(export)
    if export.title or export.what != What.REPORT or not params:
        return export.title or str(What(export.what).label)
    by = params.get("by") or ""
    return report_title(params["metrics"].split(","), by.split(",") if by else [])


def params_of(export: Export) -> dict[str, str]:
    """The question of an export, as it was asked."""
    return dict(parse_qsl(export.query))


def _calls_query(params: Mapping[str, str], scope: Scope) -> str:
    """The query string of a list of calls, with its order and its columns where these are not the usual ones."""
    question, ordering = read_calls(params, scope), params.get("ordering") or ORDERINGS[0]
    check_ordering(ordering, scope)
    extra = {"ordering": "" if ordering == ORDERINGS[0] else ordering, "columns": ",".join(_columns(params, scope))}
    return "&".join(
        filter(None, (write_calls(question), urlencode({key: text for key, text in extra.items() if text})))
    )


def _columns(params: Mapping[str, str], scope: Scope) -> tuple[str, ...]:
    """The columns of calls that are chosen, none for all of them."""
    reader = ParamReader(params, scope)
    chosen = reader.choices("columns", tuple(COLUMNS))
    reader.finish()
    return in_order(chosen)


def _check_known(what: What, params: Mapping[str, str], scope: Scope) -> None:
    """Raise QuestionError for what the list cannot be narrowed or shaped by: with less it would hold other rows."""
    errors = {}
    for name in PARAMS:
        if name == "zone" and params.get(name) not in (None, "", scope.zone):
            text = _("This list is told in the company's time zone, %(zone)s.")
            errors[name] = text % {"zone": figures.zone_name(scope.zone)}
        elif name != "zone" and params.get(name) and name not in LIST_PARAMS[what]:
            text = _("This list cannot be narrowed or shaped by “%(name)s”.")
            errors[name] = text % {"name": FILTERS[name].label if name in FILTERS else name}
    if errors:
        raise QuestionError(errors)


def _report(params: Mapping[str, str], scope: Scope) -> Question:
    ready = CATALOGUE.get(params.get("report") or "")
    return read_question(params if ready is None else {**_flat(params), **ready.params}, scope)


def _flat(params: Mapping[str, str]) -> dict[str, str]:
    """A repeated parameter as one comma list."""
    getlist = getattr(params, "getlist", None)
    return {name: ",".join(getlist(name)) if getlist else params[name] for name in params}


def _none_of(word: str, words: Iterable[str]) -> str:
    return _("“%(word)s” is none of %(choices)s.") % {"word": word, "choices": ", ".join(words)}
