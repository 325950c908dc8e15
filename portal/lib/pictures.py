"""Pictures that strangers send: PNG, JPEG or WebP by what they are, rebuilt of the parts that draw.

What a picture carries besides - where it was taken, texts, profiles, animations, whatever follows its end - stays out.
SVG is a document that may run scripts, and is none of the three.
"""

import struct
import zlib
from collections.abc import Iterator

MOST_BYTES = 200_000
MOST_PIXELS = 2_000  # on a side

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_DRAWS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
_WEBP_DRAWS = {b"VP8X", b"VP8 ", b"VP8L", b"ALPH"}
_JPEG_FRAMES = {0xC0, 0xC1, 0xC2}
_JPEG_DRAWS = {0xC4, 0xDB, 0xDD, 0xEE, *_JPEG_FRAMES}  # tables, and Adobe's word on how colours are meant
_SOS, _EOI = 0xDA, 0xD9
_ALPHA = 0x10


class NotAPicture(ValueError):
    """It is none of the three kinds, is damaged, or is too large."""


def rebuilt(content: bytes) -> tuple[str, bytes]:
    """Its media type, and the picture anew. Raises :class:`NotAPicture`."""
    if len(content) > MOST_BYTES:
        raise NotAPicture
    try:
        if content.startswith(_PNG):
            return "image/png", _png(content)
        if content.startswith(b"\xff\xd8"):
            return "image/jpeg", _jpeg(content)
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            return "image/webp", _webp(content)
    except (struct.error, IndexError) as error:  # it ends before its end
        raise NotAPicture from error
    raise NotAPicture


def _demand_size(width: int, height: int) -> None:
    if not (0 < width <= MOST_PIXELS and 0 < height <= MOST_PIXELS):
        raise NotAPicture


def _png(content: bytes) -> bytes:
    kept = [_PNG]
    for place, (kind, data) in enumerate(_png_chunks(content)):
        if (place == 0) != (kind == b"IHDR"):
            raise NotAPicture
        if place == 0:
            _demand_size(*struct.unpack(">II", data[:8]))
        if kind in _PNG_DRAWS:
            kept.append(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
    return b"".join(kept)


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Up to the one that ends it. A checksum that is wrong is a damage."""
    place, kind = len(_PNG), b""
    while kind != b"IEND":
        [length] = struct.unpack_from(">I", content, place)
        kind, data = content[place + 4 : place + 8], content[place + 8 : place + 8 + length]
        if struct.unpack_from(">I", content, place + 8 + length)[0] != zlib.crc32(kind + data):
            raise NotAPicture
        yield kind, data
        place += 12 + length


def _jpeg(content: bytes) -> bytes:
    kept, place, sized = [b"\xff\xd8"], 2, False
    while content[place + 1] != _EOI:
        marker = content[place + 1]
        if content[place] != 0xFF or marker < 0xC0:
            raise NotAPicture
        end = place + 2 + struct.unpack_from(">H", content, place + 2)[0]
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", content, place + 5)
            _demand_size(width, height)
            sized = True
        if marker == _SOS:
            end = _scan_end(content, end)
        if marker in _JPEG_DRAWS or marker == _SOS:
            kept.append(content[place:end])
        place = end
    if not sized:
        raise NotAPicture
    return b"".join([*kept, b"\xff\xd9"])


def _scan_end(content: bytes, place: int) -> int:
    """Where the marker after a scan stands; those within one are escapes and restarts."""
    while True:
        place = content.find(b"\xff", place)
        if place < 0:
            raise NotAPicture
        if content[place + 1] and not 0xD0 <= content[place + 1] <= 0xD7:
            return place
        place += 2


def _webp(content: bytes) -> bytes:
    kept, place, sized = [], 12, False
    end = min(len(content), 8 + struct.unpack_from("<I", content, 4)[0])
    while place + 8 <= end:
        kind = content[place : place + 4]
        [length] = struct.unpack_from("<I", content, place + 4)
        data = content[place + 8 : place + 8 + length]
        if len(data) < length or kind in (b"ANIM", b"ANMF"):
            raise NotAPicture
        if kind in (b"VP8X", b"VP8 ", b"VP8L"):
            _demand_size(*_webp_size(kind, data))
            sized = True
        if kind == b"VP8X":
            data = bytes([data[0] & _ALPHA]) + data[1:]
        if kind in _WEBP_DRAWS:
            kept.append(kind + struct.pack("<I", length) + data + b"\0" * (length % 2))
        place += 8 + length + length % 2
    if not sized or not any(chunk[:4] in (b"VP8 ", b"VP8L") for chunk in kept):
        raise NotAPicture
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _webp_size(kind: bytes, data: bytes) -> tuple[int, int]:
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[4:7], "little"), 1 + int.from_bytes(data[7:10], "little")
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 6)
        return width & 0x3FFF, height & 0x3FFF
    bits = int.from_bytes(data[1:5], "little")
    return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
