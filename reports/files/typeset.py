"""A program: a table as JSON on standard input, a PDF on standard output. Typst is loaded here and nowhere else.

The data never become a part of the template's text, so nothing in them can be markup.
"""

import sys

import typst

TAGGED = 400_000  # bytes of data; beyond, the tags that a screen reader follows would make the file many times larger

TEMPLATE = b"""
#let data = json(bytes(sys.inputs.data))
#let quiet = rgb("#5b6470")
#set document(title: data.title)
#set text(lang: data.language, size: 8pt, font: ("DejaVu Sans", "Noto Sans", "Liberation Sans", "Libertinus Serif"))
#let count = data.columns.len()
#set page(
  paper: if count > 16 { "a3" } else { "a4" },
  flipped: true,
  margin: (x: 12mm, top: 13mm, bottom: 14mm),
  footer: context [
    #set text(size: 7pt, fill: quiet)
    #data.made #h(1fr) #data.page #counter(page).display("1 / 1", both: true)
  ],
)
#heading(level: 1, text(size: 15pt, data.title))
#v(4pt)
#if data.warning != "" {
  block(fill: rgb("#fbeee9"), inset: 6pt, radius: 2pt, text(fill: rgb("#a63a1b"), data.warning))
}
#grid(columns: (auto, 1fr), column-gutter: 10pt, row-gutter: 4pt,
  ..data.facts.map(line => (text(fill: quiet, line.at(0)), line.at(1, default: ""))).flatten())
#v(6pt)
#set text(size: if count > 9 { 6.5pt } else { 7.5pt })
#table(
  columns: data.weights.map(weight => weight * 1fr),
  align: (place, _row) => if data.right.at(place) { right } else { left },
  stroke: (_place, row) => if row == 0 { (bottom: 0.7pt) } else { (bottom: 0.25pt + rgb("#d9dde0")) },
  inset: (x: 3pt, y: 2.6pt),
  table.header(repeat: true, ..data.columns.map(name => strong(name))),
  ..data.rows.flatten(),
  ..data.total.map(cell => strong(cell)),
)
#if data.definitions.len() > 0 [
  #v(8pt)
  #heading(level: 2, text(size: 10pt, data.definitions_title))
  #v(3pt)
  #grid(columns: (1fr, 4fr), column-gutter: 10pt, row-gutter: 4pt,
    ..data.definitions.map(pair => (strong(pair.at(0)), pair.at(1))).flatten())
]
"""


def typeset(data: bytes) -> bytes:
    inputs = {"data": data.decode()}
    return bytes(typst.compile(TEMPLATE, format="pdf", sys_inputs=inputs, pdf_tags=len(data) < TAGGED) or b"")


if __name__ == "__main__":
    sys.stdout.buffer.write(typeset(sys.stdin.buffer.read()))
