"""No word that a reader sees stands outside the catalogue: not in templates, not in scripts, not as a model's name."""

import re
from html.parser import HTMLParser
from pathlib import Path

from django.apps import apps
from django.utils.functional import Promise

from tests.walls.tree import PACKAGES, ROOT, tracked

NAMES = {"Ringbook", "CSV", "JSON", "YAML", "OpenAPI", "SHA-256", "PT", "EN"}  # alike in every language
# What a screen reader or a script says from an attribute; a script's words wait in data attributes of their own.
SPOKEN = {
    "title",
    "aria-label",
    "aria-description",
    "placeholder",
    "alt",
    "label",
    "data-done",
    "data-light",
    "data-dark",
}
LITERAL = ("script", "style", "code", "kbd")  # keys are called as they are lettered
UNSEEN = {"sync.RequestGrant"}  # a row between processes; no page and no console shows it
_TAGS = re.compile(
    r"{%\s*blocktrans(?:late)?\b.*?{%\s*endblocktrans(?:late)?\s*%}|{%\s*comment\s*%}.*?{%\s*endcomment\s*%}"
    r"|{#.*?#}|{%.*?%}|{{.*?}}",
    re.DOTALL,
)
_WORD = re.compile(r"[^\W\d_]{2,}[\w-]*")
_SENTENCE = re.compile(r"""(["'`])([^"'`\n]*?[A-Za-z]{2,}[ ,][ A-Za-z][^"'`\n]*?)\1""")


class Words(HTMLParser):
    """The words of a template that no tag of the catalogue brings."""

    def __init__(self, template: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._code = 0
        self.feed(_TAGS.sub("", template))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._code += tag in LITERAL
        if "lang" not in given:  # a language's own name is said in that language
            for name in SPOKEN & given.keys():
                self._say(given[name])

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag in LITERAL

    def handle_data(self, data: str) -> None:
        if not self._code:
            self._say(data)

    def _say(self, text: str) -> None:
        self.found += [word for word in _WORD.findall(text) if word not in NAMES]


def templates() -> list[Path]:
    found = [path for path in tracked() if path.suffix == ".html" and "templates" in path.parts]
    return [path for path in found if "admin" not in path.parts]  # the console is the administrator's


def test_templates_say_nothing_of_their_own() -> None:
    said = {str(path.relative_to(ROOT)): Words(path.read_text(encoding="utf-8")).found for path in templates()}
    assert len(said) > 80
    assert {name: words for name, words in said.items() if words} == {}


def test_scripts_take_their_words_from_the_page() -> None:
    said = {}
    for path in tracked():
        if path.suffix == ".js" and path.parent.name == "js" and "portal" in path.parts:
            code = re.sub(r"^\s*//.*$|/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
            found = [text for _mark, text in _SENTENCE.findall(code) if not _is_selector(text)]
            said |= {path.name: found} if found else {}
    assert said == {}


def _is_selector(text: str) -> bool:
    return bool(re.search(r"[\[\]#.>:=${}()]", text))


def test_models_have_names_to_translate() -> None:
    plain = [
        model._meta.label
        for model in apps.get_models()
        if model.__module__.split(".")[0] in PACKAGES
        and not model._meta.auto_created
        and not (isinstance(model._meta.verbose_name, Promise) and isinstance(model._meta.verbose_name_plural, Promise))
    ]
    assert set(plain) == UNSEEN


def test_the_search_finds_what_is_forgotten() -> None:
    template = (
        '<p title="Hello">{% translate "a" %} Forgotten {{ x }}</p><a lang="pt" aria-label="Oi">PT</a><code>n</code>'
    )
    assert Words(template).found == ["Hello", "Forgotten"]
    assert _SENTENCE.findall('x.textContent = "Copied to it";')[0][1] == "Copied to it"


def test_no_template_writes_the_number_of_a_row_with_separators() -> None:
    bare = re.compile(r"{{\s*(?:\w+\.)+pk\s*}}")
    pages = [path for path in tracked() if path.suffix == ".html"]
    assert [path.name for path in pages if bare.search(path.read_text(encoding="utf-8"))] == []
    assert bare.search('value="{{ row.pk }}"')
