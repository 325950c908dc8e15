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
#let drawn(chart) = {
  let (high, side) = (40mm, 16mm)
  v(8pt)
  heading(level: 2, text(size: 10pt, chart.title))
  v(2pt)
  set text(size: 6.5pt, fill: quiet)
  for (colour, name) in chart.legend {
    box(width: 6pt, height: 6pt, fill: rgb(colour)) + h(3pt) + name + h(10pt)
  }
  pdf.artifact(block(width: 100%, height: high + 20pt, breakable: false, inset: (top: 6pt), layout(size => {
    let wide = size.width - side
    let at(x, y) = (side + wide * x, high * (1 - y))
    for (y, name) in chart.ticks {
      place(top + left, dy: high * (1 - y), line(start: (side, 0pt), length: wide, stroke: 0.25pt + rgb("#d9dde0")))
      place(top + left, dy: high * (1 - y) - 3pt, box(width: side - 4pt, align(right, name)))
    }
    for (x, width, from, to, colour) in chart.bars {
      let (dx, dy) = at(x, to)
      place(top + left, dx: dx, dy: dy, rect(width: wide * width, height: high * (to - from), fill: rgb(colour)))
    }
    for (colour, points) in chart.lines {
      for (one, next) in points.zip(points.slice(1)) {
        place(top + left, line(start: at(..one), end: at(..next), stroke: 1pt + rgb(colour)))
      }
      for point in points {
        let (dx, dy) = at(..point)
        place(top + left, dx: dx - 1.2pt, dy: dy - 1.2pt, circle(radius: 1.2pt, fill: rgb(colour)))
      }
    }
    for (x, name) in chart.labels {
      place(top + left, dx: side + wide * x - 60pt, dy: high + 4pt, box(width: 120pt, align(center, name)))
    }
  })))
}
#let heading_of(name) = {
  // A word that is wider than its column is divided, and no other one.
  set par(linebreaks: "optimized")
  text(hyphenate: true, costs: (hyphenation: 10000%), name)
}
#if data.chart != none { drawn(data.chart) }
#v(6pt)
#set text(size: if count > 9 { 6.5pt } else { 7.5pt })
#table(
  columns: data.weights.map(weight => weight * 1fr),
  align: (place, _row) => if data.right.at(place) { right } else { left },
  stroke: (_place, row) => if row == 0 { (bottom: 0.7pt) } else { (bottom: 0.25pt + rgb("#d9dde0")) },
  inset: (x: 3pt, y: 2.6pt),
  table.header(repeat: true, ..data.columns.map(name => strong(heading_of(name)))),
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
