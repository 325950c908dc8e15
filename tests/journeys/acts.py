"""What an administrator types."""

import io
import json
from datetime import date
from typing import Any

import pytest
from django.core.management import call_command

from sync.sandbox.server import Sandbox


def run(*words: str) -> tuple[int, str]:
    """A command's exit status and the last line it says."""
    out = io.StringIO()
    try:
        call_command(*words, stdout=out)
        status = 0
    except SystemExit as ended:
        status = int(str(ended.code))
    return status, (out.getvalue().splitlines() or [""])[-1]


def report_of(*words: str) -> dict[str, Any]:
    """What a command says with --json; it has to end well."""
    status, said = run(*words, "--json")
    assert status == 0, said
    found: dict[str, Any] = json.loads(said)
    return found


def pull(environment: str, first: date, last: date, *more: str) -> tuple[int, dict[str, Any]]:
    """Exit status and report of reading UTC days, both included."""
    days = ("--since", first.isoformat(), "--until", last.isoformat())
    status, said = run("pull", "--environment", environment, *days, "--json", *more)
    return status, json.loads(said)


def connect(monkeypatch: pytest.MonkeyPatch, box: Sandbox, first: date) -> dict[str, str]:
    """Acme's two environments at a sandbox, by vendor."""
    agents = ",".join(f"{number}:{name}" for number, name in box.originsai_agents.items())
    described = {
        "talkover": ("Sales", box.talkover_url, box.talkover_token, []),
        "originsai": ("Care", box.originsai_url, box.originsai_token, ["--set", f"agents={agents}"]),
    }
    found = {}
    for vendor, (name, url, token, more) in described.items():
        monkeypatch.setattr("sys.stdin", io.StringIO(token))
        words = ("add_connection", "--tenant", "acme", "--environment", name, "--provider", vendor)
        found[vendor] = report_of(*words, "--base-url", url, "--since", first.isoformat(), *more)["environment"]
    return found


def add_key(name: str, environment: str = "") -> str:
    """A key of Acme's that sees numbers."""
    bound = ("--environment", environment) if environment else ()
    status, key = run("add_key", "--tenant", "acme", "--name", name, "--numbers", *bound)
    assert status == 0
    return key
