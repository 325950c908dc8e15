"""The command that adds a connection: where the token comes from, and what is said in which order."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from portal.tenants import wall
from sync.management.commands import add_connection
from sync.models.connections import Connection

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
