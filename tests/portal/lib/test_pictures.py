"""Pictures are known by what they are, and rebuilt of what draws in them."""

import struct
import zlib

import pytest

from portal.lib.pictures import MOST_BYTES, NotAPicture, rebuilt


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 2, height: int = 1, *more: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    lines = zlib.compress((b"\0" + b"\x0b\x6b\x62" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + b"".join([chunk(b"IHDR", head), *more, chunk(b"IDAT", lines), chunk(b"IEND", b"")])


def jpeg(*segments: bytes, frame: bytes = b"\xff\xc0") -> bytes:
    frame += struct.pack(">HBHHB", 11, 8, 1, 1, 1) + b"\1\x11\0"
    scan = b"\xff\xda" + struct.pack(">H", 8) + b"\1\1\0\0\x3f\0" + b"\x12\xff\0\x34\xff\xd0\x56"
    return b"".join([b"\xff\xd8", *segments, frame, scan, b"\xff\xd9"])


def webp(*more: bytes) -> bytes:
    drawn = b"\x2f\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\x07\0"  # lossless, one pixel
    body = b"WEBPVP8L" + struct.pack("<I", len(drawn)) + drawn + b"".join(more)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def test_a_png_keeps_what_draws_and_nothing_else() -> None:
    place = chunk(b"tEXt", b"Comment\0taken at home")
    assert rebuilt(png(2, 1, place) + b"<script>alert(1)</script>") == ("image/png", png())


def test_a_jpeg_keeps_what_draws_and_nothing_else() -> None:
    exif, comment = b"\xff\xe1\0\x08Exif\0\0", b"\xff\xfe\0\x06text"
    assert rebuilt(jpeg(exif, comment) + b"<script>alert(1)</script>") == ("image/jpeg", jpeg())


def test_a_webp_keeps_what_draws_and_nothing_else() -> None:
    assert rebuilt(webp(b"EXIF\x04\0\0\0home") + b"<script>") == ("image/webp", webp())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
        b"GIF89a\1\0\1\0",
        b"\x89PNG\r\n\x1a\n",
        png()[:-3],
        png().replace(b"IDAT", b"IDAX"),  # a checksum that is wrong
        png(2_001, 1),
        png(0, 1),
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff",
        jpeg()[:-6],
        jpeg(frame=b"\xff\xc9"),  # of a kind that browsers do not draw
        b"RIFF\x04\0\0\0WEBP",
        webp()[:24],
        webp(b"ANIM\x04\0\0\0\0\0\0\0"),
        png() + b"0" * MOST_BYTES,
    ],
)
def test_what_is_no_picture(content) -> None:
    with pytest.raises(NotAPicture):
        rebuilt(content)


@pytest.mark.parametrize("whole", [png(), jpeg(), webp()])
def test_no_damage_is_worse_than_a_refusal(whole) -> None:
    for place in range(len(whole)):
        for damaged in (whole[:place], whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]):
            try:
                kind, content = rebuilt(damaged)
            except NotAPicture:
                continue
            assert rebuilt(content) == (kind, content)
