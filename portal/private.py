"""Files that are nobody else's business: numbers, mails and tokens lie in them."""

import os
import stat
import tempfile
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Open(Exception):
    """Others may read or write what has to be private, and it is not ours to change; the text is one sentence."""


def make_private() -> None:
    """From here on this process and those it starts make files and folders for their owner alone."""
    os.umask(OTHERS)


def close_to_others(folder: Path) -> int:
    """Take others' rights from the folder and what lies right in it; returns how many of them had some. Raises Open.

    What lies deeper cannot be reached through a closed folder, and may be too much to look at on each start.
    """
    return sum(_close(path) for path in (folder, *folder.glob("*"))) if folder.is_dir() else 0


def _close(path: Path) -> bool:
    try:
        found = path.lstat()
    except FileNotFoundError:  # a draft, by now in its place
        return False
    if stat.S_ISLNK(found.st_mode) or not found.st_mode & OTHERS:
        return False
    try:
        path.chmod(stat.S_IMODE(found.st_mode) & ~OTHERS)
    except FileNotFoundError:
        return False
    except OSError as error:
        owner = "this program's user" if found.st_uid == os.getuid() else f"the user with number {found.st_uid}"
        raise Open(
            f"{path} can be read by others and belongs to {owner}: take their rights away with chmod go-rwx."
        ) from error
    return True


def runtime_folder() -> Path:
    """A folder of this user's with a short name, for sockets. Raises Open where another one has taken the name."""
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(given) if given else Path(tempfile.gettempdir()) / f"ringbook-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise Open(f"{folder} cannot hold the broker's socket ({error.strerror}): set XDG_RUNTIME_DIR.") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & OTHERS:
        raise Open(f"{folder} is not a folder of this user alone: remove it, or set XDG_RUNTIME_DIR to one that is.")
    return folder
