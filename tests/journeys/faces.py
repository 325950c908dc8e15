"""Reading figures back out of what a person gets: a page's HTML, a mail in both its forms, a CSV."""

import csv
import io
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

from tests.journeys.truth import VendorCall


@dataclass
class Square:
    """A cell of a table: its text, line by line, the addresses it links to and the raw values it carries."""

    text: str = ""
    links: list[dict[str, str]] = field(default_factory=list)
    values: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        return [" ".join(line.split()) for line in self.text.split("\n") if line.strip()]

    @property
    def first(self) -> str:
        return self.lines[0] if self.lines else ""


class Sheet(HTMLParser):
    """``figures``: raw values by metric. ``tables``: rows of squares of each table, under the section it stands in."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.figures: dict[str, str] = {}
        self.tables: dict[str, list[list[Square]]] = {}
        self.text = ""
        self._metric = ""
        self._section = ""
        self._square: Square | None = None
        self._rows: list[list[Square]] = []
        self._drawn = 0  # tables within a square, which only draw
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if self._drawn or given.get("class") == "gauge":
            self._drawn += tag == "table"
        elif tag == "section":
            self._section = given.get("id") or given.get("aria-labelledby", "")
        elif tag == "table":
            self._rows = self.tables.setdefault(self._section, [])
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th") and self._rows:
            self._square = Square()
            self._rows[-1].append(self._square)
        elif tag == "br" and self._square is not None:
            self._square.text += "\n"
        elif tag == "a" and self._square is not None and given.get("href"):
            query = parse_qs(urlsplit(given["href"]).query)
            self._square.links.append({name: values[0] for name, values in query.items()})
        elif tag == "details" and given.get("data-metric"):
            self._metric = given["data-metric"]
        elif tag == "data":
            if self._square is not None:
                self._square.values.append(given["value"])
            if self._metric:
                self.figures[self._metric] = given["value"]
                self._metric = ""

    def handle_endtag(self, tag: str) -> None:
        if self._drawn:
            self._drawn -= tag == "table"
        elif tag in ("td", "th"):
            self._square = None

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._square is not None:
            self._square.text += data


def number(raw: str) -> float | None:
    return float(raw) if raw else None


def page_days(page: Sheet) -> dict[str, tuple[int, int]]:
    """Attempts and connected calls of each day, from the table beside the chart."""
    head, *rows = page.tables["trend"]
    names = [square.first for square in head]
    attempts, connected = names.index("Attempts"), names.index("connected")
    return {
        row[0].links[0]["date_from"]: (_whole(row[attempts].text), _whole(row[connected].text))
        for row in rows
        if row and row[0].links
    }


def page_agents(page: Sheet) -> dict[str, list[float | None]]:
    """Attempts, connect rate, average duration and talk time of each agent, by public id."""
    rows = [row for row in page.tables["agents"] if row and row[0].links and "agent" in row[0].links[0]]
    return {
        row[0].links[0]["agent"]: [number(value) for square in row[1:5] for value in square.values]
        for row in rows
    }  # fmt: skip


def page_hours(page: Sheet) -> dict[tuple[int, int], int]:
    """Attempts by weekday (Monday is 1) and hour; only the squares that hold any."""
    head, *rows = page.tables["hours"]
    hours = [int(square.first) for square in head[1:]]
    return {
        (weekday, hour): _whole(square.text)
        for weekday, row in enumerate(rows, 1)
        for hour, square in zip(hours, row[1:], strict=True)
        if square.first
    }


@dataclass
class Mail:
    """A report's figures: by label the lines of its tables, each a list of texts; ``said`` are its sentences."""

    subject: str
    text: str
    html: str
    headlines: dict[str, list[str]]
    agents: list[list[str]]
    days: list[list[str]]
    hours: list[list[str]]
    sources: list[list[str]]
    campaigns: list[list[str]]
    said: str


def mail_of_text(subject: str, text: str, html: str) -> Mail:
    """As its plain part says it: under each heading a line for each row, with what each figure is."""
    sections = {block[0]: block[1:] for block in (block.split("\n") for block in text.split("\n\n"))}
    labelled = {
        heading: [line.removeprefix("- ").split(": ", 1) for line in lines if ": " in line]
        for heading, lines in sections.items()
    }
    headlines = {}
    for label, figures in labelled["MAIN FIGURES"]:
        now, before, usual = figures.split(" · ")
        headlines[label] = [now.split(" (")[0], before.split(": ", 1)[1], usual.split(": ", 1)[1]]
    hours = labelled.get("CALLS BY HOUR AND WEEKDAY", [])
    counts = [(hour, dict(pair.rsplit(" ", 1) for pair in line.split(" · ") if " " in pair)) for hour, line in hours]
    agents = labelled.get("AGENTS, WORST CHANGE FIRST", [])
    return Mail(
        subject, text, html, headlines,
        [[name, *_figures(line)] for name, line in agents],
        [[day, *_day(line)] for day, line in labelled["DAY BY DAY"]],
        [[hour, *(told.get(day, "·") for day in WEEKDAYS)] for hour, told in counts],
        [[name, *_figures(line)] for name, line in labelled.get("CALLBACKS, BY THE AGENT THAT HAD CALLED", [])],
        [[name, *(part.rsplit(" ", 1)[1] for part in line.split(" · "))]
         for name, line in labelled.get("CAMPAIGNS IN PROGRESS", [])],
        text,
    )  # fmt: skip


WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _figures(line: str) -> list[str]:
    """The figures of a line, each without the words around it."""
    return [re.sub(r"^(after|average length) | (calls?|callbacks?|connected)\b.*$| in the median$", "", part)
            for part in line.split(" · ")]  # fmt: skip


def _day(line: str) -> list[str]:
    """Calls, rate and callbacks; a dash for what a day has none of."""
    parts = line.split(" · ")
    of = {word: next((part for part in parts if re.search(rf" {word}s?$", part)), "–") for word in
          ("call", "connected", "callback")}  # fmt: skip
    return [part.rsplit(" ", 1)[0] for part in of.values()]


HEADINGS = ("Agent", "Agent that had called", "Day", "Campaign")  # the first ones of its tables, besides empty ones


def mail_of_html(subject: str, text: str, html: str) -> Mail:
    """As its HTML shows it."""
    sheet = Sheet(html)
    rows = [[square.first for square in row] for row in sheet.tables[""] if len(row) > 1]
    starts = [at for at, row in enumerate(rows) if not row[0] or row[0] in HEADINGS]
    tables = {}
    for at, until in zip(starts, [*starts[1:], len(rows)], strict=True):
        name = rows[at][0] or ("hours" if set(rows[at][1:]) <= set(WEEKDAYS) else "headlines")
        tables[name] = rows[at + 1 : until]
    return Mail(
        subject, text, html, {row[0]: row[1:] for row in tables["headlines"]}, tables.get("Agent", []),
        [[row[0], *row[2:]] for row in tables["Day"]], tables.get("hours", []),
        tables.get("Agent that had called", []), tables.get("Campaign", []), " ".join(sheet.text.split()),
    )  # fmt: skip


def csv_calls(body: str, vendors: dict[str, str]) -> list[VendorCall]:
    """The rows of a CSV as calls. ``vendors``: the vendor of each environment, by its public id."""

    def moment(text: str) -> datetime | None:
        return datetime.fromisoformat(text).astimezone(UTC) if text else None

    found = []
    for row in csv.DictReader(io.StringIO(body)):
        start = moment(row["started_at"])
        assert start is not None
        found.append(
            VendorCall(
                row["external_id"], vendors[row["environment"]], row["agent"], start, row["direction"],
                row["status"], row["outcome"], row["contact"], number(row["duration"]), number(row["billed_duration"]),
                moment(row["answered_at"]),
            )
        )  # fmt: skip
    return found


def _whole(text: str) -> int:
    return int(text.strip().replace(",", ""))
