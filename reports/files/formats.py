"""The formats that a table can be had in. Their writers are loaded when a file is made, for some of them are large.

A format may rest on a package that an installation leaves out. It is then known, so that what it lacks can be said, and
not offered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, BinaryIO, Protocol, cast

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from reports.files.table import Table, Written


class Writer(Protocol):
    def __call__(self, table: Table, out: BinaryIO, *, dialect: str, **more: Any) -> Written: ...


class NotInstalled(Exception):
    """The format's package is missing; the text is a sentence in the active language."""


@dataclass(frozen=True, slots=True)
class Format:
    key: str
    label: str
    hint: str | Promise
    media_type: str
    dialects: tuple[str, ...] = ()
    package: str = ""  # what it rests on besides Python; "" for nothing

    @property
    def lack(self) -> str:
        """Why it cannot be had here, as a sentence in the active language; "" when it can."""
        if not self.package or find_spec(self.package) is not None:
            return ""
        text = gettext("%(format)s files need the package %(package)s, which is not installed here.")
        return text % {"format": self.label, "package": self.package}

    @property
    def writer(self) -> Writer:
        """Raises NotInstalled."""
        if self.lack:
            raise NotInstalled(self.lack)
        module: Any = import_module(f"reports.files.as_{self.key}")
        return cast("Writer", module.write)


FORMATS = {
    form.key: form
    for form in (
        Format(
            "xlsx",
            "XLSX",
            _("For Excel and its like: dates and numbers as such, and a sheet about what they rest on."),
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            package="xlsxwriter",
        ),
        Format("csv", "CSV", _("Plain text for any program."), "text/csv; charset=utf-8", ("csv", "excel", "excel-pt")),
        Format(
            "parquet",
            "Parquet",
            _("Typed columns for data tools."),
            "application/vnd.apache.parquet",
            package="pyarrow",
        ),
        Format(
            "pdf",
            "PDF",
            _("To read and to print: the main columns, up to some thousand rows."),
            "application/pdf",
            package="typst",
        ),
    )
}

# Of one person's data; ``reports.privacy`` writes it.
ARCHIVE = Format("zip", "ZIP", _("Files of JSON and CSV in one."), "application/zip")
HANDED_OUT = FORMATS | {ARCHIVE.key: ARCHIVE}


def offered() -> Mapping[str, Format]:
    """The formats that can be had here, the usual one first."""
    return {key: form for key, form in FORMATS.items() if not form.lack}


DIALECT_LABELS = {
    "csv": _("programs: comma, decimal point, names and keys of the API"),
    "excel": _("Excel in English: comma, decimal point, marked as UTF-8"),
    "excel-pt": _("Excel in Portuguese: semicolon, decimal comma"),
}
