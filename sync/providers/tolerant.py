"""JSON read so that one bad element harms neither its neighbours nor the document.

The quick way is a decoder that takes the document apart without looking into its elements. Where that one gives up (a
``NaN``, a thousand brackets, half a surrogate), and for arrays that are too long to hold, the text is cut at its commas
by counting brackets outside strings. That needs no recursion, no second look at a byte, and no faith in what is inside.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from sync.providers.base import UpstreamError
from sync.providers.values import clean, identifier
from sync.records import BrokenRecord
from sync.taxonomy import Fault

ELEMENT_CAP = 64 * 1024 * 1024  # bytes of one streamed element; a longer one is no call
_BROKEN_CAP = 1024 * 1024  # characters kept of an element that can't be read

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


class Unreadable(ValueError):
    """An element can't become a record; the text is the reason and quotes nothing of it."""


class _Splitter:
    """Cuts one array or object at its outermost commas, however the text arrives in pieces."""

    def __init__(self, opening: bytes, cap: int) -> None:
        self.ended = False
        self._opening = opening
        self._cap = cap
        self._text = bytearray()  # from the start of the current element on
        self._at = 0  # how far it has been looked at
        self._depth = 0
        self._quoted = False
        self._found = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        text = self._text
        text += chunk
        if not self._depth and not self.ended:
            self._open()
        if self._depth:
            yield from self._pieces(text)
        if self.ended and text.strip(_BLANK):
            raise UpstreamError(Fault.NOT_JSON, "Something follows the end of the document.")
        if len(text) > self._cap:
            raise UpstreamError(Fault.TOO_LARGE, f"One element is larger than {self._cap:,} bytes.")

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
                yield self._piece(text[start : at - 1], last=False)
                start = at
            else:
                self._depth -= 1
                if not self._depth:
                    self.ended = True
                    if piece := self._piece(text[start : at - 1], last=True):
                        yield piece
                    start = at
                    break
        del text[:start]
        self._at = at - start

    def _piece(self, text: bytearray, *, last: bool) -> bytes:
        piece = bytes(text.strip(_BLANK))
        if not piece and (self._found or not last):
            raise UpstreamError(Fault.NOT_JSON, "An element between two commas is missing.")
        self._found += 1
        return piece


def _end(pattern: re.Pattern[bytes], text: bytearray, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at


def _split(chunks: Iterable[bytes], opening: bytes, cap: int) -> Iterator[bytes]:
    splitter, begun = _Splitter(opening, cap), False
    for chunk in chunks:
        begun = begun or bool(chunk.strip())
        yield from splitter.feed(chunk)
    if not splitter.ended:
        fault = Fault.TRUNCATED if begun else Fault.NOT_JSON
        raise UpstreamError(fault, "The document ends early." if begun else "The document is empty.")


def elements(chunks: Iterable[bytes], *, cap: int = ELEMENT_CAP) -> Iterator[bytes]:
    """The elements of a bare JSON array, each as its own text, while the chunks arrive.

    Holds one element and one chunk. Elements are cut, not checked: one may still prove unreadable. Raises UpstreamError
    after all elements before the trouble were given: TRUNCATED at an early end, FORM for JSON that is no array,
    NOT_JSON for anything else, TOO_LARGE for an element over ``cap`` bytes.
    """
    return _split(chunks, b"[", cap)


def split_object(body: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """The members of a JSON object, unread; raises UpstreamError FORM, NOT_JSON or TRUNCATED when it is none."""
    try:
        return _object.decode(body)
    except msgspec.ValidationError:
        raise UpstreamError(Fault.FORM, "The document is not an object.") from None
    except _BAD_JSON:
        return _members(bytes(body))


def _members(body: bytes) -> dict[str, msgspec.Raw]:
    members = {}
    for piece in _split([body], b"{", len(body) + 1):
        found = _MEMBER.fullmatch(piece)
        if not found:
            raise UpstreamError(Fault.NOT_JSON, "The document is not JSON.")
        try:
            key = msgspec.json.decode(found[1], type=str)
        except _BAD_JSON:
            continue  # a key that can't be read is not one that is asked for
        members[key] = msgspec.Raw(found[2])
    return members


def split_list(raw: bytes | msgspec.Raw) -> list[msgspec.Raw]:
    """The elements of a JSON array, unread; raises UpstreamError as :func:`elements` does."""
    try:
        return _list.decode(raw)
    except msgspec.ValidationError:
        raise UpstreamError(Fault.FORM, "A list was promised and is none.") from None
    except _BAD_JSON:
        text = bytes(raw)
        return [msgspec.Raw(piece) for piece in _split([text], b"[", len(text) + 1)]


def read_element(raw: bytes | msgspec.Raw) -> dict[str, Any]:
    """An element with all that is in it; raises Unreadable when any part of it is not sound or it is no object."""
    try:
        found = _anything.decode(raw)
    except RecursionError:
        raise Unreadable("It is nested too deep.") from None
    except UnicodeDecodeError:
        raise Unreadable("It is not UTF-8.") from None
    except msgspec.DecodeError as error:
        raise Unreadable(f"It is not sound JSON: {error}.") from None
    if not isinstance(found, dict):
        raise Unreadable("It is not an object.")
    return found


def digest(raw: bytes | msgspec.Raw) -> bytes:
    """16 bytes that are equal when the text is."""
    return hashlib.blake2b(raw, digest_size=16).digest()


def key_of(mark: bytes) -> str:
    """What stands for an element without an id in ``Page.keys``: ``?`` and its digest."""
    return f"?{mark.hex()}"


def broken(
    kind: str, raw: bytes | msgspec.Raw, reason: str, *, id_key: str = "id", external_id: str = ""
) -> BrokenRecord:
    """The record of an element that can't be read, with its id: the one given, or what can still be made out."""
    text = bytes(raw)
    external_id = external_id or _loose_id(text, id_key)
    shown = clean(text.decode("utf-8", "replace").replace("\x00", "\ufffd"), _BROKEN_CAP)
    return BrokenRecord(kind=kind, external_id=external_id, digest=digest(text), raw=shown, reason=reason[:300])


def _loose_id(text: bytes, id_key: str) -> str:
    try:
        members = _members(text)
        return identifier(_anything.decode(members[id_key])) or "" if id_key in members else ""
    except (UpstreamError, *_BAD_JSON):
        return ""
