"""What is new, read from the changelog that is shipped beside the code, in the reader's language.

``CHANGELOG.pt-BR.md`` has the same changes in Portuguese, each with the mark of the English one it says, so that
neither their order nor one that is not translated yet matters: that one is told in English.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from portal.env import BASE_DIR

CHANGELOG = BASE_DIR / "CHANGELOG.md"
TRANSLATED = {"pt-br": BASE_DIR / "CHANGELOG.pt-BR.md"}
MOST = 12  # changes of a release that stand open
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_MARK = re.compile(r"\s*<!-- (\w+) -->$")


@dataclass(frozen=True, slots=True)
class Change:
    """``language`` is the one it is told in."""

    text: str
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Release:
    """``name`` is its version, with the date after a dash; "" for what is not released yet."""

    name: str
    changes: tuple[Change, ...]
    further: tuple[Change, ...] = ()  # those that are folded away


@cache
def releases(language: str = "en", most: int = 2) -> tuple[Release, ...]:
    """The newest first; none where the changelog is not there."""
    said = translated(language)
    parts = re.split(r"^## ", _text(CHANGELOG), flags=re.MULTILINE)[1:]
    return tuple(release for part in parts if (release := _release(part, said, language)).changes)[:most]


def translated(language: str) -> dict[str, str]:
    """Changes in a language by their marks."""
    if language not in TRANSLATED:
        return {}
    found = ((point, _MARK.search(point)) for point in points(_text(TRANSLATED[language])))
    return {mark[1]: _MARK.sub("", point) for point, mark in found if mark}


def mark_of(point: str) -> str:
    """What names an English change beside its translation: another one as soon as its words change."""
    return hashlib.sha256(point.encode()).hexdigest()[:8]


def points(text: str) -> Iterator[str]:
    """The changes of a changelog, each in one line."""
    told = ""
    for line in [*text.splitlines(), ""]:
        if told and not line.startswith("  "):
            yield told
            told = ""
        if line.startswith("- "):
            told = line[2:]
        elif told:
            told += f" {line.strip()}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _release(part: str, said: dict[str, str], language: str) -> Release:
    title, _newline, body = part.partition("\n")
    told = []
    for point in points(body):
        words = said.get(mark_of(point))
        plain = _LINK.sub(r"\1", words or point).replace("`", "")
        told.append(Change(plain, language if words else "en"))
    name = title.strip().replace("[", "").replace("]", "")
    return Release("" if name == "Unreleased" else name, tuple(told[:MOST]), tuple(told[MOST:]))
