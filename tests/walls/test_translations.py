"""Portuguese is a first language: every sentence in code and templates is in the catalogue, and translated.

``sentences`` finds them in plain Python, so the test needs no gettext tools and stands on any machine.
"""

import re
from pathlib import Path

import django
import polib
import pytest

from tests.walls import sentences
from tests.walls.sentences import CATALOGUE, Sentence, in_module, in_template

# Django's own words, said with others that mean the same; any other of ours would change what its pages say.
SAID_OTHERWISE = {
    "Brazilian Portuguese",
    "Change password",
    "Delete",
    "Sat",  # an accent that Django's lacks
    "Time",
    *("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),  # small, as within a sentence
}


@pytest.fixture(scope="module")
def catalogue() -> polib.POFile:
    return polib.pofile(str(CATALOGUE))


@pytest.fixture(scope="module")
def written() -> set[tuple[str, str]]:
    return {(sentence.context, sentence.text) for sentence in sentences.written()}


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
    assert set(in_template(template)) == {Sentence("", "a"), Sentence("", "b c"), Sentence("", "d")}
    assert set(in_module('x = _("a" "b"); ngettext("c", "cs", n); pgettext("ctx", "d"); _(name)')) == {
        Sentence("", "ab"),
        Sentence("", "c", "cs"),
        Sentence("ctx", "d"),
    }


def test_a_catalogue_is_brought_up_to_date_where_it_stands() -> None:
    kept = [polib.POEntry(msgid=text, msgstr=text.upper()) for text in ("z", "gone", "a")]
    catalogue = polib.POFile()
    catalogue.extend(kept)
    said = {Sentence("", "z"), Sentence("", "a"), Sentence("", "%(n)s b"), Sentence("", "%(n)s b", "%(n)s bs")}
    assert sentences.bring_up_to_date(catalogue, said | {Sentence("ctx", "a")}) == (2, 1)
    assert [(entry.msgctxt, entry.msgid, entry.msgstr) for entry in catalogue] == [
        (None, "z", "Z"),
        (None, "a", "A"),
        (None, "%(n)s b", ""),
        ("ctx", "a", ""),
    ]
    assert (catalogue[2].msgid_plural, catalogue[2].flags) == ("%(n)s bs", ["python-format"])
