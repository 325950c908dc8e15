"""Making a file of a row: the rights its asker has now, the table, the writer, the name; or the reason why not."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, BinaryIO, cast

from celery.exceptions import SoftTimeLimitExceeded
from django.utils import translation
from django.utils.translation import gettext as _

from portal.storage import Away, is_full
from portal.tenants.brand import look_of
from reports.files import folder, jobs, orders, rights
from reports.files.formats import FORMATS, NotInstalled
from reports.files.models import Export
from reports.files.table import Row, Table, TooLarge
from reports.queries.question import QuestionError
from reports.queries.run import NotNow, patient

logger = logging.getLogger("ringbook.files")

EVERY = 2.0  # seconds between two notes of progress
LOOKED_AT = 200  # rows between two looks at the clock


def make(export_id: int, work: Callable[[Export], bool] | None = None) -> bool:
    """Make the file if it waits and nobody else is at it; whether it was made. Never inside a transaction.

    ``work`` makes it of a row that is claimed; by default the table of a list or a report.

    Safe to call twice and in several processes: who does not hold the row leaves no file. The wall must be open.
    """
    export = jobs.claim(export_id)
    if export is None:
        return False
    with translation.override(export.language):
        try:
            with patient():
                return (work or _make)(export)
        except jobs.Lost:
            logger.info("export %s: not this process's any more", export.public_id)
        except NotNow as error:
            jobs.give_back(export, str(error))
        except Exception as error:
            if not _expected(error):
                logger.exception("export %s could not be made", export.public_id)
            jobs.fail(export, reason(error))
    return False


def reason(error: Exception) -> str:
    """Why a file could not be made, for whoever asked for it, in the active language."""
    if isinstance(error, rights.Withdrawn):
        return _("You may not see these data any more.")
    if isinstance(error, QuestionError):
        return " ".join(error.errors.values())
    if isinstance(error, TooLarge | NotInstalled):
        return str(error)
    if is_full(error):
        return _("The server's disk is full. Nothing was kept; try again when there is room.")
    if isinstance(error, Away):
        return _("The storage of files does not answer. Nothing was kept; try again later.")
    if isinstance(error, SoftTimeLimitExceeded):
        return _("It took too long. Ask for a shorter period, or for CSV, which is made quickest.")
    return _("It could not be made. The fault is ours; it has been noted.")


def _expected(error: Exception) -> bool:
    expected = (rights.Withdrawn, QuestionError, TooLarge, NotInstalled, Away, SoftTimeLimitExceeded)
    return isinstance(error, expected) or is_full(error)


def _make(export: Export) -> bool:
    scope = rights.scope_of(export)
    shown = rights.together(rights.shown(filters, scope) for filters in orders.filters_of(export, scope))
    first, *others = orders.tables_of(export, scope)
    tables, more = (first, *others), {"beside": tuple(others)} if others else {}
    form = FORMATS[export.format]
    write = form.writer
    progress = Progress(export)
    jobs.hold(export, expected=first.expected if not others else sum(each.expected or 0 for each in tables))
    facts = replace(first.facts, portal=look_of(export.tenant).name)
    table = replace(first, rows=progress.through(first), facts=facts)
    with folder.draft(export.tenant_id, export.file, progress.pulse) as draft:
        written = write(table, cast("BinaryIO", draft), dialect=export.dialect, **more)
        size, digest = draft.publish()
    made = jobs.ready(
        export,
        rights=shown,
        done=written.rows + sum(each.expected or 0 for each in others),
        name=f"{table.name}.{form.key}",
        bytes=size,
        sha256=digest,
        complete=all(each.facts.complete for each in tables),
        as_of=min((each.facts.as_of for each in tables if each.facts.as_of), default=None),
        facts=_summary(table, written.notes),
    )
    if not made:
        folder.remove(export.tenant_id, export.file)
    return made


def _summary(table: Table, notes: tuple[str, ...]) -> dict[str, Any]:
    facts = table.facts
    summary = {"title": facts.title, "lines": facts.lines, "gaps": facts.gaps[:50], "notes": notes}
    return summary | ({} if facts.complete or not facts.lack else {"lack": facts.lack})


class Progress:
    """Counts rows as they pass, and tells the row of it every now and then, which also keeps the claim."""

    def __init__(self, export: Export) -> None:
        self.export, self.rows, self.saved_at = export, 0, time.monotonic()

    def through(self, table: Table) -> Iterator[Row]:
        for row in table.rows:
            self.rows += 1
            if not self.rows % LOOKED_AT:
                self.pulse()
            yield row

    def pulse(self) -> None:
        now = time.monotonic()
        if now - self.saved_at >= EVERY:
            self.saved_at = now
            jobs.hold(self.export, done=self.rows)
