"""Where files lie: ``DATA_DIR/exports/<tenant>/<random name>``, readable by their owner only.

A file is made in a folder of its own and gets its name when it is whole and on disk, so a part of one is never found
under a name that is handed out. Web and workers see the same folder: see portal/decisions/0015-exports-are-files.md.
"""

import errno
import hashlib
import io
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from django.conf import settings

_PART = ".part"
_CHUNK = 1 << 20


def place(tenant_id: int, name: str) -> Path:
    return _home(tenant_id) / name


@contextmanager
def draft(tenant_id: int, name: str, pulse: Callable[[], None]) -> Iterator["Draft"]:
    """A file to write to. Whatever happens, nothing but what :meth:`Draft.publish` named is left.

    ``pulse`` is called with everything written, so that a long end of a file keeps its lease.
    """
    folder = _home(tenant_id) / f".{name}{_PART}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "file"
    made = None
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b") as file:
            made = Draft(file, path, place(tenant_id, name), pulse)
            yield made
    finally:
        if made is not None:
            made.let_go()
        shutil.rmtree(folder, ignore_errors=True)


class Draft:
    """A file while it is written: a binary file with a pulse. Its ``name`` tells writers where their drafts belong."""

    def __init__(self, file: IO[bytes], path: Path, target: Path, pulse: Callable[[], None]) -> None:
        self._file, self._target, self._pulse = file, target, pulse
        self.name = str(path)

    def write(self, data: Any) -> int:
        self._pulse()
        return self._file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def publish(self) -> tuple[int, str]:
        """Give the file its name; how long it is, and its SHA-256."""
        self._file.flush()
        os.fsync(self._file.fileno())
        size, digest = self._file.seek(0, os.SEEK_END), hashlib.sha256()
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK):
            digest.update(chunk)
            self._pulse()
        Path(self.name).replace(self._target)
        _sync(self._target.parent)
        return size, digest.hexdigest()

    def let_go(self) -> None:
        """What a library still writes when it is forgotten, such as the end of an archive, goes nowhere."""
        self._file, self._pulse = io.BytesIO(), lambda: None


def remove(tenant_id: int, name: str) -> None:
    """The file, and a draft of it that a dead process left."""
    if name:
        place(tenant_id, name).unlink(missing_ok=True)
        shutil.rmtree(_home(tenant_id) / f".{name}{_PART}", ignore_errors=True)


def forget_strays(tenant_id: int, known: frozenset[str], *, older: timedelta) -> int:
    """Remove what no row knows any more, once it is so old that nobody can be about to name it; how many there were."""
    home, gone = _home(tenant_id), 0
    for path in home.iterdir() if home.is_dir() else ():
        name = path.name.removeprefix(".").removesuffix(_PART)
        if name not in known and time.time() - path.stat().st_mtime > older.total_seconds():
            remove(tenant_id, name)
            gone += 1
    return gone


def forget_homes(tenants: frozenset[int]) -> None:
    """Remove the folders of tenants that are gone."""
    root = Path(settings.DATA_DIR) / "exports"
    for path in root.iterdir() if root.is_dir() else ():
        if path.name.isdecimal() and int(path.name) not in tenants:
            shutil.rmtree(path, ignore_errors=True)


def is_full(error: BaseException | None) -> bool:
    """Whether an error says, or was raised because, there is no room on the disk."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__ or error.__context__
    return False


def _home(tenant_id: int) -> Path:
    return Path(settings.DATA_DIR) / "exports" / str(tenant_id)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
