"""Where column files and exports lie: a folder, which is DATA_DIR unless STORAGE_URL names another, or a bucket."""

import errno
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.files.storage import FileSystemStorage, Storage

_SPARED_SECONDS = 10.0
_away_until = 0.0  # of time.monotonic


class NotThere(LookupError):
    """A file that counts cannot be read: it is gone, damaged, another one, or its storage is away."""


class Away(NotThere):
    """The storage does not answer, so nothing can be said of the files in it."""


def home() -> Path:
    """The folder of what lies on this host: the files, or the copies of them."""
    return Path(settings.STORAGE_FOLDER or settings.DATA_DIR)


def is_away() -> bool:
    """Whether a storage did not answer a moment ago: a page asks for many files, and may wait for it once."""
    return time.monotonic() < _away_until


@contextmanager
def reaching(storage: Storage) -> Iterator[None]:
    """Raises Away for what the storage raises, each kind its own, but for a file that is not there, or a full disk."""
    global _away_until
    try:
        yield
    except Exception as error:
        if isinstance(error, FileNotFoundError) or is_full(error) or isinstance(storage, FileSystemStorage):
            raise
        _away_until = time.monotonic() + _SPARED_SECONDS
        raise Away(type(error).__name__) from error


def is_full(error: BaseException | None) -> bool:
    """Whether an error says, or was raised because, there is no room on the disk."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__ or error.__context__
    return False
