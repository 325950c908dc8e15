"""The command that adds a connection: where the token comes from, and what is said in which order."""

import io
import json
from contextlib import nullcontext
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from portal.tenants import wall
from portal.tenants.models.tenants import Environment
from sync.connections import ConnectionRefused, accept, change_token
from sync.history import today
from sync.management.commands import add_connection
from sync.models.connections import Connection, ConnectionState

ARGS = (
    *("add_connection", "--tenant", "acme", "--environment", "West", "--provider", "talkover"),
    *("--base-url", "https://vendor.example.com/api/v1", "--no-check"),
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_token_is_piped_in(acme, capsys, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("talq_piped\n"))
    call_command(*ARGS)
    made = json.loads(capsys.readouterr().out)

    with wall.tenant(acme):
        connection = Connection.objects.get(public_id=made["connection"])
        assert connection.token.reveal() == "talq_piped"


def test_a_person_at_a_terminal_is_asked_without_an_echo(acme, capsys, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(add_connection, "getpass", lambda prompt: "talq_typed ")
    call_command(*ARGS)
    made = json.loads(capsys.readouterr().out)

    with wall.tenant(acme):
        assert Connection.objects.get(public_id=made["connection"]).token.reveal() == "talq_typed"


def test_a_name_that_is_taken_is_all_that_is_said(acme, capsys, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("talq_twice"))
    call_command(*ARGS)
    monkeypatch.setattr("sys.stdin", io.StringIO("talq_twice"))

    with pytest.raises(CommandError, match="There is an environment 'West' already"):
        call_command(*ARGS)
    assert capsys.readouterr().err == ""


def test_a_token_in_use_is_told_once_the_connection_stands(acme, capsys, monkeypatch) -> None:
    for name in ("West", "East"):
        monkeypatch.setattr("sys.stdin", io.StringIO("talq_twice"))
        call_command(*(name if word == "West" else word for word in ARGS))

    assert capsys.readouterr().err == "This token fills another environment already: both will hold the same calls.\n"


def test_a_token_of_another_company_is_refused_without_a_name(acme, globex, capsys, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("talq_one"))
    call_command(*ARGS)
    monkeypatch.setattr("sys.stdin", io.StringIO("talq_one"))
    with pytest.raises(CommandError) as refused:
        call_command(*("globex" if word == "acme" else word for word in ARGS))
    assert str(refused.value) == "This token can't be used here. Ask the vendor for one of your own."
    assert nothing_saved(globex)


def test_a_token_is_not_changed_for_one_of_another_company(acme, globex, monkeypatch) -> None:
    for tenant, token in (("acme", "talq_one"), ("globex", "talq_two")):
        monkeypatch.setattr("sys.stdin", io.StringIO(token))
        call_command(*(tenant if word == "acme" else word for word in ARGS))
    with wall.tenant(globex):
        with pytest.raises(ConnectionRefused):
            change_token(Connection.objects.get(), "talq_one", check=False)
        assert Connection.objects.get().token.reveal() == "talq_two"


@pytest.fixture
def piped(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("talq_piped\n"))


def nothing_saved(tenant) -> bool:
    with wall.tenant(tenant):
        return not Connection.objects.exists() and not Environment.objects.exists()


@pytest.mark.parametrize("day", ["1926-01-01", "2999-01-01"])
def test_a_slip_of_the_hand_is_refused_in_a_sentence(acme, piped, day) -> None:
    with pytest.raises(CommandError, match=rf"^--since: {day} (is too long ago|lies in the future)"):
        call_command(*ARGS, "--since", day, "--yes")
    assert nothing_saved(acme)


def test_a_long_history_is_read_only_when_somebody_says_so(acme, piped, capsys) -> None:
    first = str(today() - timedelta(days=3000))
    with pytest.raises(CommandError, match=r"at least 6,005 requests, 67 minutes at 90 a minute\. Repeat .* --yes"):
        call_command(*ARGS, "--since", first)
    assert nothing_saved(acme)
    call_command(*ARGS, "--since", first, "--yes")
    assert json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(("answer", "saved"), [("y", True), ("", False), ("no", False)])
def test_at_a_terminal_it_is_asked(acme, monkeypatch, answer, saved) -> None:
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr(add_connection, "getpass", lambda prompt: "talq_typed")
    monkeypatch.setattr("builtins.input", lambda prompt: answer)
    with nullcontext() if saved else pytest.raises(CommandError, match=r"^Nothing was saved\.$"):
        call_command(*ARGS, "--since", str(today() - timedelta(days=3000)))
    assert nothing_saved(acme) is not saved


def test_what_was_not_tested_is_not_called_working(acme, capsys, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("talq_piped"))
    call_command(*ARGS)
    with wall.tenant(acme):
        made = Connection.objects.get()
        assert (made.state, made.tested_at) == (ConnectionState.UNTESTED, None)
        accept(made)  # as a reader does with the vendor's first answer
        assert Connection.objects.get().state == ConnectionState.OK
