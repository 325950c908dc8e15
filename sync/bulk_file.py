"""A file of environments: which columns it has, and what its lines say. Nothing here is asked of anybody or saved."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from portal.lib.times import parse_day
from sync.connection_forms import NewConnectionForm
from sync.connections import ConnectionRefused, Description
from sync.history import MOST_DAYS, today
from sync.providers import registry
from sync.providers.base import Provider

MOST_BYTES = 200_000
MOST_ROWS = 100
NEEDED = ("name", "vendor", "address", "token", "since")
# Each column under its name in every language: who fills a file in may send it to somebody who reads another one.
_NAMES = {
    "name": ("name", "nome"),
    "vendor": ("vendor", "fornecedor"),
    "address": ("address", "endereço", "endereco"),
    "token": ("token", "token"),
    "since": ("since", "desde"),
}
_COLUMN_OF = {name: column for column, names in _NAMES.items() for name in names}
_HISTORY = 30  # days, where a line does not say


class WrongFile(ValueError):
    """The file as a whole can't be read; the text is one sentence."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the file, by column. It holds a token, so it is never shown as it is."""

    number: int  # as a spreadsheet counts
    values: dict[str, str]

    def __repr__(self) -> str:
        return f"Line({self.number})"


def lines_of(content: bytes) -> list[Line]:
    """The lines that say anything. Raises :class:`WrongFile`."""
    if len(content) > MOST_BYTES:
        raise WrongFile(_("The file is too large: it may have %(n)s kB.") % {"n": MOST_BYTES // 1000})
    text = _text(content)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    try:
        columns = _columns(next(rows, []))
        lines = [Line(rows.line_num, _values(columns, row)) for row in rows if any(map(str.strip, row))]
    except csv.Error as error:
        raise WrongFile(_("The file is no CSV: a quotation mark is missing, or stands where none may.")) from error
    if not lines:
        raise WrongFile(_("The file has no line below the names of its columns."))
    if len(lines) > MOST_ROWS:
        raise WrongFile(_("The file has too many lines: up to %(n)s are read at once.") % {"n": MOST_ROWS})
    return lines


def described(line: Line) -> Description:
    """What a line describes, as the form for one would take it. Raises ConnectionRefused."""
    provider = _vendor(line.values.get("vendor", ""))
    sent = {"name": line.values.get("name"), "base_url": line.values.get("address"), "token": line.values.get("token")}
    settings = {field.key: line.values.get(field.key) or field.default for field in provider.fields}
    form = NewConnectionForm(provider, sent | {f"setting_{key}": value for key, value in settings.items()})
    since = _since(line.values.get("since", ""))
    if not form.is_valid():
        raise ConnectionRefused(_problems(form))
    return replace(form.description(), since=since)


def template() -> bytes:
    """A file to fill in, with one line that shows how; the way a spreadsheet in the reader's language opens it."""
    portuguese, names = _is_portuguese(), column_names()
    shown = [
        _("Sales"),
        "talkover",
        "https://app.talkover.ai/api/v1",
        "talq_…",
        (today() - timedelta(days=29)).isoformat(),
    ]
    extra = settings_columns()
    output = io.StringIO(newline="")
    writer = csv.writer(output, delimiter=";" if portuguese else ",")
    writer.writerows([[*names, *extra], [*shown, *[""] * len(extra)]])
    return output.getvalue().encode("utf-8-sig")  # by the mark spreadsheets know the letters


def column_names() -> list[str]:
    """What the columns that every line needs are called in the reader's language."""
    return [_NAMES[column][_is_portuguese()] for column in NEEDED]


def settings_columns() -> list[str]:
    """The columns that only some vendors need, each once."""
    return list(dict.fromkeys(field.key for provider in registry.PROVIDERS for field in provider.fields))


def _is_portuguese() -> bool:
    return (translation.get_language() or "").startswith("pt")


def _text(content: bytes) -> str:
    for encoding in ("utf-8-sig", "cp1252"):  # older spreadsheets write the latter
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise WrongFile(_("The file is no text: save it as CSV, in UTF-8."))


def _separator(text: str) -> str:
    first = text.split("\n", 1)[0]
    return max(";,\t", key=first.count)


def _columns(head: list[str]) -> list[str]:
    columns = [_COLUMN_OF.get(name.strip().lower(), name.strip().lower()) for name in head]
    while columns and not columns[-1]:
        columns.pop()
    told = dict(zip(NEEDED, column_names(), strict=True))
    if missing := [told[name] for name in NEEDED if name not in columns and name != "since"]:
        raise WrongFile(_("These columns are missing: %(names)s.") % {"names": ", ".join(missing)})
    unknown = [name[:40] for name in columns if name not in (*NEEDED, *settings_columns())]
    if unknown or len(set(columns)) < len(columns):
        names = ", ".join(unknown or sorted({name for name in columns if columns.count(name) > 1}))
        raise WrongFile(_("These columns are unknown, or stand there twice: %(names)s.") % {"names": names})
    return columns


def _values(columns: list[str], row: list[str]) -> dict[str, str]:
    return {name: value.strip() for name, value in zip(columns, row, strict=False)}


def _vendor(text: str) -> Provider:
    for provider in registry.PROVIDERS:
        if text.strip().lower() in (provider.key, provider.label.lower()):
            return provider
    names = ", ".join(provider.key for provider in registry.PROVIDERS)
    raise ConnectionRefused(_("The vendor is one of these: %(names)s.") % {"names": names})


def _since(text: str) -> date:
    """A day, or a number of days that end today."""
    if not text:
        return today() - timedelta(days=_HISTORY - 1)
    if text.isascii() and text.isdecimal() and len(text) < 5 and 0 < int(text) <= MOST_DAYS:
        return today() - timedelta(days=int(text) - 1)
    try:
        return parse_day(text)
    except ValueError:
        sentence = _("How far back is a day such as 2026-11-20, or a number of days such as 90.")
        raise ConnectionRefused(sentence) from None


def _problems(form: Any) -> str:
    return " ".join(_sentences(form))


def _sentences(form: Any) -> Iterator[str]:
    for name, errors in form.errors.items():
        label = form.fields[name].label if name in form.fields else ""
        for error in errors:
            yield f"{label}: {error}" if label else str(error)
