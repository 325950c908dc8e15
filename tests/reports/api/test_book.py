"""The page about the API: all of the document, in both languages, light enough, and with links that lead somewhere."""

import gzip
import json
import re

import pytest
from django.urls import reverse
from django.utils.translation import override

from reports.api.book import CHAPTERS, WHO, book, chapter_of, pieces
from reports.api.schema import document

LANGUAGES = ("en", "pt-br")


def page_in(client, language: str) -> bytes:
    answer = client.get(reverse("docs"), headers={"accept-language": language})
    assert answer.status_code == 200
    return answer.content


@pytest.mark.django_db
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_operation_and_every_form_is_on_the_page_and_each_link_leads_there(client, language):
    page = page_in(client, language).decode()
    with override(language):
        told = document()
    places = set(re.findall(r' id="([^"]+)"', page))
    operations = {operation["operationId"] for methods in told["paths"].values() for operation in methods.values()}
    assert operations <= places
    assert set(re.findall(r'href="#([^"]+)"', page)) <= places
    for methods in told["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", ()):
                assert f'<code translate="no">{parameter["name"]}</code>' in page


@pytest.mark.django_db
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_light(client, language):
    assert len(gzip.compress(page_in(client, language))) < 100_000


@pytest.mark.django_db
def test_it_needs_nothing_that_a_page_of_the_portal_does_not(client):
    answer = client.get(reverse("docs"))
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert b"<script>" not in answer.content
    assert client.post(reverse("docs")).status_code == 405


def test_every_description_is_in_both_languages():
    def descriptions(part) -> list[str]:
        if isinstance(part, dict):
            mine = [part["description"]] if isinstance(part.get("description"), str) else []
            return mine + [text for key, value in part.items() for text in descriptions(value) if key != "description"]
        return [text for each in part for text in descriptions(each)] if isinstance(part, list) else []

    found = {}
    for language in LANGUAGES:
        with override(language):
            found[language] = [text.split("\n\n*")[0] for text in descriptions(document())]
    alike = {ours for ours, theirs in zip(found["en"], found["pt-br"], strict=True) if ours == theirs and ours}
    assert {text for text in alike if text.endswith(".")} == set()  # what is no sentence lists keys


def test_chapters_and_who_may_ask_name_what_there_is():
    paths = document()["paths"]
    operations = {operation["operationId"] for methods in paths.values() for operation in methods.values()}
    chapters = {chapter_of(path) for path in paths}
    assert set(CHAPTERS) <= chapters
    assert set(WHO) <= operations | chapters
    assert chapters == set(CHAPTERS)
    told = [each for chapter in book(document()).chapters for each in chapter.operations]
    assert {each.id for each in told if not each.who} == set()
    by_id = {each.id: each.who for each in told}
    assert by_id["frame_hosts_name"].startswith("An owner")
    assert by_id["destinations_list"].startswith("A key of a manager's role, or a manager")


def test_examples_can_be_sent_as_they_stand():
    for chapter in book(document()).chapters:
        for operation in chapter.operations:
            assert (operation.method in ("POST", "PATCH", "PUT")) == bool(operation.sample) or not operation.body
            if operation.sample:
                json.loads(operation.sample)
            assert "'" not in operation.sample  # it stands in these


def test_code_in_a_text_is_told_from_its_words():
    assert pieces("Ask ``calls`` first.") == ((False, "Ask "), (True, "calls"), (False, " first."))
