"""Numbers within texts: the one definition of "this text contains this number".

A run is a row of digits of any script with a few signs between them: blanks, dashes, dots, commas, slashes,
underscores, brackets, ``+``. What is escaped for JSON, HTML or an address is read as what it means. Masks, erasures and
searches all look at runs, and so do the tests that look for leaks. Every expression reads a text once from end to end.
"""

import html
import json
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from portal.lib import phones

SHORTEST = 7  # digits of a run
_GAP = 10  # signs between two digits
_SIGNS = r"\x00-\x20()./\\,_+\-"
_RUN = re.compile(rf"[0-9](?:[{_SIGNS}]{{0,{_GAP}}}+[0-9]){{{SHORTEST - 1},}}+")
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[bfnrt/]"
    r"|%[0-7][0-9a-fA-F]|%[c-fC-F][0-9a-fA-F](?:%[89abAB][0-9a-fA-F]){1,3}"
    r"|&(?:nbsp|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});"
)
_UUID = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b", re.IGNORECASE
)  # RFC 9562
_UUID_LENGTH = 36
_SHORTEST_DIALLED = 8
_LONGEST_DIALLED = 17  # digits of a number with 00 before its country code
_OTHER = "x"


class _Folds(dict[int, str]):
    """Each character as one of ASCII: a digit as that digit, a sign that may stand between digits as a blank."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _folded(chr(code)) if code > 127 else chr(code)
        return folded


def _folded(sign: str) -> str:
    digit = unicodedata.digit(sign, None)  # circled and raised ones too
    if digit is not None:
        return str(digit)
    if unicodedata.category(sign) in {"Zs", "Zl", "Zp", "Pd", "Ps", "Pe", "Cf", "Cc", "Mn", "Me"}:
        return " "
    plain = unicodedata.normalize("NFKC", sign)
    return " " if plain in {"+", ".", ",", "_", "/", "\\", "\u2212", "\u00b7", "\u3001"} else _OTHER


_FOLDS = _Folds()


@dataclass(frozen=True, slots=True)
class Run:
    """``digits`` are ASCII; ``spans`` is where each of them stands in ``text``."""

    text: str
    digits: str
    spans: Sequence[tuple[int, int]]

    @property
    def start(self) -> int:
        return self.spans[0][0]

    @property
    def end(self) -> int:
        return self.spans[-1][1]

    def groups(self) -> list[tuple[int, int]]:
        """The places of digits with nothing between them."""
        breaks = [place for place in range(1, len(self.spans)) if self.spans[place - 1][1] != self.spans[place][0]]
        return list(zip([0, *breaks], [*breaks, len(self.spans)], strict=True))


def runs(text: str) -> Iterator[Run]:
    """The runs of a text as it stands, and then those of what it means where something in it is escaped."""
    yield from _runs(text)
    if _ESCAPE.search(text):
        yield from _meant_runs(text)


def rewrite(text: str, replace: Callable[[Run], Iterable[tuple[int, str]]]) -> str:
    """The text with some digits of its runs replaced: ``replace`` gives the place of each in its run, and the sign."""
    text = _rewritten(text, _runs(text), replace)
    return _rewritten(text, _meant_runs(text), replace) if _ESCAPE.search(text) else text


def contains(text: str, contact: str) -> bool:
    """Whether the text says the number of a contact, written with or without its country code and trunk 0."""
    spelt = {*phones.readings(contact), *phones.spellings(f"+{contact}")}
    return any(one in run.digits for run in runs(text) for one in spelt)


def dialled(run: Run) -> list[tuple[int, int]]:
    """The parts of a run that look like whole phone numbers, whoever's: from which digit to which.

    A number begins with ``+``, or is one of Brazil with its area code. A part is made of whole groups of digits. Where
    a group is glued to a letter, as in a hash, only a mobile number is one. None lies within a UUID.
    """
    found: list[tuple[int, int]] = []
    groups = run.groups()
    at = 0
    while at < len(groups):
        first = groups[at][0]
        near = groups[at : at + _LONGEST_DIALLED]
        ends = [end for _start, end in near if _SHORTEST_DIALLED <= end - first <= _LONGEST_DIALLED]
        last = next((end for end in reversed(ends) if _is_dialled(run, first, end)), None)
        if last is None or _is_in_uuid(run, first, last):
            at += 1
        else:
            found.append((first, last))
            at = next((place for place, (start, _end) in enumerate(groups) if start >= last), len(groups))
    return found


def is_document(digits: str) -> bool:
    """Whether digits are a valid CPF or CNPJ."""
    if len(set(digits)) < 2:
        return False
    if len(digits) == 11:
        weights: tuple[Sequence[int], ...] = range(10, 1, -1), range(11, 1, -1)
    elif len(digits) == 14:
        weights = (*range(5, 1, -1), *range(9, 1, -1)), (6, *range(5, 1, -1), *range(9, 1, -1))
    else:
        return False
    return all(_check_digit(digits, each) == digits[len(each)] for each in weights)


def _check_digit(digits: str, weights: Sequence[int]) -> str:
    rest = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False)) % 11
    return str(0 if rest < 2 else 11 - rest)


def _is_dialled(run: Run, first: int, last: int) -> bool:
    digits = run.digits[first:last]
    before = run.text[max(0, run.spans[first][0] - 3) : run.spans[first][0]]
    after = run.text[run.spans[last - 1][1] :][:1]
    says_country = before.upper() == "%2B" or unicodedata.normalize("NFKC", before).rstrip("( ").endswith("+")
    if says_country and len(digits) <= 15:
        return True
    return phones.is_dialled(digits, mobile=before[-1:].isalpha() or after.isalpha())


def _is_in_uuid(run: Run, first: int, last: int) -> bool:
    """Whether digits lie within a UUID that has letters, and so is not made of a number's digits."""
    start, end = run.spans[first][0], run.spans[last - 1][1]
    near = run.text[max(0, start - _UUID_LENGTH) : end + _UUID_LENGTH]
    at = min(start, _UUID_LENGTH)
    return any(
        found.start() <= at and at + end - start <= found.end() and not found[0].replace("-", "").isdecimal()
        for found in _UUID.finditer(near)
    )


def _runs(text: str) -> Iterator[Run]:
    plain = text if text.isascii() else text.translate(_FOLDS)
    for match in _RUN.finditer(plain):
        places = [place for place in range(match.start(), match.end()) if plain[place] in "0123456789"]
        yield Run(text, "".join(plain[place] for place in places), [(place, place + 1) for place in places])


def _meant_runs(text: str) -> Iterator[Run]:
    pieces, marks, ends, at, length = [], [], [], 0, 0
    for match in _ESCAPE.finditer(text):
        length += match.start() - at
        pieces += [text[at : match.start()], _meant(match[0])]
        marks.append(length)
        ends.append(match.span())
        at, length = match.end(), length + 1
    pieces.append(text[at:])

    def span(place: int) -> tuple[int, int]:
        number = bisect_right(marks, place) - 1
        if number < 0:
            return place, place + 1
        if marks[number] == place:
            return ends[number]
        place = ends[number][1] + place - marks[number] - 1
        return place, place + 1

    for run in _runs("".join(pieces)):
        yield Run(text, run.digits, [span(start) for start, _end in run.spans])


def _meant(escape: str) -> str:
    """The one character that an escape stands for."""
    if escape[0] == "%":
        return bytes.fromhex(escape.replace("%", "")).decode("utf-8", "replace")[:1]
    meant = html.unescape(escape) if escape[0] == "&" else json.loads(f'"{escape}"')
    return meant if len(meant) == 1 else _OTHER


def _rewritten(text: str, found: Iterable[Run], replace: Callable[[Run], Iterable[tuple[int, str]]]) -> str:
    pieces, at = [], 0
    for run in found:
        for place, sign in sorted(replace(run)):
            start, end = run.spans[place]
            pieces += [text[at:start], sign]
            at = end
    return "".join([*pieces, text[at:]]) if pieces else text
