"""What each format promises: never cut, typed, and with the facts beside the rows."""

import io
import json
import re
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
import python_calamine
from django.utils import translation
from django.utils.translation import gettext, gettext_lazy

from reports.files import as_csv, as_parquet, as_pdf, as_xlsx
from reports.files.formats import FORMATS
from reports.files.table import Column, Kind, TooLarge
from tests.reports.files import tables

TOTAL = (None, None, None, None, 30, 30, 41.5, 3.25, None)


def written(writer, rows, *, total=None, **how):
    out = io.BytesIO()
    told = writer.write(tables.table(iter(rows), expected=len(rows), total=total), out, **how)
    out.seek(0)
    return out, told


def sheets(out):
    book = python_calamine.CalamineWorkbook.from_filelike(out)
    return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}


def test_rows_beyond_a_sheet_go_on_on_the_next():
    rows = [tables.row(number) for number in range(25)]
    out, told = written(as_xlsx, rows, sheet_rows=11)  # ten and the header
    found = sheets(out)
    assert told.rows == 25
    assert list(found) == ["Calls   a b", "Calls   a b  2", "Calls   a b  3", "About"]
    data = list(found.values())[:3]
    assert [len(sheet) for sheet in data] == [11, 11, 6]
    assert {tuple(sheet[0]) for sheet in data} == {tuple(data[0][0])}
    assert [row[1] for sheet in data for row in sheet[1:]] == [row[1] for row in rows]
    about = {line[0]: line[1] for line in found["About"]}
    assert (about["Rows"], about["Sheets of rows"]) == (25, 3)


@pytest.mark.parametrize("count", [0, 10])
def test_a_sheet_that_is_just_full_has_none_after_it(count):
    out, told = written(as_xlsx, [tables.row(number) for number in range(count)], sheet_rows=11)
    found = sheets(out)
    assert list(found) == ["Calls   a b", "About"]
    assert (told.rows, len(found["Calls   a b"])) == (count, count + 1)


def test_the_last_sheet_says_what_the_rows_rest_on():
    out, _told = written(as_xlsx, [tables.row(1)], total=TOTAL)
    lines = sheets(out)["About"]
    text = {line[0]: line[1] for line in lines if line[0]}
    assert text["Period"] == "1–8 Jul 2026"
    assert text["Gap"] == "Sales · calls · 3 Jul 2026"
    assert (text["Attempts"], text["Connect rate (%)"]) == (30, 41.5)
    assert ["Connect rate", "Share of calls", "a ÷ b", "%", 10] in [line[:5] for line in lines]
    assert text["As the API asks it"] == "date_from=2026-07-01&zone=America/Sao_Paulo"


def test_dates_and_numbers_are_such_in_the_asked_zone():
    out, _told = written(as_xlsx, [tables.row(7)])
    cells = sheets(out)["Calls   a b"][1]
    assert cells[2] == tables.MOMENT.astimezone(ZoneInfo("America/Sao_Paulo")).replace(tzinfo=None)
    assert cells[3] == date(2026, 7, 8)
    assert cells[4:] == [7, 7, 7 / 3, 7 / 8, 1]


def test_a_text_longer_than_a_cell_says_that_it_is_cut():
    out, told = written(
        as_xlsx, [tables.row(0, "é" * 40_000), tables.row(1, "👩" * 20_000), tables.row(2, "x" * 32_767)]
    )
    cells = [row[0] for row in sheets(out)["Calls   a b"][1:]]
    assert [len(cell.encode("utf-16-le")) // 2 for cell in cells] == [32_767, 32_767, 32_767]
    assert [cell[-1] for cell in cells] == ["…", "…", "x"]
    assert told.notes[0].startswith("2 texts are longer")


def test_parquet_is_typed_and_tells_its_facts():
    rows = [tables.row(number) for number in range(45)] + tables.hostile_rows()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(as_parquet, "GROUP", 20)
        out, told = written(as_parquet, rows, total=TOTAL)
    file = pq.ParquetFile(out)
    assert file.num_row_groups == 4
    assert told.rows == file.metadata.num_rows == len(rows)
    kinds = {field.name: str(field.type) for field in file.schema_arrow}
    assert kinds == {
        "name": "string",
        "number": "string",
        "started_at": "timestamp[us, tz=UTC]",
        "day": "date32[day]",
        "attempts": "double",
        "attempts_n": "int64",
        "connect_rate": "double",
        "duration": "double",
        "is_test": "bool",
    }
    found = file.read().to_pylist()
    assert [tuple(row.values()) for row in found] == rows
    facts = json.loads(file.metadata.metadata[b"ringbook"])
    assert (facts["rows"], facts["zone"], facts["complete"]) == (len(rows), "America/Sao_Paulo", False)
    assert facts["total"]["connect_rate"] == 41.5
    assert facts["definitions"]["connect_rate"]["formula"] == "a ÷ b"
    assert facts["params"]["date_from"] == "2026-07-01"


def test_a_pdf_holds_hostile_text_and_refuses_what_nobody_reads():
    rows = tables.hostile_rows()
    with translation.override("pt-br"):
        out, told = written(as_pdf, rows, total=TOTAL)
    assert out.read(5) == b"%PDF-"
    assert told.rows == len(rows)
    with pytest.raises(TooLarge, match="6,251"):
        written(as_pdf, [tables.row(number) for number in range(6_251)])
    table = tables.table(iter(tables.row(number) for number in range(6_252)))  # nobody said how many there are
    with pytest.raises(TooLarge):
        as_pdf.write(table, io.BytesIO())


def parts_of(out):
    out.seek(0)
    with zipfile.ZipFile(out) as book:
        return book.read("xl/worksheets/sheet1.xml").decode(), book.read("xl/styles.xml").decode()


def test_columns_of_a_workbook_are_as_wide_as_their_content_and_headers_stand_beside_their_buttons():
    long, short = "a name of some forty characters, or so it", "Ana"
    out, _told = written(as_xlsx, [tables.row(1, long), tables.row(2, short)])
    sheet, _styles = parts_of(out)
    widths = [float(width) for width in re.findall(r'<col [^>]*?width="([\d.]+)"', sheet)]
    headers = [column.header_in("America/Sao_Paulo") for column in tables.COLUMNS]
    assert len(widths) == len(headers)
    assert len(long) < widths[0] < len(long) + 8
    assert all(len(word) + as_xlsx.BUTTON <= width for width, text in zip(widths, headers, strict=True)
               for word in text.split())  # fmt: skip
    height = re.search(r'<row r="1"[^>]*? ht="([\d.]+)"', sheet)[1]
    lines = max(as_xlsx._lines(header, width) for header, width in zip(headers, widths, strict=True))
    assert 1 < lines <= as_xlsx.MOST_LINES
    assert float(height) >= lines * 15


def test_dates_of_a_workbook_stand_under_their_headings():
    out, _told = written(as_xlsx, [tables.row(1, "Ana")])
    sheet, styles = parts_of(out)
    formats = re.findall(r"<xf .*?(?:/>|</xf>)", styles.partition("<cellXfs")[2])
    for cell, left in {"C2": True, "D2": True, "E2": False, "F2": False}.items():
        style = formats[int(re.search(rf'<c r="{cell}" s="(\d+)"', sheet)[1])]
        assert ('horizontal="left"' in style) == left, cell


def test_a_workbook_says_values_in_words_and_marks_what_rests_on_few_calls():
    columns = (
        Column("status", "Status", words={"no-answer": "no answer", None: "not given"}),
        Column("rate", "Rate (%)", Kind.PERCENT, marked_by=("rate_small",)),
        Column("rate_small", "Rate: n too small", Kind.FLAG),
        Column("attempts", "Attempts", Kind.COUNT),
    )
    rows = [("no-answer", 12.5, False, 4_321), (None, 50.0, True, 2), ("vendor's own", None, True, 0)]
    table = replace(tables.table(rows, expected=3), columns=columns)
    out = io.BytesIO()
    told = as_xlsx.write(table, out)
    out.seek(0)
    cells = sheets(out)["Calls   a b"][1:]
    assert [row[0] for row in cells] == ["no answer", "not given", "vendor's own"]
    assert [row[1] for row in cells] == [12.5, 50, ""]
    sheet, styles = parts_of(out)
    marked, plain = (re.search(rf'<c r="{cell}" s="(\d+)"', sheet)[1] for cell in ("B3", "B2"))
    codes = dict(re.findall(r'<numFmt numFmtId="(\d+)" formatCode="([^"]*)"', styles))
    formats = re.findall(r'<xf numFmtId="(\d+)"', styles.partition("<cellXfs")[2])
    assert codes[formats[int(marked)]] == "#,##0.0&quot;\xa0*&quot;"
    assert codes[formats[int(plain)]] == "#,##0.0"
    assert codes[formats[int(re.search(r'<c r="D2" s="(\d+)"', sheet)[1])]] == "#,##0"
    assert told.notes == ("* rests on too few calls to say much.",)


def test_programs_get_the_api_s_words_and_people_those_of_their_spreadsheet():
    columns = (
        Column("status", "Status", words={"no-answer": gettext_lazy("no answer"), None: gettext_lazy("not given")}),
        Column("is_testing", "Test call", Kind.FLAG),
    )
    table = replace(tables.table((), expected=2), columns=columns)

    def text(dialect, language):
        out = io.BytesIO()
        with translation.override(language):
            as_csv.write(replace(table, rows=[("no-answer", True), (None, False)]), out, dialect=dialect)
        return out.getvalue().decode()

    assert text("csv", "pt-br") == text("", "en") == "status,is_testing\r\nno-answer,true\r\n,false\r\n"
    with translation.override("pt-br"):
        word, nothing = gettext("no answer"), gettext("not given")
    assert text("excel-pt", "pt-br").endswith(f'"{word}";"sim"\r\n"{nothing}";"não"\r\n')
    assert word != "no answer"
    assert text("excel", "en").endswith('"no answer","yes"\r\n"not given","no"\r\n')


def test_every_format_has_a_writer_and_every_kind_a_form():
    assert {form.key for form in FORMATS.values()} == set(FORMATS)
    assert all(callable(form.writer) for form in FORMATS.values())
    assert {kind for kind in Kind if kind.is_number} <= {*as_xlsx._FORMATS, Kind.FIGURE}


@pytest.mark.parametrize("count", [0, 1, 12])
def test_a_sheet_ends_with_its_last_row(count):
    out, _told = written(as_xlsx, [tables.row(number) for number in range(count)])
    with zipfile.ZipFile(out) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
    assert [int(row) for row in re.findall(r'<row r="(\d+)"', sheet)] == list(range(1, count + 2))


def test_a_moment_before_excels_calendar_is_a_text():
    old = (*tables.row(1)[:2], datetime(1890, 1, 1, 12, tzinfo=UTC), *tables.row(1)[3:])
    out, _told = written(as_xlsx, [old])
    assert str(sheets(out)["Calls   a b"][1][2]).startswith("1890-01-01")
