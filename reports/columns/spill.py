"""Where the engines of a process put what their memory does not hold: a folder of its own, locked while it lives.

The lock tells whose a folder is, not the number of a process: containers that share a disk give the same numbers, and
two engines that take each other's folder for their own write into one file.
"""

import fcntl
import os
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from portal.lib.ids import uuid7
from reports.columns import files

_NAMED = "spill-"


@dataclass(frozen=True, slots=True)
class _Folder:
    path: Path
    process: int
    handle: int  # of the lock: the system gives it up with the process, however that ends


_mine: _Folder | None = None
_lock = threading.Lock()


def folder() -> str:
    """The folder of this process; empty where the disk takes none, and memory alone must do."""
    global _mine
    beside = files.beside()
    with _lock:
        if _mine is not None and (_mine.process, _mine.path.parent) == (os.getpid(), beside):
            return str(_mine.path)
        try:
            made = _made(beside)
        except OSError:
            return ""
        if _mine is not None:
            os.close(_mine.handle)
        _mine = made
        return str(made.path)


def _made(beside: Path) -> _Folder:
    path = beside / f"{_NAMED}{uuid7()}"
    path.mkdir(mode=0o700)
    handle = os.open(path, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    return _Folder(path, os.getpid(), handle)


def sweep() -> int:
    """Remove what processes left that live no more; how many folders."""
    gone = 0
    for path in files.beside().glob(f"{_NAMED}*"):
        try:
            # A folder is locked a moment after it is made.
            if time.time() - path.stat().st_mtime > files.STRAY_SECONDS and not _is_locked(path):
                shutil.rmtree(path)
                gone += 1
        except FileNotFoundError:
            continue
    return gone


def _is_locked(path: Path) -> bool:
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
