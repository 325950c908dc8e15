"""What a file says, as text: that of a workbook, a table, a page or an archive lies compressed in it.

Files are ours, made of what was asked for, and may be large: texts come in pieces. A piece repeats the end of the one
before, so that nothing is cut in two.
"""

import codecs
import gzip
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from email import message_from_bytes
from email.policy import default
from importlib import import_module
from typing import IO, Any, cast

from portal.privacy.tombstones import Tombstones

_PIECE = 1 << 20
_OVERLAP = 500  # letters, more than a number with all that may stand within it
_DEEPEST = 3  # files in files
_ROWS = 5_000
_BETWEEN = " | "  # of cells: never a sign within a number


class Unreadable(Exception):
    """A file in a form that is not known here, or a damaged one: nobody can say what is in it."""


def names(tombstones: Tombstones, file: IO[bytes]) -> bool:
    """Whether a file holds an erased number. One that can't be read may hold it, and so it counts as one that does."""
    return _names(tombstones, texts(file))


def mail_names(tombstones: Tombstones, content: bytes) -> bool:
    """As :func:`names`, of a mail as it is sent."""
    return _names(tombstones, mail_texts(content))


def _names(tombstones: Tombstones, said: Iterable[str]) -> bool:
    try:
        return any(map(tombstones.names, said))
    except Unreadable:
        return True


def texts(file: IO[bytes], depth: int = _DEEPEST) -> Iterator[str]:
    """All that a file says, in pieces. Raises Unreadable."""
    start = file.read(8)
    file.seek(0)
    form = next((form for mark, form in _FORMS.items() if start.startswith(mark)), None)
    if form is None:
        yield from _plain(file, start)
        return
    try:
        yield from form(file, depth)
    except Unreadable:
        raise
    except Exception as error:  # each library has errors of its own for what is damaged
        raise Unreadable from error


def mail_texts(content: bytes) -> Iterator[str]:
    """All that a mail says as it is sent: heads, texts and what is enclosed. Raises Unreadable."""
    message = message_from_bytes(content, policy=default)
    yield _BETWEEN.join(str(value) for value in message.values())
    for part in message.walk():
        if not part.is_multipart():
            yield part.get_filename() or ""
            yield from texts(io.BytesIO(cast("bytes", part.get_payload(decode=True)) or b""))


def _plain(file: IO[bytes], start: bytes) -> Iterator[str]:
    """Text, CSV and JSON. What is no UTF-8 is read byte by byte: digits are the same in it."""
    wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    decoder = codecs.getincrementaldecoder("utf-16" if wide else "utf-8")(errors="replace")
    tail = ""
    while chunk := file.read(_PIECE):
        piece = tail + decoder.decode(chunk)
        yield piece
        tail = piece[-_OVERLAP:]


def _zipped(file: IO[bytes], depth: int) -> Iterator[str]:
    if not depth:
        raise Unreadable
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            yield member.filename
            with archive.open(member) as part:
                yield from texts(_seekable(part), depth - 1)


def _gzipped(file: IO[bytes], depth: int) -> Iterator[str]:
    if not depth:
        raise Unreadable
    with gzip.GzipFile(fileobj=file) as part:
        yield from texts(cast("IO[bytes]", part), depth - 1)


def _seekable(part: IO[bytes]) -> IO[bytes]:
    """A member of an archive can go back to its start; what it holds is read as it comes."""
    return part if part.seekable() else io.BytesIO(part.read())


def _parquet(file: IO[bytes], _depth: int) -> Iterator[str]:
    table = import_module("pyarrow.parquet").ParquetFile(file)
    yield str(table.schema_arrow.metadata)
    for batch in table.iter_batches(batch_size=_ROWS):
        yield from _cells(column.to_pylist() for column in batch.columns)


def _cells(columns: Iterable[list[Any]]) -> Iterator[str]:
    for column in columns:
        yield _BETWEEN.join(str(cell) for cell in column if cell is not None)


def _pdf(file: IO[bytes], _depth: int) -> Iterator[str]:
    reader = import_module("pypdf").PdfReader(file)
    yield str(reader.metadata)
    for page in reader.pages:
        yield page.extract_text()


_FORMS: dict[bytes, Callable[[IO[bytes], int], Iterator[str]]] = {
    b"PK\x03\x04": _zipped,
    b"PK\x05\x06": _zipped,
    b"\x1f\x8b": _gzipped,
    b"PAR1": _parquet,
    b"%PDF": _pdf,
    b"\x89PNG": lambda _file, _depth: iter(()),  # a chart: days, agents and figures, drawn
}
