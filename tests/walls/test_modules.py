"""Modules stay readable: short, explained, and with their imports where a reader looks for them."""

import ast

import pytest

from tests.walls.tree import ROOT, modules

LONGEST = 400
# A longer module needs a reason, and stands here with it.
LONGER: dict[str, str] = {}

# An import inside a function needs a reason, and stands here with it.
IMPORTS_INSIDE = {
    "portal/accounts/apps.py": "ready() connects signals of apps that are loaded only then",
}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_short_and_says_what_it_holds(path) -> None:
    source = path.read_text(encoding="utf-8")
    assert (source.count("\n") > LONGEST) == (str(path.relative_to(ROOT)) in LONGER)
    if source.strip() and path.name != "apps.py":
        assert ast.get_docstring(ast.parse(source)), "The first lines of a module say what it holds."


def test_imports_stand_at_the_top() -> None:
    found = {str(path.relative_to(ROOT)) for path in modules() if _imports_inside(ast.parse(path.read_text()))}
    assert found == set(IMPORTS_INSIDE)


def _imports_inside(tree: ast.Module) -> bool:
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return any(isinstance(node, ast.Import | ast.ImportFrom) for function in functions for node in ast.walk(function))
