"""The formats that a table can be had in. Their writers are loaded when a file is made, for some of them are large."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, BinaryIO, Protocol, cast

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from reports.files.table import Table, Written


class Writer(Protocol):
    def __call__(self, table: Table, out: BinaryIO, *, dialect: str) -> Written: ...


@dataclass(frozen=True, slots=True)
class Format:
    key: str
    label: str
    hint: str | Promise
    media_type: str
    dialects: tuple[str, ...] = ()

    @property
    def writer(self) -> Writer:
        module: Any = import_module(f"reports.files.as_{self.key}")
        return cast("Writer", module.write)


FORMATS = {
    found.key: found
    for found in (
        Format(
            "xlsx",
            "XLSX",
            _("For Excel and its like: dates and numbers as such, and a sheet about what they rest on."),
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        Format("csv", "CSV", _("Plain text for any program."), "text/csv; charset=utf-8", ("csv", "excel", "excel-pt")),
        Format("parquet", "Parquet", _("Typed columns for data tools."), "application/vnd.apache.parquet"),
        Format("pdf", "PDF", _("To read and to print: the main columns, up to some thousand rows."), "application/pdf"),
    )
}
DIALECT_LABELS = {
    "csv": _("comma, decimal point"),
    "excel": _("Excel in English: comma, decimal point, marked as UTF-8"),
    "excel-pt": _("Excel in Portuguese: semicolon, decimal comma"),
}
