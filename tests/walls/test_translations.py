"""Portuguese is a first language: every sentence in code and templates is in the catalogue, and translated.

The sentences are found here in plain Python, so the test needs no gettext tools and stands on any machine.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import django
import polib
import pytest
from django.utils.translation.template import templatize

from tests.walls.tree import PACKAGES, ROOT, modules, tracked

CATALOGUE = ROOT / "portal" / "locale" / "pt_BR" / "LC_MESSAGES" / "django.po"
# How many of the first arguments are sentences, and whether a context stands before them.
CALLS = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), (False, 1)),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (False, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), (True, 1)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), (True, 2)),
}
STRING = r"u?(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
IN_TEMPLATES = re.compile(rf"\b({'|'.join(CALLS)})\(((?:{STRING}(?:,\s*)?)+)", re.DOTALL)

# Django's own words, said with others that mean the same; any other of ours would change what its pages say.
SAID_OTHERWISE = {
    "Brazilian Portuguese",
    "Change password",
    "Delete",
    "Sat",  # an accent that Django's lacks
    "Time",
    *("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),  # small, as within a sentence
}

Sentence = tuple[str, str]  # context, singular


def in_module(source: str) -> Iterator[Sentence]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in CALLS:
                texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                yield from _sentence(name, texts)
        elif isinstance(node, ast.FunctionDef) and _is_operation(node):
            yield "", " ".join((ast.get_docstring(node) or "").split())


def _is_operation(node: ast.FunctionDef) -> bool:
    """Whether its docstring describes it in the API's document, which is in both languages."""
    described = [call for call in node.decorator_list if isinstance(call, ast.Call)]
    return any(
        getattr(call.func, "id", "") == "extend_schema" and all(keyword.arg != "exclude" for keyword in call.keywords)
        for call in described
    )


def in_template(source: str) -> Iterator[Sentence]:
    for name, arguments in IN_TEMPLATES.findall(templatize(source)):
        yield from _sentence(name, [ast.literal_eval(text) for text in re.findall(STRING, arguments, re.DOTALL)])


def _sentence(name: str, texts: list[str]) -> Iterator[Sentence]:
    has_context, sentences = CALLS[name]
    if len(texts) >= sentences + has_context:
        yield (texts[0], texts[1]) if has_context else ("", texts[0])


@pytest.fixture(scope="module")
def catalogue() -> polib.POFile:
    return polib.pofile(str(CATALOGUE))


@pytest.fixture(scope="module")
def written() -> set[Sentence]:
    found: set[Sentence] = set()
    for path in modules():
        found.update(in_module(path.read_text(encoding="utf-8")))
    for path in tracked():
        parts = path.relative_to(ROOT).parts
        if path.suffix in {".html", ".txt"} and "templates" in parts and parts[0] in {"templates", *PACKAGES}:
            found.update(in_template(path.read_text(encoding="utf-8")))
    return found - {("", "")}


def test_every_sentence_is_in_the_catalogue(catalogue, written) -> None:
    assert written - {(entry.msgctxt or "", entry.msgid) for entry in catalogue if not entry.obsolete} == set()


def test_the_catalogue_holds_nothing_that_is_no_longer_said(catalogue, written) -> None:
    assert {(entry.msgctxt or "", entry.msgid) for entry in catalogue if not entry.obsolete} - written == set()


def test_every_sentence_is_translated(catalogue) -> None:
    assert [entry.msgid for entry in catalogue if not entry.obsolete and not entry.translated()] == []
    assert [entry.msgid for entry in catalogue if "fuzzy" in entry.flags] == []


def test_translations_keep_the_places_to_fill(catalogue) -> None:
    place = re.compile(r"%\(\w+\)[a-z]|%[sd]|\{\w*\}")
    for entry in catalogue:
        for text in entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]:
            wanted = set(place.findall(entry.msgid)) | set(place.findall(entry.msgid_plural or ""))
            found = set(place.findall(text))
            # A singular form may say "one" in words; nothing else may go missing, nothing may come in.
            assert found <= wanted, entry.msgid
            assert entry.msgid_plural or found == wanted, entry.msgid


def test_words_of_django_keep_their_meaning(catalogue) -> None:
    """A plain word of ours stands before Django's: "Change" of a figure would be on every link of the console."""
    theirs: dict[str, set[str]] = {}
    for path in Path(django.__file__).parent.glob("**/locale/pt_BR/LC_MESSAGES/django.po"):
        for entry in polib.pofile(str(path)):
            if not entry.msgctxt and entry.msgid:
                theirs.setdefault(entry.msgid, set()).add(entry.msgstr)
    ours = {entry.msgid: entry.msgstr for entry in catalogue if not (entry.msgctxt or entry.obsolete)}
    other = {word for word in ours.keys() & theirs.keys() if ours[word] not in theirs[word]}
    assert other == SAID_OTHERWISE


def test_the_compiled_catalogue_is_the_written_one(catalogue) -> None:
    compiled = polib.mofile(str(CATALOGUE.with_suffix(".mo")))
    form = {(e.msgctxt, e.msgid): (e.msgstr, e.msgstr_plural) for e in catalogue if not e.obsolete}
    assert {(e.msgctxt, e.msgid): (e.msgstr, e.msgstr_plural) for e in compiled} == form


def test_the_search_finds_what_gettext_would() -> None:
    template = (
        '{% load i18n %}{% translate "a" %}{% blocktranslate trimmed %}\n b\n c{% endblocktranslate %}{{ _("d") }}'
    )
    assert set(in_template(template)) == {("", "a"), ("", "b c"), ("", "d")}
    assert set(in_module('x = _("a" "b"); ngettext("c", "cs", n); pgettext("ctx", "d"); _(name)')) == {
        ("", "ab"),
        ("", "c"),
        ("ctx", "d"),
    }
