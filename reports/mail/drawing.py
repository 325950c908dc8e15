"""Draws boxes and words as a PNG: Typst sets it, with the font that it brings, so the same drawing gives the same bytes
on every machine. The ground is transparent, for light and dark mails.

Typst sets so small a page in milliseconds and keeps nothing of it, so it runs in this process and not in one of its own
as for the pages of a PDF. What is drawn comes to the template as data and cannot be markup.
"""

import json
import logging
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

logger = logging.getLogger("ringbook.mail")

WIDTH = 328  # of what a telephone of 360 pixels has for a mail
SHARP = 144  # dots for an inch: two for each pixel, as telephones have
TEMPLATE = b"""
#let data = json(bytes(sys.inputs.data))
#set page(width: data.width * 1pt, height: data.height * 1pt, margin: 0pt, fill: none)
#set text(size: 10pt, font: "DejaVu Sans Mono", fill: rgb(data.ink), top-edge: "cap-height", bottom-edge: "baseline")
#for each in data.boxes {
  place(top + left, dx: each.left * 1pt, dy: each.top * 1pt,
    rect(width: each.width * 1pt, height: each.height * 1pt, fill: rgb(each.colour)))
}
#for each in data.words {
  let shift = if each.side == "left" { 0 } else { -150 }
  let side = if each.side == "left" { left } else { center }
  place(top + left, dx: (each.at + shift) * 1pt, dy: each.top * 1pt, box(width: 300pt, align(side, each.text)))
}
"""


@dataclass(frozen=True, slots=True)
class Box:
    left: float
    top: float
    width: float
    height: float
    colour: str


@dataclass(frozen=True, slots=True)
class Word:
    """A text whose beginning or middle is ``at`` so many pixels from the left."""

    at: float
    top: float
    text: str
    side: Literal["left", "middle"] = "middle"


@dataclass(frozen=True, slots=True)
class Drawing:
    height: float
    boxes: tuple[Box, ...]
    words: tuple[Word, ...]


def png(drawing: Drawing, ink: str) -> bytes | None:
    """Twice as many dots as pixels in each direction. None where Typst is not installed or cannot: a mail is whole
    without it."""
    if find_spec("typst") is None:
        return None
    typst: Any = import_module("typst")
    data = json.dumps(asdict(drawing) | {"width": WIDTH, "ink": ink}, ensure_ascii=False)
    try:
        made = typst.compile(TEMPLATE, format="png", ppi=SHARP, ignore_system_fonts=True, sys_inputs={"data": data})
    except RuntimeError:
        logger.exception("a chart could not be drawn")
        return None
    return bytes(made)
