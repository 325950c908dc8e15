"""Files as a spreadsheet opens them: LibreOffice, headless, in its own Portuguese or English. No formula runs, every
cell is what was written, +55 numbers are whole.
"""

import io
import shutil
import subprocess
from zoneinfo import ZoneInfo

import pytest
import python_calamine
from django.utils import translation

from reports.files import as_csv, as_xlsx
from tests.reports.files import tables

SOFFICE = shutil.which("soffice") or shutil.which("libreoffice")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(SOFFICE is None, reason="LibreOffice is not installed, so nothing can be opened with it"),
]
ZONE = ZoneInfo("America/Sao_Paulo")
LANGUAGES = {"csv": 1033, "excel": 1033, "excel-pt": 1046}
YES_OR_NO = {"excel": ("no", "yes"), "excel-pt": ("não", "sim")}
CELL = 32_000  # what LibreOffice hands on of a text that no cell of Excel holds


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """``office(path, filter)``: the sheets of a file as LibreOffice understood it, and what of it were formulas."""
    home = tmp_path_factory.mktemp("office")

    def opened(path, how=""):
        command = [SOFFICE, "--headless", f"-env:UserInstallation=file://{home}/profile"]
        command += [f"--infilter={how}"] if how else []
        for form in ("xlsx", "fods"):
            subprocess.run(
                [*command, "--convert-to", form, "--outdir", str(home / form), str(path)],
                check=True,
                capture_output=True,
                timeout=180,
            )
        book = python_calamine.load_workbook(str(home / "xlsx" / f"{path.stem}.xlsx"))
        flat = (home / "fods" / f"{path.stem}.fods").read_text(encoding="utf-8")
        sheets = {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in book.sheet_names}
        return sheets, flat.count("table:formula=")

    return opened


def written(writer, path, **how):
    rows = tables.hostile_rows()
    out = io.BytesIO()
    writer.write(tables.table(iter(rows), expected=len(rows)), out, **how)
    path.write_bytes(out.getvalue())
    return rows


def local(moment):
    return moment.astimezone(ZONE).replace(tzinfo=None)


@pytest.mark.parametrize("language", [1033, 1046])
@pytest.mark.parametrize("separators", ["44", "59", "44/59/9"])
def test_no_csv_runs_a_formula_however_it_is_split(office, tmp_path, language, separators):
    """Whoever opens a file with another's separators sees its texts in pieces, and no piece begins like a formula."""
    for dialect in as_csv.DIALECTS:
        path = tmp_path / f"{dialect}-{language}.csv"
        written(as_csv, path, dialect=dialect)
        for quote in ("34", ""):
            _sheets, formulas = office(path, f"CSV:{separators},{quote},76,1,,{language},false,true")
            assert formulas == 0, (dialect, quote)


@pytest.mark.parametrize("dialect", ["excel", "excel-pt"])
def test_a_csv_opens_as_it_was_written(office, tmp_path, dialect):
    path = tmp_path / f"{dialect}.csv"
    with translation.override("pt-br" if dialect == "excel-pt" else "en"):
        rows = written(as_csv, path, dialect=dialect)
    delimiter = ord(as_csv.DIALECTS[dialect].delimiter)
    # Separator, quote, UTF-8, first row, all columns as they come, language, "quoted is text", dates are known as such.
    sheets, formulas = office(path, f"CSV:{delimiter},34,76,1,,{LANGUAGES[dialect]},true,true")
    assert formulas == 0
    (found,) = sheets.values()
    headers = [column.header for column in tables.COLUMNS]
    headers[2] = "Started (São Paulo)"
    assert found[0] == headers
    assert len(found) == len(rows)  # the last row of the table is empty
    for row, cells in zip(rows[:-1], found[1:], strict=True):
        name, number, moment, day, attempts, _n, rate, duration, is_test = row
        assert plain(cells[0])[:CELL] == plain(as_csv.safe(name))[:CELL]
        assert cells[1] == number  # +55 and all its digits, a text
        assert cells[2] == local(moment).replace(microsecond=0)  # a date with its time, no text
        assert str(cells[3]) == day.isoformat()
        assert (cells[4], cells[6], cells[7]) == (attempts, pytest.approx(rate, rel=1e-14), duration)
        assert cells[8] == YES_OR_NO[dialect][is_test]


def test_a_workbook_opens_as_it_was_written(office, tmp_path):
    path = tmp_path / "book.xlsx"
    rows = written(as_xlsx, path)
    sheets, formulas = office(path)
    assert formulas == 0
    assert list(sheets) == ["Calls   a b", "About"]
    found = sheets["Calls   a b"]
    headers = [column.header for column in tables.COLUMNS]
    headers[2] = "Started (São Paulo)"
    assert found[0] == headers
    assert len(found) == len(rows)  # the last row of the table is empty
    for row, cells in zip(rows[:-1], found[1:], strict=True):
        text, _whole = as_xlsx.fitted(row[0])
        assert plain(cells[0]) == plain(text)
        assert cells[1] == row[1]
        assert abs((cells[2] - local(row[2])).total_seconds()) < 0.001
        assert cells[3] == row[3]
        assert cells[4:8] == [row[4], row[5], pytest.approx(row[6], rel=1e-14), row[7]]
        assert cells[8] == int(row[8])  # a number that shows as yes or no
    about = {line[0]: line[1] for line in sheets["About"] if line[0]}
    assert about["Agent"] == "=1+1"
    assert about["Rows"] == len(rows)
    assert about["Time zone"] == "America/Sao Paulo"
    assert "32,767" in about["Note"]


def plain(text):
    """LibreOffice keeps no NUL and no carriage return, and calls a missing text empty."""
    return str(text).replace("\0", "").replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "")
