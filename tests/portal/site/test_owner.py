"""The first owner: asked for on a terminal, by command elsewhere, and only once."""

import getpass
import io
import sys

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from portal.audit.models import PlatformEntry
from portal.outbox.models import PlatformMessage
from portal.site.owner import ask_for_administrator, ask_for_first_people, ask_for_owner
from portal.tenants import wall
from portal.tenants.models.people import Membership, User
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

    for name in ("OWNER_PASSWORD", "ADMINISTRATOR", "ADMINISTRATOR_PASSWORD"):
        monkeypatch.delenv(f"RINGBOOK_{name}", raising=False)
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
def test_what_cannot_be_is_asked_again_by_itself(terminal, capsys) -> None:
    terminal(
        *("A" * 121, "Acme", "A c m e", "", "Mars/Olympus", "", "de", "en", "ana at acme", "ana@acme.example"),
        passwords=["short", "correct horse battery", "other horse battery", *["correct horse battery"] * 2],
    )
    ask_for_owner()
    assert the_owner().tenant.zone == "America/Sao_Paulo"
    told = capsys.readouterr().err
    assert "Mars/Olympus" in told
    assert "The two differ." in told


@pytest.mark.django_db
def test_without_a_terminal_an_empty_portal_is_left_to_the_browser(monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert ask_for_first_people() == ""
    assert not Tenant.objects.exists()
    User.objects.create_user("root@ringbook.example", "correct horse battery")
    assert "manage.py add_tenant" in ask_for_owner()


def test_nothing_is_asked_once_there_is_a_tenant(acme, terminal) -> None:
    terminal(passwords=[])
    assert ask_for_owner() == ""


OPENED = "administers this portal, at /admin/"


def may_open_the_console(client, email: str, password: str) -> bool:
    client.post("/accounts/login/", {"login": email, "password": password})
    return bool(client.get("/admin/").status_code == 200)


@pytest.mark.django_db
def test_the_first_owner_may_make_himself_administrator(terminal, client) -> None:
    words = "correct horse battery"
    terminal(*("Acme", "", "", "en", "ana@acme.example", ""), passwords=[words, words])
    assert ask_for_first_people() == f"Acme stands; sign in as ana@acme.example.\nana@acme.example {OPENED}"
    assert may_open_the_console(client, "ana@acme.example", words)
    assert PlatformEntry.objects.filter(action="administrator.added").exists()
    assert ask_for_first_people() == ""


def test_somebody_else_administers_with_a_password_of_his_own(ana, terminal, client, capsys) -> None:
    words = "another horse battery"
    terminal("nobody", "Root@Ringbook.example", passwords=[words, words, words, words])
    assert ask_for_administrator() == f"root@ringbook.example {OPENED}"
    assert "email: Enter a valid email address." in capsys.readouterr().err
    assert may_open_the_console(client, "root@ringbook.example", words)
    client.logout()
    assert not may_open_the_console(client, ana.email, "correct horse battery")


def test_nobody_administers_yet(ana, terminal) -> None:
    terminal("-", passwords=[])
    assert "manage.py add_administrator" in ask_for_administrator()
    assert not User.objects.filter(is_staff=True).exists()


def test_an_administrator_is_named_without_a_terminal(ana, monkeypatch, client) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert "manage.py add_administrator" in ask_for_first_people()
    monkeypatch.setenv("RINGBOOK_ADMINISTRATOR", "root@ringbook.example")
    monkeypatch.setenv("RINGBOOK_ADMINISTRATOR_PASSWORD", "another horse battery")
    assert ask_for_first_people() == f"root@ringbook.example {OPENED}"
    assert may_open_the_console(client, "root@ringbook.example", "another horse battery")
    assert not mail.outbox


def test_no_answer_is_no_fault(db, terminal, monkeypatch) -> None:
    def ended(_question: str) -> str:
        raise EOFError

    terminal(passwords=[])
    monkeypatch.setattr("builtins.input", ended)
    assert ask_for_first_people() == ""  # the browser asks
    User.objects.create_user("root@ringbook.example", "correct horse battery")
    assert "manage.py add_tenant" in ask_for_first_people()


def test_an_administrator_added_later_is_invited_and_a_member_keeps_his_password(ana, capsys, monkeypatch, client):
    monkeypatch.delenv("RINGBOOK_ADMINISTRATOR_PASSWORD", raising=False)
    call_command("add_administrator", "new@ringbook.example")
    assert PlatformMessage.objects.get().to == "new@ringbook.example"
    monkeypatch.setenv("RINGBOOK_ADMINISTRATOR_PASSWORD", "somebody else's idea")
    call_command("add_administrator", ana.email)
    assert may_open_the_console(client, ana.email, "correct horse battery")
    with pytest.raises(CommandError):
        call_command("add_administrator", "nobody")
