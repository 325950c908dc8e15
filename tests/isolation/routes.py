"""The site's addresses as its resolver knows them, and the rows of ``matrix.toml`` that say who gets what there.

A row reads ``"/t/{tenant}/calls/" = { GET = "page" }``: for each method the name of a line of answers, and exceptions
after it ("page, viewers 403"). Answers and exceptions name groups of principals; a later one wins. A name in braces is
an id of the world: the resolver's own name for it, or, as ``{id}`` can be anything's, the one that ``ids`` gives.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.contrib import admin
from django.urls import get_resolver
from django.urls.resolvers import URLPattern

from tests.isolation.principals import GROUPS, PRINCIPALS

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
_FILE = Path(__file__).with_name("matrix.toml")


@dataclass(frozen=True)
class Row:
    """``names``: of the ids in the path, in its order; ``expected``: by method and principal."""

    route: str
    names: tuple[str, ...]
    expected: dict[str, dict[str, int]]
    queries: tuple[str, ...]
    body: str

    def sent(self, method: str, ids: dict[str, str]) -> str:
        """The body of a question, with ids where it names some."""
        if method in ("GET", "DELETE"):
            return ""
        if not self.body and self.route.startswith("/api/"):
            return "{}"
        return re.sub(r"\{(\w+)\}", lambda name: ids[name[1]], self.body)

    def path(self, ids: dict[str, str]) -> tuple[str, dict[str, str]]:
        """The address with ids in it, and those ids."""
        used = {name: ids[name] for name in self.names}
        parts = re.findall(r"\{(\w+)\}", self.route)
        return self.route.format(**dict(zip(parts, used.values(), strict=True))), used

    def told(self, ids: dict[str, str]) -> dict[str, str]:
        """The ids that its body names."""
        return {name: ids[name] for name in re.findall(r"\{(\w+)\}", self.body)}

    def asked(self, query: str, own: dict[str, str], ids: dict[str, str]) -> tuple[str, dict[str, str]]:
        """One's own address with a query of ``ids``."""
        path, named = self.path(own)
        used = {name: ids[name] for name in re.findall(r"\{(\w+)\}", query)}
        return f"{path}?{query.format(**used)}", named | used


def matrix() -> dict[str, Row]:
    told = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {route: _row(route, dict(about), told["answers"]) for route, about in told["routes"].items()}


def _row(route: str, about: dict[str, Any], answers: dict[str, dict[str, int]]) -> Row:
    names = about.pop("ids", re.findall(r"\{(\w+)\}", route))
    queries, body = about.pop("queries", ()), about.pop("body", "")
    expected = {method: _expected(text, answers) for method, text in about.items()}
    return Row(route, tuple(names), expected, tuple(queries), body)


def _expected(text: str, answers: dict[str, dict[str, int]]) -> dict[str, int]:
    name, *exceptions = (part.strip() for part in text.split(","))
    told = list(answers[name].items()) + [(who, int(status)) for who, status in map(str.split, exceptions)]
    expected = {principal: status for group, status in told for principal in GROUPS[group]}
    assert expected.keys() == set(PRINCIPALS), f"“{text}” says nothing of {set(PRINCIPALS) - expected.keys()}"
    return expected


def addresses() -> list[str]:
    """Every address of the site, the console's included."""
    return [plain(text) for text in _walked(get_resolver().url_patterns, "/")]


def console_addresses() -> list[str]:
    """Those of the console, each of which is somebody's rows; ``{app_label}`` is each application that it shows."""
    labels = "|".join(sorted({model._meta.app_label for model in admin.site._registry}))
    found = [address for address in addresses() if address.startswith("/admin/")]
    return [address.replace("{app_label}", labels.split("|")[0]) for address in found]


def _walked(patterns: list[Any], before: str) -> Iterator[str]:
    for pattern in patterns:
        text = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield text
        else:
            yield from _walked(pattern.url_patterns, text)


def plain(address: str) -> str:
    """``/t/<slug:tenant>/`` as ``/t/{tenant}/``, and likewise for patterns."""
    text = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", re.sub(r"\(\?P<(\w+)>[^()]*\)\??", r"{\1}", address))
    return text.replace("^", "").replace("$", "")
