"""Why a server was not reached, in the reader's language: every sentence that can be told, and those kept in rows."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import translation

from portal.env import BASE_DIR
from portal.obstacles import OUTWARD, in_words
from sync import connections
from sync.taxonomy import Fault

OURS = {fault.name for fault in connections._OURS}
OUTWARD_FILES = [
    *sorted((BASE_DIR / "portal/lib/outward").glob("*.py")),
    *sorted((BASE_DIR / "reports/handover").glob("s*.py")),
]
VENDORS_FILES = sorted((BASE_DIR / "sync/providers").glob("*.py"))


def details(path: Path, *names: str) -> Iterator[str]:
    """Each sentence that a file raises by one of these names, an x in the place of whatever changes in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in names:
            continue
        faults = {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute) and hasattr(Fault, each.attr)}
        if node.func.id == "UpstreamError" and faults and not faults & OURS:
            continue  # words of the vendor's, or for the one who reads the log
        for argument in node.args:
            yield from _sentences(argument)


def _sentences(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from _sentences(node.body)
        yield from _sentences(node.orelse)


@pytest.mark.parametrize("path", OUTWARD_FILES, ids=lambda path: path.stem)
def test_each_sentence_about_a_server_that_is_not_reached_has_a_translation(path) -> None:
    with translation.override("pt-br"):
        untold = [text for text in details(path, "Unreachable", "_refused") if in_words(text) == text]
    assert untold == []


@pytest.mark.parametrize("path", VENDORS_FILES, ids=lambda path: path.stem)
def test_each_sentence_of_ours_about_a_vendor_has_a_translation(path) -> None:
    with translation.override("pt-br"):
        told = [(text, in_words(text, connections._DETAILS)) for text in details(path, "UpstreamError")]
    assert [text for text, words in told if text == words] == []


def test_sentences_are_found_where_they_are_raised() -> None:
    """Else the two above would prove nothing."""
    raised = {text for path in OUTWARD_FILES for text in details(path, "Unreachable", "_refused")}
    assert {"The address names no host.", "The connection was not made: x.", "The answer is too large."} <= raised
    assert len(raised) >= len(OUTWARD) - 1  # one of them stands twice, with and without a secret


def test_what_changes_in_a_sentence_stays_and_what_is_none_of_ours_is_told_as_it_is() -> None:
    with translation.override("pt-br"):
        assert (
            in_words("The connection was not made: Connection refused.")
            == "A conexão não foi feita: Connection refused."
        )
        assert in_words("550 100% of it: (no)") == "550 100% of it: (no)"
    assert in_words("The connection was not made: Connection refused.").endswith("Connection refused.")
