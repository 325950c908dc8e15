"""The files that go with a mail: the same that can be ordered as exports, of the mail's period, filters and reader.

A mail carries so much and no more. What does not fit is left out, and a sentence of the mail says so.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from portal.formats import figures
from portal.outbox.post import Attachment
from reports.definitions.periods import Period
from reports.files import as_csv
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
        return Enclosed((), tuple(left_out))
    writers = _of_saved(order, scope, at) if order.asked else _writers(order, scope, at, with_calls=rows <= MOST_ROWS)
    for write in writers:
        try:
            made = list(write())
        except (TooLarge, NotInstalled) as error:
            left_out.append(str(error))
            continue
        for file in made:
            if sum(len(each.content) for each in (*files, file)) > MOST_BYTES:
                text = _("%(name)s is not attached: the files of this mail are larger than %(most)s MB.")
                left_out.append(text % {"name": file.name, "most": figures.decimal(MOST_BYTES / 1e6)})
            else:
                files.append(file)
    return Enclosed(tuple(files), tuple(left_out))


def _writers(
    order: EnclosureOrder, scope: Scope, at: datetime, *, with_calls: bool
) -> Iterable[Callable[[], Iterable[Attachment]]]:
    def of_calls() -> Table:
        return calls_table(_calls(order, scope), scope, prefix=order.prefix, now=at)

    def xlsx() -> Iterable[Attachment]:
        first, *others = (_report(order, scope, at, what) for what in ("summary", "days", "agents"))
        first = upright(first)
        yield _written(first, "xlsx", beside=(*others, *([of_calls()] if with_calls else [])))

    def csv() -> Iterable[Attachment]:
        if with_calls:
            yield _written(of_calls(), "csv", dialect=as_csv.spreadsheet_of(get_language()))

    def pdf() -> Iterable[Attachment]:
        for what in ("days", "agents"):
            yield _written(_report(order, scope, at, what), "pdf")

    return [{"xlsx": xlsx, "csv": csv, "pdf": pdf}[key] for key in LABELS if key in order.wanted]


def _of_saved(order: EnclosureOrder, scope: Scope, at: datetime) -> Iterable[Callable[[], Iterable[Attachment]]]:
    """The answers as the mail shows them, with all their rows: one workbook, or a file for each."""

    def tables() -> list[Table]:
        return [_answer(order, scope, at, place) for place in range(len(order.asked))]

    def xlsx() -> Iterable[Attachment]:
        asked = (question for _title, question in order.asked)
        first, *others = (
            table if question.by else upright(table) for table, question in zip(tables(), asked, strict=True)
        )
        yield _written(first, "xlsx", beside=tuple(others))

    def csv() -> Iterable[Attachment]:
        return [_written(table, "csv", dialect=as_csv.spreadsheet_of(get_language())) for table in tables()]

    def pdf() -> Iterable[Attachment]:
        return [_written(table, "pdf") for table in tables()]

    return [{"xlsx": xlsx, "csv": csv, "pdf": pdf}[key] for key in LABELS if key in order.wanted]


def _answer(order: EnclosureOrder, scope: Scope, at: datetime, place: int) -> Table:
    title, question = order.asked[place]
    table = report_table(question, scope, title=title, now=at)
    what = "report" if len(order.asked) == 1 else f"report-{place + 1}"
    days = order.period.start, order.period.last_day
    name = file_name(order.prefix, what, days, complete=table.facts.complete)
    return Table(name, table.columns, table.rows, table.facts, table.expected, table.total)


def _written(table: Table, form: str, *, dialect: str = "", beside: tuple[Table, ...] = ()) -> Attachment:
    out = BytesIO()
    more = {"beside": beside} if beside else {}
    FORMATS[form].writer(table, out, dialect=dialect, **more)
    return Attachment(f"{table.name}.{form}", FORMATS[form].media_type, out.getvalue())


def _report(order: EnclosureOrder, scope: Scope, at: datetime, what: str) -> Table:
    filters, period = _calls(order, scope).filters, order.period
    question, title = {
        "summary": (Question((*HEADLINES, *SHORT_CALLS), period, (), filters, order.compares), _("Summary")),
        "days": (Question(OF_DAYS, period, ("day",), filters, order.compares), _("Day by day")),
        "agents": (Question(OF_AGENTS, period, ("agent",), filters, order.compares), _("Agents")),
    }[what]
    table = report_table(question, scope, title=title, now=at)
    name = file_name(order.prefix, what, (period.start, period.last_day), complete=table.facts.complete)
    return Table(name, table.columns, table.rows, table.facts, table.expected, table.total)


def _calls(order: EnclosureOrder, scope: Scope) -> CallQuestion:
    period = order.period
    days = {"date_from": period.start.isoformat(), "date_to": period.last_day.isoformat(), "zone": period.zone}
    return read_calls(dict(order.filters) | days, scope)
