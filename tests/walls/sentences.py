"""The sentences of the product that are translated, found in plain Python: no gettext tools are needed, and docstrings
that describe the API's operations, which these would pass over, are among them.

``python -m tests.walls.sentences`` (``make messages``) brings the catalogue up to date: what is new comes in at its
end, to be translated, what is no longer said goes, all else stays where it is; then it is compiled.
"""

import ast
import re
import sys
from collections.abc import Iterator
from typing import NamedTuple

import polib
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


class Sentence(NamedTuple):
    context: str
    text: str
    plural: str = ""


def in_module(source: str) -> Iterator[Sentence]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in CALLS:
                texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                yield from _sentence(name, texts)
        elif isinstance(node, ast.FunctionDef) and _is_operation(node):
            yield Sentence("", " ".join((ast.get_docstring(node) or "").split()))


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
        context, *said = texts if has_context else ("", *texts)
        yield Sentence(context, *said[:sentences])


def written() -> set[Sentence]:
    """All that the product says."""
    said: set[Sentence] = set()
    for path in modules():
        said.update(in_module(path.read_text(encoding="utf-8")))
    for path in tracked():
        parts = path.relative_to(ROOT).parts
        if path.suffix in {".html", ".txt"} and "templates" in parts and parts[0] in {"templates", *PACKAGES}:
            said.update(in_template(path.read_text(encoding="utf-8")))
    return {sentence for sentence in said if sentence.text}


def bring_up_to_date(catalogue: polib.POFile, said: set[Sentence]) -> tuple[int, int]:
    """How many sentences came in, and how many went."""
    plurals = {sentence[:2]: sentence.plural for sentence in sorted(said)}  # with a plural where any place has one
    gone = [entry for entry in catalogue if (entry.msgctxt or "", entry.msgid) not in plurals]
    for entry in gone:
        catalogue.remove(entry)
    new = sorted(plurals.keys() - {(entry.msgctxt or "", entry.msgid) for entry in catalogue})
    for context, text in new:
        plural = plurals[context, text]
        forms = {0: "", 1: ""} if plural else {}
        flags = ["python-format"] if re.search(r"%\(\w+\)[a-z]", text) else []
        catalogue.append(
            polib.POEntry(msgctxt=context or None, msgid=text, msgid_plural=plural, msgstr_plural=forms, flags=flags)
        )
    return len(new), len(gone)


def main() -> None:
    catalogue = polib.pofile(str(CATALOGUE), wrapwidth=0)
    came, went = bring_up_to_date(catalogue, written())
    catalogue.save()
    catalogue.save_as_mofile(str(CATALOGUE.with_suffix(".mo")))
    untranslated = sum(not entry.translated() for entry in catalogue)
    told = f"{came} sentences are new, {went} are no longer said; {untranslated} want a translation"
    sys.stdout.write(f"{told} in {CATALOGUE.relative_to(ROOT)}.\n")


if __name__ == "__main__":
    main()
