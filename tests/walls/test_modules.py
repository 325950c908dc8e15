"""Modules stay readable: short, explained, and with their imports where a reader looks for them."""

import ast

from tests.walls.tree import ROOT, modules

LONGEST = 400
# A longer module needs a reason, and stands here with it.
LONGER: dict[str, str] = {}

# An import inside a function needs a reason, and stands here with it.
IMPORTS_INSIDE = {
    "portal/accounts/apps.py": "ready() connects signals of apps that are loaded only then",
}

# What libraries keep to themselves is used in one module for each of them, and stands here with its reason.
INSIDES = {
    "portal/django_inside.py": "what Django does not document",
    "portal/site/web_server.py": "waitress, pinned to the patch",
    "reports/files/as_xlsx.py": "XlsxWriter, pinned to the patch",
    "portal/lib/outward/dialling.py": "urllib3's connections, which dial checked addresses",
}
DOCUMENTED = {
    *("_meta", "_state", "_base_manager", "_default_manager", "_db", "_request"),
    *("_fields", "_replace", "_asdict", "_exit"),
}
UNDOCUMENTED = {"fields_cache", "save_base", "is_empty", "sql_with_params", "get_compiler", "connection_class", "where"}
INNER_MODULES = ("django.db.models.sql", "django.db.migrations.executor", "django.db.migrations.recorder")


def test_modules_are_short_and_say_what_they_hold() -> None:
    sources = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in modules()}
    long = {name for name, source in sources.items() if source.count("\n") > LONGEST}
    told = {name: source for name, source in sources.items() if source.strip() and not name.endswith("/apps.py")}
    # The first lines of a module say what it holds.
    silent = [name for name, source in told.items() if not ast.get_docstring(ast.parse(source))]
    assert len(sources) > 300
    assert (long, silent) == (set(LONGER), [])


def test_imports_stand_at_the_top() -> None:
    found = {str(path.relative_to(ROOT)) for path in modules() if _imports_inside(ast.parse(path.read_text()))}
    assert found == set(IMPORTS_INSIDE)


def _imports_inside(tree: ast.Module) -> bool:
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return any(isinstance(node, ast.Import | ast.ImportFrom) for function in functions for node in ast.walk(function))


def test_what_libraries_keep_to_themselves_is_used_in_one_place() -> None:
    trees = {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in modules()}
    ours = {name for place, tree in trees.items() if place not in INSIDES for name in _names_given(tree)}
    found = {place: _insides(tree) - ours - DOCUMENTED for place, tree in trees.items()}

    assert {place: used for place, used in found.items() if used and place not in INSIDES} == {}
    assert found["portal/django_inside.py"] >= {"_clone", "_do_update", "fields_cache", "get_compiler"}


def _names_given(tree: ast.Module) -> set[str]:
    """Names of functions, classes and values that a module makes; a method that calls its like above is not its own."""
    nodes = list(ast.walk(tree))
    given = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    given |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    given |= {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    given |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    return given - {node.func.attr for node in nodes if isinstance(node, ast.Call) and _is_of_super(node.func)}


def _insides(tree: ast.Module) -> set[str]:
    """Underscored attributes that a module uses, and what of a library's inside has no underscore."""
    nodes = list(ast.walk(tree))
    used = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    inner = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return (
        {name for name in used if name.startswith("_") and not name.startswith("__")}
        | used & UNDOCUMENTED
        | {module for module in inner if module.startswith(INNER_MODULES)}
    )


def _is_of_super(node: ast.AST) -> bool:
    """Whether it is ``super().name``."""
    above = node.value.func if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Call) else None
    return isinstance(above, ast.Name) and above.id == "super"
