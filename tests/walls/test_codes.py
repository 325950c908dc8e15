"""The codes that docstrings of tests begin with are explained in one table, and the table explains no others."""

import ast
import re

from tests.walls.tree import ROOT, tracked

TABLE = ROOT / "tests" / "faults" / "README.md"
CODE = re.compile(r"[A-Z]\d{1,2}")
# At the beginning, alone or several: "U4: …", "U15, U23: …", "I9 at its edge: …", "I1 and I3 at rest: …".
BEGINS = re.compile(r"(?:[A-Z]\d{1,2}(?:, | and )?)+(?=[: ,])")


def docstrings() -> list[str]:
    found = []
    for path in tracked():
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] == "tests":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    found.append(ast.get_docstring(node) or "")
    return found


def test_every_code_is_in_the_table_and_nothing_else() -> None:
    begun = [match[0] for text in docstrings() if (match := BEGINS.match(text))]
    assert {code for text in begun for code in CODE.findall(text)} == set(
        re.findall(r"^\| ([A-Z]\d{1,2}) \|", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    )
