"""Where column files lie: Django's storage ``columns``, and a copy on this host where that is not a folder of its own.

A file is named by its digest and never changes, so a copy is as good as the file. It is put in place whole or not at
all. ``DATA_DIR/columns`` is readable by its owner only: what stands there is as protected as the database. How many
copies there may be is said in ``cache``.
"""

import hashlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.files import File
from django.core.files.storage import FileSystemStorage, Storage, storages

from portal.lib.ids import uuid7
from portal.storage import Away, NotThere, home, is_away, is_full, reaching
from reports.columns import cache
from reports.columns.models import ColumnFile

logger = logging.getLogger("ringbook.reports")

ALIAS = "columns"
_CHUNK = 1 << 20
_BESIDE = ".beside"  # what is being made or fetched, and days that are counted for readers before they are in a file
STRAY_SECONDS = 3600.0


class ColumnFolder(FileSystemStorage):
    """Column files in a folder of this host."""

    @property
    def location(self) -> str:
        return str(root())


def root() -> Path:
    """The folder of this host's column files, made if need be."""
    path = home() / "columns"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def beside() -> Path:
    """The folder for what is not in place, on the same disk."""
    path = root() / _BESIDE
    path.mkdir(mode=0o700, exist_ok=True)
    return path


@contextmanager
def draft() -> Iterator[Path]:
    """A name to write to; nothing of it is left afterwards unless it was put in place."""
    path = beside() / f"{uuid7()}.parquet"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def digest_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def put(path: Path, row: ColumnFile) -> None:
    """Put a draft in its place, durably; the draft is gone then. Raises Away, and OSError as of a disk that is full."""
    path.chmod(0o600)
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    storage = _storage()
    if isinstance(storage, FileSystemStorage):
        _move(path, Path(storage.path(row.name)))
        return
    if not is_there(row):
        with reaching(storage), path.open("rb") as file:
            if storage.exists(row.name):  # damaged: a storage gives what is saved beside it another name
                storage.delete(row.name)
            storage.save(row.name, File(file))
    _move(path, root() / row.name)
    cache.make_room(root(), row.bytes)


def _move(path: Path, target: Path) -> None:
    _make_folder(target.parent)
    path.replace(target)
    handle = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make_folder(path: Path) -> None:
    """Each folder on the way is the owner's alone; ``mkdir`` gives its mode to the last one only."""
    if not path.is_dir():
        _make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def remove(row: ColumnFile) -> None:
    """Take the file away, here and in the storage; it may be gone already. Raises Away."""
    storage = _storage()
    _forget(root() / row.name)
    if not isinstance(storage, FileSystemStorage):
        (root() / row.name).unlink(missing_ok=True)
    with reaching(storage):
        storage.delete(row.name)


def _storage() -> Storage:
    return storages[ALIAS]


# --- Reading ------------------------------------------------------------------------------------------------------

_MOST_VERIFIED = 20_000
# Digest, size, inode and time of what was looked through, what was read last at the end. Beyond the bound a file is
# looked through again.
_verified: dict[Path, tuple[str, int, int, int]] = {}
_lock = threading.Lock()


def local(row: ColumnFile) -> Path:
    """The file on this host, fetched if it is not there; looked through once in each process. Raises NotThere."""
    storage = _storage()
    if isinstance(storage, FileSystemStorage):
        path = Path(storage.path(row.name))
        if _intact(path, row.digest) is None:
            raise NotThere(row.name)
        return path
    path, came = root() / row.name, 0
    state = _intact(path, row.digest)
    if state is None:
        _fetch(storage, row, path)
        state, came = _intact(path, row.digest), row.bytes
    if state is None:
        path.unlink(missing_ok=True)
        raise NotThere(row.name)
    cache.use(path, state)
    cache.make_room(root(), came)
    return path


def live(key: str) -> Path | None:
    """The file of days that were read from the mirror for a question (:func:`keep_live`), if there is one and it is
    what was written. Its name says so: no row knows it.
    """
    for path in beside().glob(f"{key}-*.parquet"):
        if _intact(path, path.stem.rpartition("-")[2]) is not None:
            return path
        logger.error("%s is damaged or another file; it is made again", path.name)
        path.unlink(missing_ok=True)
    return None


def keep_live(draft: Path, key: str) -> Path:
    """Put a draft where :func:`live` finds it; the draft is gone then."""
    path = beside() / f"{key}-{digest_of(draft)}.parquet"
    draft.replace(path)
    return path


def _intact(path: Path, digest: str) -> os.stat_result | None:
    """What the disk says of the file, if it has the content that its digest names."""
    try:
        state = path.stat()
        seen = (digest, state.st_size, state.st_ino, state.st_mtime_ns)
        if _verified.get(path) != seen and digest_of(path) != digest:
            _forget(path)
            return None
    except OSError:
        _forget(path)
        return None
    with _lock:
        _verified.pop(path, None)
        _verified[path] = seen
        while len(_verified) > _MOST_VERIFIED:
            del _verified[next(iter(_verified))]
    return state


def _forget(path: Path) -> None:
    with _lock:
        _verified.pop(path, None)


def is_there(row: ColumnFile) -> bool:
    """Whether the file is what its row says, looked through anew, in the storage itself. Raises Away."""
    storage, digest = _storage(), hashlib.sha256()
    try:
        with reaching(storage), storage.open(row.name) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:  # not there, or on a disk that cannot be read
        if is_full(error):
            raise
        return False
    return digest.hexdigest() == row.digest


def _fetch(storage: Storage, row: ColumnFile, path: Path) -> None:
    """Copy a file of the storage to this host, whole."""
    if is_away():
        raise Away(row.name)
    with draft() as copy:
        try:
            with reaching(storage), storage.open(row.name) as source, copy.open("wb") as target:
                shutil.copyfileobj(source, target, _CHUNK)
        except OSError as error:
            raise NotThere(row.name) from error
        copy.chmod(0o600)
        _make_folder(path.parent)
        copy.replace(path)


def forget_strays(tenant_id: int, names: frozenset[str]) -> int:
    """Remove the tenant's files on this host that no row knows, as of a process that died between the two; how many."""
    gone = 0
    for path in root().glob(f"tenant={tenant_id}/*/*.parquet"):
        try:
            old = time.time() - path.stat().st_mtime > STRAY_SECONDS
            if old and str(path.relative_to(root())) not in names:
                path.unlink()
                gone += 1
        except FileNotFoundError:
            continue
    return gone


def forget_stray_objects(tenant_id: int, environment_id: int, names: frozenset[str]) -> int:
    """As :func:`forget_strays`, of an environment's files in object storage; how many. Raises Away."""
    storage = _storage()
    if isinstance(storage, FileSystemStorage):
        return 0
    home, gone = f"tenant={tenant_id}/environment={environment_id}", 0
    with reaching(storage):
        for name in storage.listdir(home)[1]:
            path = f"{home}/{name}"
            if path not in names and time.time() - storage.get_modified_time(path).timestamp() > STRAY_SECONDS:
                storage.delete(path)
                gone += 1
    return gone


def sweep_beside() -> int:
    """Remove what is old of drafts, of the texts they were made of and of days counted for readers; how many."""
    gone = 0
    for path in (*beside().glob("*.parquet"), *beside().glob("*.csv")):
        try:
            if time.time() - path.stat().st_mtime > STRAY_SECONDS:
                path.unlink()
                gone += 1
        except FileNotFoundError:
            continue
    return gone
