"""Where files lie: ``exports/<tenant>/<random name>``, readable by their owner only, in a folder or a bucket.

A file is made in a folder of its own and gets its name when it is whole and on disk, so a part of one is never found
under a name that is handed out. Web and workers see the same folder, or the same bucket: see
portal/decisions/0015-exports-are-files.md and 0030-object-storage.md.
"""

import hashlib
import io
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages

from portal.storage import Away, home, reaching

ALIAS = "exports"
_PART = ".part"
_CHUNK = 1 << 20


def place(tenant_id: int, name: str) -> Path:
    return _home(tenant_id) / name


def open_file(tenant_id: int, name: str) -> IO[bytes]:
    """The file, to be read and closed. Raises OSError where it is not there, and Away."""
    bucket = _bucket()
    if bucket is None:
        return place(tenant_id, name).open("rb")
    with reaching(bucket):
        file: IO[bytes] = bucket.open(_key(tenant_id, name)).open()  # from here on it lies on this host
        return file


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
            made = Draft(file, path, lambda: _put(path, tenant_id, name), pulse)
            yield made
    finally:
        if made is not None:
            made.let_go()
        shutil.rmtree(folder, ignore_errors=True)


class Draft:
    """A file while it is written: a binary file with a pulse. Its ``name`` tells writers where their drafts belong."""

    def __init__(self, file: IO[bytes], path: Path, put: Callable[[], None], pulse: Callable[[], None]) -> None:
        self._file, self._put, self._pulse = file, put, pulse
        self.name = str(path)

    def write(self, data: Any) -> int:
        self._pulse()
        return self._file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def publish(self) -> tuple[int, str]:
        """Give the file its name; how long it is, and its SHA-256. Raises Away."""
        self._file.flush()
        os.fsync(self._file.fileno())
        size, digest = self._file.seek(0, os.SEEK_END), hashlib.sha256()
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK):
            digest.update(chunk)
            self._pulse()
        self._put()
        return size, digest.hexdigest()

    def let_go(self) -> None:
        """What a library still writes when it is forgotten, such as the end of an archive, goes nowhere."""
        self._file, self._pulse = io.BytesIO(), lambda: None


def _put(path: Path, tenant_id: int, name: str) -> None:
    bucket = _bucket()
    if bucket is not None:
        with reaching(bucket), path.open("rb") as file:
            bucket.save(_key(tenant_id, name), File(file))
        return
    target = place(tenant_id, name)
    path.replace(target)
    _sync(target.parent)


def remove(tenant_id: int, name: str) -> None:
    """The file, and a draft of it that a dead process left. What cannot be reached now is a stray, which goes later."""
    if not name:
        return
    place(tenant_id, name).unlink(missing_ok=True)
    shutil.rmtree(_home(tenant_id) / f".{name}{_PART}", ignore_errors=True)
    bucket = _bucket()
    if bucket is not None:
        with suppress(Away), reaching(bucket):
            bucket.delete(_key(tenant_id, name))


def forget_strays(tenant_id: int, names: frozenset[str], *, older: timedelta) -> int:
    """Remove what no row knows any more, once it is so old that nobody can be about to name it; how many there were."""
    folder, gone = _home(tenant_id), 0
    for path in folder.iterdir() if folder.is_dir() else ():
        name = path.name.removeprefix(".").removesuffix(_PART)
        if name not in names and time.time() - path.stat().st_mtime > older.total_seconds():
            remove(tenant_id, name)
            gone += 1
    return gone


def forget_stray_objects(names: frozenset[str], *, older: timedelta) -> int:
    """As :func:`forget_strays`, of a bucket: files of all tenants, gone ones too. Raises Away."""
    bucket, gone = _bucket(), 0
    if bucket is None:
        return 0
    with reaching(bucket):
        for tenant in bucket.listdir("")[0]:
            for name in bucket.listdir(tenant)[1]:
                key = f"{tenant}/{name}"
                if (
                    name not in names
                    and time.time() - bucket.get_modified_time(key).timestamp() > older.total_seconds()
                ):
                    bucket.delete(key)
                    gone += 1
    return gone


def forget_homes(tenants: frozenset[int]) -> None:
    """Remove the folders of tenants that are gone."""
    root = home() / "exports"
    for path in root.iterdir() if root.is_dir() else ():
        if path.name.isdecimal() and int(path.name) not in tenants:
            shutil.rmtree(path, ignore_errors=True)


def _bucket() -> Storage | None:
    """Where files lie, unless in a folder."""
    return storages[ALIAS] if ALIAS in settings.STORAGES else None


def _key(tenant_id: int, name: str) -> str:
    return f"{tenant_id}/{name}"


def _home(tenant_id: int) -> Path:
    return home() / "exports" / str(tenant_id)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
