"""The first owner: asked for on a terminal, by command elsewhere, and only once."""

import getpass
import io
import sys

import pytest

from portal.runtime.owner import ask_for_owner
from portal.tenants import wall
from portal.tenants.models.people import Membership
from portal.tenants.models.tenants import Tenant


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Answers to what is asked, in order: lines, and passwords."""

    def give(*lines: str, passwords: list[str]) -> None:
        answers, hidden = iter(lines), iter(passwords)
        monkeypatch.setattr(sys, "stdin", Terminal())
        monkeypatch.setattr("builtins.input", lambda _question: next(answers))
        monkeypatch.setattr(getpass, "getpass", lambda _question: next(hidden))

    monkeypatch.delenv("RINGBOOK_OWNER_PASSWORD", raising=False)
    return give


def the_owner() -> Membership:
    with wall.every_tenant("a test looks"):
        return Membership.objects.select_related("tenant", "user").get()


@pytest.mark.django_db
def test_the_terminal_is_asked_for_a_tenant_and_its_owner(terminal) -> None:
    terminal(
        *("Café do Zé", "", "America/Recife", "", "ze@cafe.example"),
        passwords=["correct horse battery", "correct horse battery"],
    )
    assert ask_for_owner() == "Café do Zé stands; sign in as ze@cafe.example."
    owner = the_owner()
    tenant = owner.tenant
    assert (tenant.slug, tenant.name, tenant.zone, tenant.language) == (
        "cafe-do-ze",
        "Café do Zé",
        "America/Recife",
        "pt-br",
    )
    assert owner.role == "owner"
    assert owner.user.check_password("correct horse battery")


@pytest.mark.django_db
def test_what_cannot_be_is_asked_again(terminal, capsys) -> None:
    terminal(
        *("Acme", "", "Mars/Olympus", "en", "ana@acme.example"),
        *("Acme", "", "", "en", "ana@acme.example"),
        passwords=["short", "correct horse battery", "other horse battery", *["correct horse battery"] * 4],
    )
    ask_for_owner()
    assert the_owner().tenant.zone == "America/Sao_Paulo"
    told = capsys.readouterr().err
    assert "Mars/Olympus" in told
    assert "The two differ." in told


@pytest.mark.django_db
def test_without_a_terminal_the_command_is_named(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert "add_tenant" in ask_for_owner()
    assert not Tenant.objects.exists()


def test_nothing_is_asked_once_there_is_a_tenant(acme, terminal) -> None:
    terminal(passwords=[])
    assert ask_for_owner() == ""
