"""Scope is applied where rows are chosen, once: to the mirror's tables and column files there is one door, that asks
for a scope, and nobody who answers a reader comes to them past it.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.apps import apps

from reports.queries import seen as door
from sync.models.calls import Unplaced
from tests.walls.tree import ROOT, modules

DOOR = "reports/queries/seen.py"
# Whoever answers a reader. What makes column files and what erases a person works on whole companies, without a reader.
ANSWERING = tuple(
    f"reports/{name}/"
    for name in ("queries", "annotations", "saved", "files", "mail", "alerts", "handover", "api", "web")
)
MANAGERS = {"objects", "_base_manager", "_default_manager"}
QUERYSETS = {"all", "filter", "exclude", "order_by", "values", "values_list", "first", "get", "aggregate", "exists"}
MIRROR = {model.__name__ for model in apps.get_app_config("sync").get_models()} | {"Environment"}

# Who comes to a table past the door, and why.
PAST_THE_DOOR = {
    "reports/queries/scope.py": "makes the scope: which agents a grant names",
    "reports/web/audit/words.py": "names what an owner's log tells of, who hears of every environment",
    "reports/web/privacy/retention.py": "tells an owner what would go, who hears of every environment",
    "reports/web/shared/grants.py": "an owner hears of every environment, since he gives them",
}
# Who looks past the reader's agents, in which function, and why nothing of theirs is told.
WHOEVERS = {
    "reports/queries/agents.py callback_cover": "tells that an agent is covered, and not by whom",
    "reports/queries/callbacks/join.py Join._calls": "a call answers the latest attempt, whoever placed it",
    "reports/queries/callbacks/join.py Missed._with_missed": "who was connected with since waits no more, by whomever",
    "reports/queries/callbacks/links.py links": "the join of one contact, of which one's own call alone is told",
    "reports/queries/callbacks/lists.py span": "where a history begins",
    "reports/queries/callbacks/loop.py calls_at": "a place in a column file is counted among all calls",
    "reports/queries/callbacks/loop.py place_of": "a place in a column file is counted among all calls",
    "reports/queries/callbacks/routes.py routing": "who takes whose callbacks, for the join",
    "reports/queries/campaigns/calls.py _held": "whether what a campaign of the reader's names is mirrored",
    "reports/queries/compile.py mirrored": "how much of an environment is read",
    "reports/queries/completeness/standing.py _count": "how much of an environment is read",
    "reports/queries/contacts/contact.py _last_met": "whoever met a contact since, it waits no more",
}
THE_COMPANYS = {"reports/queries/calls/numbers.py contacts_like": "numbers to look for among the reader's own calls"}
WRITTEN_BY_HAND = {"reports/queries/campaigns/calls.py": "around a statement of calls that were had at the door"}


@dataclass(frozen=True)
class Module:
    name: str
    tree: ast.Module

    def nodes(self) -> Iterator[tuple[str, ast.AST]]:
        """Every node, with the function or method of the module that it stands in."""
        for part in self.tree.body:
            inner = part.body if isinstance(part, ast.ClassDef) else [part]
            for each in inner:
                names = [node.name for node in (part, each) if isinstance(node, ast.ClassDef | ast.FunctionDef)]
                where = ".".join(dict.fromkeys(names))
                for node in ast.walk(each):
                    yield f"{self.name} {where}", node


@pytest.fixture(scope="module")
def answering() -> list[Module]:
    paths = {str(path.relative_to(ROOT)): path for path in modules()}
    return [
        Module(name, ast.parse(path.read_text(encoding="utf-8")))
        for name, path in paths.items()
        if name.startswith(ANSWERING)
    ]


def models_of(tree: ast.Module) -> dict[str, str]:
    """The mirror's tables that a module imports, by the names it gives them."""
    return {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("sync.models", "portal.tenants.models"))
        for alias in node.names
        if alias.name in MIRROR
    }


def test_no_table_of_the_mirror_is_asked_past_the_door(answering) -> None:
    found = set()
    for module in answering:
        models = models_of(module.tree)
        for _where, node in module.nodes():
            if isinstance(node, ast.Attribute) and node.attr in MANAGERS:
                base = node.value
                if isinstance(base, ast.Name) and base.id not in models and base.id[0].isupper():
                    continue  # a table of our own
                found.add(module.name)
    # The remarks' own door is given its table; it asks here whose calls they may be about. Readers have one for a kind.
    assert found == {DOOR, "reports/annotations/within.py", "reports/mail/readers.py", *PAST_THE_DOOR}


def test_no_row_leads_to_rows_past_the_door(answering) -> None:
    """As ``environment.runs.all()`` would: over what Django calls related managers."""
    ways = {
        way.get_accessor_name()
        for model in apps.get_app_config("sync").get_models()
        for way in model._meta.related_objects
        if way.get_accessor_name()
    }
    assert ways >= {"days", "calls", "changes", "notes", "flags"}
    found = [
        f"{where}: {ast.unparse(node)}"
        for module in answering
        for where, node in module.nodes()
        if isinstance(node, ast.Attribute) and node.attr in QUERYSETS
        if isinstance(node.value, ast.Attribute) and node.value.attr in {*ways, *(f"{way}_set" for way in ways)}
    ]
    assert found == []


def test_column_files_are_read_by_the_door_alone(answering) -> None:
    def files(node: ast.AST) -> bool:
        return isinstance(node, ast.Attribute) and node.attr in {"relation", "read_parquet"}

    assert {module.name for module in answering for _where, node in module.nodes() if files(node)} == {DOOR}


def test_sql_by_hand_stands_where_it_is_known_of(answering) -> None:
    def cursor(node: ast.AST) -> bool:
        return isinstance(node, ast.Attribute) and node.attr in {"cursor", "raw", "extra"} and _is_database(node.value)

    found = {module.name for module in answering for _where, node in module.nodes() if cursor(node)}
    assert found == set(WRITTEN_BY_HAND)


def _is_database(node: ast.AST) -> bool:
    return ast.unparse(node).split(".")[-1].split("[")[0] in {"connection", "connections", *MANAGERS}


def test_nobody_widens_a_scope_but_by_name(answering) -> None:
    """A scope comes from a grant. Each look past the reader's agents is told here, with why nothing of it is told."""
    made, widened, companys = set(), set(), set()
    for module in answering:
        for where, node in module.nodes():
            if isinstance(node, ast.Call):
                called, given = ast.unparse(node.func), {word.arg for word in node.keywords}
                if called == "Scope" or (called == "replace" and given & {"agent_ids", "environment_ids", "tenant_id"}):
                    made.add(module.name)
            if isinstance(node, ast.Attribute) and node.attr == "whatever_agent":
                widened.add(where)
            if isinstance(node, ast.Name) and node.id == "of_the_company":
                companys.add(where)
    assert made == {"reports/queries/scope.py"}
    assert widened == set(WHOEVERS)
    assert companys == set(THE_COMPANYS)


def test_the_door_knows_of_every_table_whose_agents_its_rows_are(answering) -> None:
    asked = {
        models_of(module.tree).get(ast.unparse(node.args[0]), ast.unparse(node.args[0]))
        for module in answering
        for _where, node in module.nodes()
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "seen" and module.name != DOOR
    }
    known = {*door._AGENT, *door._OF_NO_AGENT, *door._OF_ALL_AGENTS, Unplaced}
    assert asked == {model.__name__ for model in known}
