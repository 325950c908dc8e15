"""Copies of column files on a host whose files are in object storage: bounded in bytes, least recently used go first.

When a copy was used is its time of access, which is written here and nowhere relied on the disk for. One that was used
a moment ago is never removed, so that a question finds the files it was told of: what the questions of a few minutes
need may exceed the bound. Nobody tells a host that a file was replaced: what is no longer read goes by itself.
"""

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

from django.conf import settings

IN_USE = 600.0  # seconds
UNREAD = 86_400.0
_NOTED_EVERY = 60.0
_TIDIED_EVERY = 3_600.0
_UNSEEN = 0.01  # of the bound: what a process may fetch before it looks at the whole again

_lock = threading.Lock()
_since_tidied = 0
_tidied_at: dict[Path, float] = {}


def use(path: Path, state: os.stat_result) -> None:
    """Note that a copy is used now. Its time of change stays: readers know by it that it is the same file."""
    now = time.time()
    if abs(now - state.st_atime) > _NOTED_EVERY:
        with suppress(OSError):
            os.utime(path, ns=(int(now * 1e9), state.st_mtime_ns))


def make_room(root: Path, came: int = 0) -> None:
    """Keep the copies below ``root`` within their bound; ``came`` bytes of them are new. Mostly without looking."""
    global _since_tidied
    with _lock:
        _since_tidied += came
        due = abs(time.time() - _tidied_at.get(root, 0.0)) > _TIDIED_EVERY
        if not due and _since_tidied <= settings.COLUMNS_CACHE * _UNSEEN:
            return
        _since_tidied, _tidied_at[root] = 0, time.time()
    tidy(root)


def tidy(root: Path) -> int:
    """Remove the copies that were not read for a day, and beyond the bound those not read longest; how many."""
    now, total, gone = time.time(), 0, 0
    copies: list[tuple[float, int, Path]] = []
    for path in root.glob("tenant=*/*/*.parquet"):
        try:
            state = path.stat()
        except FileNotFoundError:
            continue
        copies.append((state.st_atime, state.st_size, path))
        total += state.st_size
    for used, size, path in sorted(copies):
        unread = now - used
        if unread < IN_USE or (unread < UNREAD and total <= settings.COLUMNS_CACHE):
            break
        path.unlink(missing_ok=True)
        total -= size
        gone += 1
    return gone
