"""What README says is so: every command, target and setting it names exists, and the other way round."""

import ast
import re

from django.core.management import get_commands

from tests.walls.tree import PACKAGES, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
READERS = {
    "text",
    "flag",
    "number",
    "size",
    "storage",
    "engine",
    "hosts",
    "sender",
    "addresses",
    "url",
    "site",
    "broker",
    "database",
    "email",
    "generated",
    "owner",
    "vault_keys",
    "topics",
    "public_key",
}


def settings_read() -> set[str]:
    tree = ast.parse((ROOT / "portal" / "settings.py").read_text(encoding="utf-8"))
    return {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "env"
        and node.func.attr in READERS
    }


def our_commands() -> set[str]:
    return {name for name, app in get_commands().items() if str(app).split(".")[0] in PACKAGES}


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def section(title: str) -> str:
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_every_setting_is_in_the_table_and_nothing_else() -> None:
    assert set(re.findall(r"^\| `([A-Z_]+)` \|", section("Settings"), re.MULTILINE)) == settings_read()


def test_compose_hands_every_setting_on() -> None:
    """A container knows what is named there alone, whatever .env says. Behind the proxy that the file asks for, one
    that believes none leads every page to itself for ever."""
    compose = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    common = compose.split("environment: &settings\n", 1)[1].split("\n\n", 1)[0]
    given = dict(re.findall(r"^    ([A-Z_]+): (.*)$", common, re.MULTILINE))

    elsewhere = {"DATA_DIR", "DATABASE_OWNER_URL"}  # of the image, and of the migration alone
    assert given.keys() == settings_read() - elsewhere - {"DEBUG", "READING_HASTE"}  # for trying out
    assert given["TRUSTED_PROXIES"] == "${TRUSTED_PROXIES:-1}"


def test_every_command_is_in_the_table_and_nothing_else() -> None:
    named = set(re.findall(r"^\| `([a-z_]+)\b", section("Commands"), re.MULTILINE))
    assert named == our_commands()


def test_every_make_target_named_exists() -> None:
    named = set(re.findall(r"(?:^    |`)make ([a-z]+(?:-[a-z]+)*)\b", README, re.MULTILINE))
    assert {"demo", "test"} <= named <= make_targets()


def test_commands_in_examples_exist() -> None:
    assert set(re.findall(r"manage\.py ([a-z_]+)", README)) <= set(get_commands())


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
