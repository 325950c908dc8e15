"""The files that go with a mail: the same that can be ordered as exports, of the mail's period, filters and reader.

A mail carries so much and no more. What does not fit is left out, and a sentence of the mail says so.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from io import BytesIO

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from portal.formats import figures
from portal.outbox.post import Attachment
from reports.definitions.periods import Period
from reports.files import as_csv, as_pdf
from reports.files.formats import FORMATS, NotInstalled, offered
from reports.files.table import Table, TooLarge
from reports.files.tables import calls_table, file_name, report_table
from reports.files.upright import upright
from reports.mail.facts import HEADLINES, SHORT_CALLS
from reports.queries.calls.lists import calls
from reports.queries.question import CallQuestion, Question, read_calls
from reports.queries.scope import Scope

LABELS: dict[str, str | Promise] = {
    "xlsx": gettext_lazy("XLSX: summary, days, agents, calls"),
    "csv": gettext_lazy("CSV: calls"),
    "pdf": gettext_lazy("PDF: days, agents"),
}
MOST_ROWS = 20_000  # of calls
MOST_BYTES = 7_000_000  # of all files; as a mail writes them a third more, and many servers take 10 MB
OF_DAYS = ("attempts", "connect_rate", "average_duration", "callbacks_received")
OF_AGENTS = ("attempts", "connect_rate", "average_duration")


@dataclass(frozen=True, slots=True)
class EnclosureOrder:
    """What is enclosed: keys of :data:`LABELS`, of a period, with filters as an address has them."""

    wanted: tuple[str, ...]
    period: Period
    filters: tuple[tuple[str, str], ...]
    prefix: str  # of the files' names
    compares: bool = True  # with the period before
    asked: tuple[tuple[str, Question], ...] = ()  # of what is saved, each with its title, in the place of all else


@dataclass(frozen=True, slots=True)
class Enclosed:
    """``left_out`` are sentences about what did not fit, in the language of the files."""

    files: tuple[Attachment, ...] = ()
    left_out: tuple[str, ...] = ()


def choices() -> Mapping[str, str | Promise]:
    """What can be enclosed here, with a label each."""
    return {key: label for key, label in LABELS.items() if key in offered()}


def enclose(order: EnclosureOrder, scope: Scope, at: datetime, *, make: bool) -> Enclosed:
    """The files in the active language; without ``make`` none is written, and only said what is left out for its
    length. The wall must be open."""
    if not order.wanted:
        return Enclosed()
    files: list[Attachment] = []
    left_out: list[str] = []
    has_calls = not order.asked and not {"xlsx", "csv"}.isdisjoint(order.wanted)
    rows = calls(_calls(order, scope), scope).order_by().count() if has_calls else 0
    if rows > MOST_ROWS:
        text = _("The list of calls is not attached: it has %(rows)s rows, more than the %(most)s that a mail carries.")
        left_out.append(text % {"rows": figures.decimal(rows), "most": figures.decimal(MOST_ROWS)})
    if not make:
        return Enclosed((), (*left_out, *_too_long(order, scope, at)))
    makers = _of_saved(order, scope, at) if order.asked else _makers(order, scope, at, with_calls=rows <= MOST_ROWS)
    for make_file in makers:
        try:
            file = make_file()
        except (TooLarge, NotInstalled) as error:
            left_out.append(str(error))
            continue
        if sum(len(each.content) for each in (*files, file)) > MOST_BYTES:
            text = _("%(name)s is not attached: the files of this mail are larger than %(most)s MB.")
            left_out.append(text % {"name": file.name, "most": figures.decimal(MOST_BYTES / 1e6)})
        else:
            files.append(file)
    return Enclosed(tuple(files), tuple(left_out))


def _too_long(order: EnclosureOrder, scope: Scope, at: datetime) -> Iterator[str]:
    """Of what is saved, whose length nobody knows before: sentences about each PDF for which there is no room."""
    for place in range(len(order.asked) if "pdf" in order.wanted else 0):
        table = _answer(order, scope, at, place)
        try:
            as_pdf.check_size(table)
        except TooLarge as error:
            yield _not_attached(table, error)


def _not_attached(table: Table, why: TooLarge) -> str:
    return _("%(name)s is not attached. %(why)s") % {"name": f"{table.name}.pdf", "why": why}


def _makers(
    order: EnclosureOrder, scope: Scope, at: datetime, *, with_calls: bool
) -> Iterable[Callable[[], Attachment]]:
    def of_calls() -> Table:
        return calls_table(_calls(order, scope), scope, prefix=order.prefix, now=at)

    def xlsx() -> Attachment:
        first, *others = (_report(order, scope, at, what) for what in ("summary", "days", "agents"))
        return _written(upright(first), "xlsx", beside=(*others, *([of_calls()] if with_calls else [])))

    def csv() -> Attachment:
        return _written(of_calls(), "csv", dialect=as_csv.spreadsheet_of(get_language()))

    def pdf(what: str) -> Attachment:
        return _written(_report(order, scope, at, what), "pdf")

    makers: dict[str, list[Callable[[], Attachment]]] = {
        "xlsx": [xlsx],
        "csv": [csv] if with_calls else [],
        "pdf": [partial(pdf, "days"), partial(pdf, "agents")],
    }
    return [maker for key in LABELS if key in order.wanted for maker in makers[key]]


def _of_saved(order: EnclosureOrder, scope: Scope, at: datetime) -> Iterable[Callable[[], Attachment]]:
    """The answers as the mail shows them, with all their rows: one workbook, or a file for each."""
    tables = [_answer(order, scope, at, place) for place in range(len(order.asked))]

    def xlsx() -> Attachment:
        asked = (question for _title, question in order.asked)
        first, *others = (
            table if question.by else upright(table) for table, question in zip(tables, asked, strict=True)
        )
        return _written(first, "xlsx", beside=tuple(others))

    dialect = as_csv.spreadsheet_of(get_language())
    makers: dict[str, list[Callable[[], Attachment]]] = {
        "xlsx": [xlsx],
        "csv": [partial(_written, table, "csv", dialect=dialect) for table in tables],
        "pdf": [partial(_written, table, "pdf") for table in tables],
    }
    return [maker for key in LABELS if key in order.wanted for maker in makers[key]]


def _answer(order: EnclosureOrder, scope: Scope, at: datetime, place: int) -> Table:
    title, question = order.asked[place]
    table = report_table(question, scope, title=title, now=at)
    what = "report" if len(order.asked) == 1 else f"report-{place + 1}"
    days = order.period.start, order.period.last_day
    return replace(table, name=file_name(order.prefix, what, days, complete=table.facts.complete))


def _written(table: Table, form: str, *, dialect: str = "", beside: tuple[Table, ...] = ()) -> Attachment:
    out = BytesIO()
    more = {"beside": beside} if beside else {}
    try:
        FORMATS[form].writer(table, out, dialect=dialect, **more)
    except TooLarge as error:
        raise TooLarge(_not_attached(table, error)) from None
    return Attachment(f"{table.name}.{form}", FORMATS[form].media_type, out.getvalue())


def _report(order: EnclosureOrder, scope: Scope, at: datetime, what: str) -> Table:
    filters, period = _calls(order, scope).filters, order.period
    question, title = {
        "summary": (Question((*HEADLINES, *SHORT_CALLS), period, (), filters, order.compares), _("Summary")),
        "days": (Question(OF_DAYS, period, ("day",), filters, order.compares), _("Day by day")),
        "agents": (Question(OF_AGENTS, period, ("agent",), filters, order.compares), _("Agents")),
    }[what]
    table = report_table(question, scope, title=title, now=at)
    days = (period.start, period.last_day)
    return replace(table, name=file_name(order.prefix, what, days, complete=table.facts.complete))


def _calls(order: EnclosureOrder, scope: Scope) -> CallQuestion:
    period = order.period
    days = {"date_from": period.start.isoformat(), "date_to": period.last_day.isoformat(), "zone": period.zone}
    return read_calls(dict(order.filters) | days, scope)
