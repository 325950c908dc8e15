"""JSON read so that one bad element harms neither its neighbours nor the document.

The quick way is a decoder that takes the document apart without looking into its elements. Where that one gives up (a
``NaN``, a thousand brackets, half a surrogate), and for arrays that are too long to hold, the text is cut at its commas
by counting brackets outside strings. That needs no recursion, no second look at a byte, and no faith in what is inside.
Of brackets each one takes time, so a text that is little else is refused after its first chunks.
"""

import hashlib
import re
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, TypeVar

import msgspec

from sync.providers import limits
from sync.providers.errors import UpstreamError
from sync.providers.room import reserve
from sync.providers.values import clean, identifier, read_time
from sync.records import BrokenRecord
from sync.taxonomy import Fault

_SLICE = 64 * 1024  # of a text that is held whole, cut at a time: what follows an element need not be copied with it

_BAD_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list = msgspec.json.Decoder(list[msgspec.Raw])
_anything = msgspec.json.Decoder()

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FLAT = rb'[^"\[\]{}]*+(?:' + _STRING + rb'[^"\[\]{}]*+)*+'  # without a bracket outside strings
_INSIDE = re.compile(_FLAT + rb"(?:(?:\{" + _FLAT + rb"\}|\[" + _FLAT + rb"\])" + _FLAT + rb")*+", re.DOTALL)
_BETWEEN = re.compile(rb'[^"\[\]{},]*+(?:' + _STRING + rb'[^"\[\]{},]*+)*+', re.DOTALL)
_QUOTED = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_MEMBER = re.compile(rb"\s*+(" + _STRING + rb")\s*+:\s*+(.*)", re.DOTALL)
_QUOTE, _COMMA = b'",'
_OPENING, _CLOSING = b"[{", b"]}"
_BLANK = b" \t\r\n"
_BLANKS = re.compile(rb"[ \t\r\n]*+")
_large = threading.Lock()

Piece = TypeVar("Piece")


class Unreadable(ValueError):
    """An element can't become a record; the text is the reason and quotes nothing of it."""


class _Splitter:
    """Cuts one array or object at its outermost commas, however the text arrives in pieces.

    What is longer than ``cap`` comes cut off just behind it: its reader finds it too long, and nobody has held it.
    """

    def __init__(self, opening: bytes, cap: int) -> None:
        self.ended = False
        self._opening = opening
        self._cap = cap
        self._text = bytearray()  # from the start of the current element on
        self._at = 0  # how far it has been looked at
        self._depth = 0
        self._quoted = False
        self._pieces_read = 0
        self._steps = 0  # brackets, strings and commas that were looked at one by one
        self._bytes_fed = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        text = self._text
        text += chunk
        if not self._depth and not self.ended:
            self._open()
        if self._depth:
            yield from self._pieces(text)
        self._bytes_fed += len(chunk)
        self._check_effort()
        if self.ended:
            if text.strip(_BLANK):
                raise UpstreamError(Fault.NOT_JSON, "Something follows the end of the document.")
            text.clear()
        elif self._at > self._cap:
            del text[self._cap + 1 : self._at]
            self._at = self._cap + 1

    @property
    def held(self) -> int:
        """Bytes of the element that goes on."""
        return len(self._text)

    def _check_effort(self) -> None:
        """Raises UpstreamError TOO_LARGE for a text that costs far more to cut than its bytes are worth."""
        if self._depth > limits.DEPTH:
            raise UpstreamError(Fault.TOO_LARGE, f"The answer is nested more than {limits.DEPTH:,} deep.")
        if self._steps > limits.STEPS + self._bytes_fed // limits.BYTES_A_STEP:
            raise UpstreamError(Fault.TOO_LARGE, "The answer holds more brackets than content.")

    def _open(self) -> None:
        start = self._text.lstrip(b"\xef\xbb\xbf" + _BLANK)
        if not start:
            self._text.clear()
            return
        head = bytes(start[:4])
        if head[:1] != self._opening:
            json_of_another_form = head[:1] in b'[{"-0123456789' or head in (b"null", b"true", b"fals")
            raise UpstreamError(
                Fault.FORM if json_of_another_form else Fault.NOT_JSON,
                f"The document does not begin with {self._opening.decode()}.",
            )
        del self._text[: len(self._text) - len(start) + 1]
        self._depth = 1

    def _pieces(self, text: bytearray) -> Iterator[bytes]:
        start, at, size = 0, self._at, len(text)
        while at < size:
            self._steps += 1
            if self._quoted:
                at = _end(_QUOTED, text, at)
                if at >= size or text[at] != _QUOTE:
                    break  # the string, or its last escape, goes on in the next chunk
                self._quoted = False
                at += 1
            at = _end(_BETWEEN if self._depth == 1 else _INSIDE, text, at)
            if at >= size:
                break
            char = text[at]
            at += 1
            if char == _QUOTE:
                self._quoted = True
            elif char in _OPENING:
                self._depth += 1
            elif char == _COMMA:
                yield self._piece(text, start, at - 1, last=False)
                start = at
            else:
                self._depth -= 1
                if not self._depth:
                    self.ended = True
                    if piece := self._piece(text, start, at - 1, last=True):
                        yield piece
                    start = at
                    break
        start = _end(_BLANKS, text, start)
        del text[:start]
        self._at = at - start

    def _piece(self, text: bytearray, start: int, end: int, *, last: bool) -> bytes:
        start = _end(_BLANKS, text, start)
        with memoryview(text) as view:  # a slice of the text itself would be a copy more
            piece = bytes(view[start : min(end, start + self._cap + 1)]).rstrip(_BLANK)
        if not piece and (self._pieces_read or not last):
            raise UpstreamError(Fault.NOT_JSON, "An element between two commas is missing.")
        self._pieces_read += 1
        return piece


def _end(pattern: re.Pattern[bytes], text: bytearray, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _split(chunks: Iterable[bytes], opening: bytes, cap: int, *, streamed: bool = False) -> Iterator[bytes]:
    splitter, begun = _Splitter(opening, cap), False
    for chunk in chunks:
        begun = begun or bool(chunk.strip())
        yield from splitter.feed(chunk)
        if streamed and splitter.held > limits.LIGHT_BYTES:
            reserve(limits.HEAVY_BYTES)
    if not splitter.ended:
        fault = Fault.TRUNCATED if begun else Fault.NOT_JSON
        raise UpstreamError(fault, "The document ends early." if begun else "The document is empty.")


def elements(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The elements of a bare JSON array, each as its own text, while the chunks arrive.

    Holds one element and one chunk; a heavy element waits for room first. Elements are cut, not checked: one may still
    prove unreadable, as one that is longer than any may be does: it comes without its end. Raises UpstreamError after
    all elements before the trouble were given: TRUNCATED at an early end, FORM for JSON that is no array, NOT_JSON for
    anything else.
    """
    return _split(chunks, b"[", limits.ELEMENT_BYTES, streamed=True)


def split_object(body: bytes) -> dict[str, msgspec.Raw]:
    """The members of a JSON object, unread.

    Raises UpstreamError FORM, NOT_JSON or TRUNCATED when it is none, TOO_LARGE for too many.
    """
    if _is_small(body):
        try:
            return _object.decode(body)
        except msgspec.ValidationError:
            raise UpstreamError(Fault.FORM, "The document is not an object.") from None
        except _BAD_JSON:
            pass
    return _members(body)


def _is_small(text: bytes) -> bool:
    """Whether a decoder may take it apart at once: it makes an object of each element, however empty."""
    return text.count(b",") < limits.COMMAS


def _cut(text: bytes, opening: bytes) -> Iterator[bytes]:
    """The pieces of an array or object that is held whole."""
    slices = (text[start : start + _SLICE] for start in range(0, len(text), _SLICE))
    return _split(slices, opening, len(text) + 1)


def _few(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """No more of them than a page may hold; raises UpstreamError TOO_LARGE."""
    for count, piece in enumerate(pieces):
        if count == limits.PAGE_ELEMENTS:
            raise UpstreamError(Fault.TOO_LARGE, f"The answer holds more than {count:,} elements.")
        yield piece


def _members(body: bytes) -> dict[str, msgspec.Raw]:
    members = {}
    for piece in _few(_cut(body, b"{")):
        member = _MEMBER.fullmatch(piece)
        if not member:
            raise UpstreamError(Fault.NOT_JSON, "The document is not JSON.")
        try:
            key = msgspec.json.decode(member[1], type=str)
        except _BAD_JSON:
            continue  # a key that can't be read is not one that is asked for
        members[key] = msgspec.Raw(member[2])
    return members


def split_list(raw: bytes | msgspec.Raw) -> list[msgspec.Raw]:
    """The elements of a JSON array, unread; raises UpstreamError as :func:`elements` does, TOO_LARGE for too many."""
    text = bytes(raw)
    if _is_small(text):
        try:
            return list(_few(_list.decode(raw)))
        except msgspec.ValidationError:
            raise UpstreamError(Fault.FORM, "A list was promised and is none.") from None
        except _BAD_JSON:
            pass
    return [msgspec.Raw(piece) for piece in _few(_cut(text, b"["))]


def alone(raw: bytes | msgspec.Raw) -> AbstractContextManager[object]:
    """Around the reading of an element: one thread at a time has a large one apart, since its values take many times
    its text."""
    return _large if len(raw) > limits.SMALL_ELEMENT_BYTES else nullcontext()


def read_element(raw: bytes | msgspec.Raw) -> dict[str, Any]:
    """An element with all that is in it; raises Unreadable when any part of it is not sound or it is no object."""
    element = read_value(raw)
    if not isinstance(element, dict):
        raise Unreadable("It is not an object.")
    return element


def read_value(raw: bytes | msgspec.Raw) -> Any:
    """Any JSON with all that is in it; raises Unreadable when it is not sound, or larger than an element may be."""
    if len(raw) > limits.SMALL_ELEMENT_BYTES:
        _check_size(bytes(raw))
    try:
        return _anything.decode(raw)
    except RecursionError:
        raise Unreadable("It is nested too deep.") from None
    except UnicodeDecodeError:
        raise Unreadable("It is not UTF-8.") from None
    except msgspec.DecodeError as error:
        raise Unreadable(f"It is not sound JSON: {error}.") from None


def set_apart(raw: bytes | msgspec.Raw, name: str) -> tuple[bytes, Iterator[bytes]]:
    """An element without one list in it that may be long, and the pieces of that list; both raise Unreadable."""
    try:
        members = split_object(bytes(raw))
    except UpstreamError as error:
        raise Unreadable(error.detail) from None
    pieces: Iterator[bytes] = iter(())
    if bytes(members.get(name, b"")).lstrip()[:1] == b"[":
        pieces = _cut_soundly(bytes(members.pop(name)))
    rest = (msgspec.json.encode(key) + b":" + bytes(value) for key, value in members.items())
    return b"{" + b",".join(rest) + b"}", pieces


def _cut_soundly(text: bytes) -> Iterator[bytes]:
    try:
        yield from _cut(text, b"[")
    except UpstreamError as error:
        raise Unreadable(error.detail) from None


def _check_size(text: bytes) -> None:
    if len(text) > limits.ELEMENT_BYTES:
        raise Unreadable(f"It is longer than {limits.ELEMENT_BYTES:,} bytes.")
    if sum(text.count(sign) for sign in (b",", b"[", b"{")) > limits.ELEMENT_VALUES:
        raise Unreadable(f"It holds more than {limits.ELEMENT_VALUES:,} values.")


def digest(raw: bytes | msgspec.Raw) -> bytes:
    """16 bytes that are equal when the text is."""
    return hashlib.blake2b(raw, digest_size=16).digest()


def key_of(mark: bytes) -> str:
    """What stands for an element without an id in ``Page.keys``: ``?`` and its digest."""
    return f"?{mark.hex()}"


def broken(
    kind: str,
    raw: bytes | msgspec.Raw,
    reason: str,
    *,
    id_key: str = "id",
    external_id: str = "",
    time_keys: Sequence[str] = (),
) -> BrokenRecord:
    """The record of an element that can't be read, with its id: the one given, or what can still be made out.

    The first of ``time_keys`` that holds a time says when it began.
    """
    text = bytes(raw)
    fields = _loose(text, (id_key, *time_keys))
    times = (read_time(fields.get(key))[0] for key in time_keys)
    shown = text[: limits.BROKEN_BYTES].decode("utf-8", "replace")
    return BrokenRecord(
        kind=kind,
        external_id=external_id or identifier(fields.get(id_key)) or "",
        digest=digest(text),
        raw=clean(shown.replace("\x00", "\ufffd"), limits.BROKEN_BYTES),
        reason=reason[:300],
        started_at=next(filter(None, times), None),
    )


def kept_whole(raw: str) -> bool:
    """Whether the text of a :class:`BrokenRecord` is what the vendor sent, as far as that can be told afterwards."""
    return len(raw.encode()) < limits.BROKEN_BYTES and "\ufffd" not in raw


def _loose(text: bytes, keys: Collection[str]) -> dict[str, Any]:
    """Some members of an element that is cut off, or not sound in its other members."""
    members = {}
    with suppress(UpstreamError):
        for piece in _few(_cut(text, b"{")):
            member = _MEMBER.fullmatch(piece)
            with suppress(*_BAD_JSON):
                if (
                    member
                    and len(member[2]) <= limits.SMALL_ELEMENT_BYTES
                    and (key := _anything.decode(member[1])) in keys
                ):
                    members[key] = _anything.decode(member[2])
    return members
