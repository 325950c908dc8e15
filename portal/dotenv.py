"""Reads ``.env`` into the environment, and finds the names there that are no setting."""

import os
import re
from difflib import get_close_matches
from pathlib import Path

from portal import env

_ALIKE = 0.85  # how much a name resembles a setting's before it is taken for a typing error; DATABASE_URI does
_in_dotenv: set[str] = set()
_LINE = re.compile(r"(?:export )?([A-Za-z_][A-Za-z_0-9]*)=(.*)")
_ESCAPED = re.compile(r"\\([^nrt])")


def load(path: Path = env.BASE_DIR / ".env") -> None:
    """Read ``.env`` beside manage.py, if there is one; what the environment already says wins.

    A line is ``NAME=value``, with or without ``export`` before it, or a comment that begins with ``#``. Quotes around a
    value go; within double ones a backslash takes the next character as it is.
    """
    if not path.is_file():
        return
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise env.SettingError(f"{path.name} cannot be read: {error.__class__.__name__}.") from error
    given: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        assignment = _LINE.fullmatch(line)
        if assignment is None:
            raise env.SettingError(f"{path.name} has neither NAME=value nor a comment in line {number}.")
        given[assignment[1]] = _unquoted(assignment[2])
    _in_dotenv.update(given)
    os.environ.update({name: value for name, value in given.items() if name not in os.environ})


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == "'":
        return value[1:-1]
    if len(value) > 1 and value[0] == value[-1] == '"':
        return _ESCAPED.sub(r"\1", value[1:-1])
    return value


def misspelled() -> list[str]:
    """A sentence for each variable that nothing reads: all such of ``.env``, and those of the environment that resemble
    a setting. Complete once all settings were read.
    """
    sentences = []
    for name in sorted(os.environ):
        setting = name.removesuffix("_FILE")
        if setting in env.known or name.startswith("RINGBOOK_"):
            continue
        if found := get_close_matches(setting, env.known, 1, _ALIKE):
            sentences.append(f"There is no setting {name}. Did you mean {found[0]}?")
        elif name in _in_dotenv:
            sentences.append(f"There is no setting {name}, which .env sets. README.md lists all settings.")
    return sentences
