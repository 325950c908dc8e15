"""What is new, read from the changelog that is shipped beside the code."""

import re
from dataclasses import dataclass
from functools import cache

from portal.env import BASE_DIR

CHANGELOG = BASE_DIR / "CHANGELOG.md"
MOST = 12  # changes told of a release
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Release:
    """``name`` is its version, with the date after a dash; "" for what is not released yet."""

    name: str
    changes: tuple[str, ...]
    more: int = 0  # that are not told


@cache
def releases(most: int = 2) -> tuple[Release, ...]:
    """The newest first; none where the changelog is not there."""
    try:
        text = CHANGELOG.read_text(encoding="utf-8")
    except OSError:
        return ()
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    return tuple(release for part in parts if (release := _release(part)).changes)[:most]


def _release(part: str) -> Release:
    title, _newline, body = part.partition("\n")
    changes: list[str] = []
    for line in body.splitlines():
        if line.startswith("- "):
            changes.append(line[2:])
        elif line.startswith("  ") and changes:
            changes[-1] += f" {line.strip()}"
    told = tuple(_LINK.sub(r"\1", change).replace("`", "") for change in changes)
    name = title.strip().replace("[", "").replace("]", "")
    return Release("" if name == "Unreleased" else name, told[:MOST], max(0, len(told) - MOST))
