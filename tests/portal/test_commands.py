"""The commands that add tenants and keys, and the way every command ends."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError
from django.utils import translation

from portal.accounts.models import Invitation
from portal.audit.models import Entry
from portal.outbox.models import PlatformMessage
from portal.tenants import wall
from portal.tenants.command import Command, day, find_environment, find_tenant, identifier, moment
from portal.tenants.guards import reader_of_key
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import Tenant
from tests.factories import agent

NOBODY = "0197f5f0-0000-7000-8000-000000000000"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _no_password(monkeypatch) -> None:
    monkeypatch.delenv("RINGBOOK_OWNER_PASSWORD", raising=False)
    monkeypatch.delenv("RINGBOOK_MEMBER_PASSWORD", raising=False)


def run(capsys, *args: str) -> str:
    call_command(*args)
    return capsys.readouterr().out


def test_a_tenant_alone(db, capsys) -> None:
    out = run(capsys, "add_tenant", "acme", "--name", "Acme", "--zone", "Asia/Kathmandu", "--language", "en")
    tenant = Tenant.objects.get()

    assert json.loads(out) == {"tenant": "acme"}
    assert (tenant.name, tenant.zone, tenant.language, tenant.active) == ("Acme", "Asia/Kathmandu", "en", True)
    assert not PlatformMessage.objects.exists()


def test_an_owner_with_a_password(db, capsys, client, monkeypatch) -> None:
    monkeypatch.setenv("RINGBOOK_OWNER_PASSWORD", "a long enough one")
    out = run(capsys, "add_tenant", "acme", "--name", "Acme", "--owner", "Ana@Acme.example")
    client.post("/accounts/login/", {"login": "ana@acme.example", "password": "a long enough one"})

    assert "long enough" not in out
    assert client.get("/")["Location"] == "/t/acme/"
    with wall.tenant(Tenant.objects.get()):
        membership = Membership.objects.select_related("grant").get()
        assert (membership.role, membership.grant.all_environments, membership.grant.sees_numbers) == (
            "owner",
            True,
            True,
        )
        assert set(Entry.objects.values_list("action", flat=True)) == {
            "tenant.added",
            "member.added",
            "person.signed_in",
        }
    assert not PlatformMessage.objects.exists()


def test_an_owner_is_invited(db, capsys, client) -> None:
    out = run(capsys, "add_tenant", "acme", "--name", "Acme\nS.A.", "--owner", "ana@acme.example", "--language", "en")
    message = PlatformMessage.objects.get()
    link = re.search(r"http://127.0.0.1:8000(/accounts/password/reset/key/\S+)", message.text)

    assert message.to == "ana@acme.example"
    assert message.subject == "Your place in Acme S.A. on Ringbook"
    assert link is not None
    assert link[1] not in out
    assert client.post("/accounts/login/", {"login": "ana@acme.example", "password": ""}).status_code == 200
    form = client.get(link[1])["Location"]
    client.post(form, {"password1": "a long enough one", "password2": "a long enough one"})
    client.post("/accounts/login/", {"login": "ana@acme.example", "password": "a long enough one"})
    assert client.get("/")["Location"] == "/t/acme/"


def test_the_first_letter_speaks_the_tenants_language(db, capsys) -> None:
    run(capsys, "add_tenant", "acme", "--name", "Acme", "--owner", "ana@acme.example")
    message = PlatformMessage.objects.get()

    with translation.override("pt-br"):
        assert message.subject == translation.gettext("Your place in %(tenant)s on %(portal)s") % {
            "tenant": "Acme",
            "portal": "Ringbook",
        }
        assert translation.gettext("Choose a password") in message.text


def test_who_signs_in_already_keeps_his_password(globex, carla, capsys, client, monkeypatch) -> None:
    monkeypatch.setenv("RINGBOOK_OWNER_PASSWORD", "somebody else's idea")
    run(capsys, "add_tenant", "acme", "--name", "Acme", "--owner", "CARLA@globex.example")

    assert User.objects.get().check_password("correct horse battery")
    assert not PlatformMessage.objects.exists()


@pytest.mark.parametrize(
    "args",
    [
        ["acme", "--name", "Acme"],
        ["Not a slug", "--name", "X"],
        ["x", "--name", " "],
        ["x", "--name", "X", "--zone", "Sao Paulo"],
        ["x", "--name", "X", "--language", "de"],
        ["x", "--name", "X", "--owner", "nobody"],
        ["x", "--name", "X" * 121],
        ["x"],
        [],
    ],
)
def test_a_tenant_that_can_not_be(acme, args) -> None:
    with pytest.raises(CommandError):
        call_command("add_tenant", *args)
    assert Tenant.objects.count() == 1
    assert not User.objects.exists()


def test_a_member_is_invited(acme, sales, capsys) -> None:
    with wall.tenant(acme):
        chosen = agent(sales, "agent-7")
    out = run(
        capsys, "add_member", "--tenant", "acme", "--email", "Dora@acme.example", "--role", "manager", "--look-up",
        "--environment", str(sales.public_id), "--agent", str(chosen.public_id),
    )  # fmt: skip

    with wall.tenant(acme):
        invitation = Invitation.objects.select_related("grant").get()
        grant = invitation.grant
        assert json.loads(out) == {"member": str(invitation.public_id)}
        assert (invitation.email, invitation.role) == ("dora@acme.example", "manager")
        assert (grant.all_environments, grant.agent_keys) == (False, ["agent-7"])
        assert list(grant.environments.all()) == [sales]
        assert (grant.sees_numbers, grant.looks_up) == (False, True)


def test_a_member_with_a_password_is_one_at_once(acme, capsys, client, monkeypatch) -> None:
    monkeypatch.setenv("RINGBOOK_MEMBER_PASSWORD", "a long enough one")
    out = run(capsys, "add_member", "--tenant", "acme", "--email", "dora@acme.example", "--role", "viewer")
    client.post("/accounts/login/", {"login": "dora@acme.example", "password": "a long enough one"})

    assert client.get("/")["Location"] == "/t/acme/"
    with wall.tenant(acme):
        assert json.loads(out) == {"member": str(Membership.objects.get().public_id)}
    assert not PlatformMessage.objects.exists()


def test_a_member_of_what_the_tenant_has_not(acme, sales, carla, capsys) -> None:
    for what in ("--environment", "--agent"):
        with pytest.raises(CommandError):
            call_command(
                "add_member", "--tenant", "globex", "--email", "d@acme.example", "--role", "viewer",
                what, str(sales.public_id),
            )  # fmt: skip
    with pytest.raises(CommandError, match="member already"):
        call_command("add_member", "--tenant", "globex", "--email", carla.email, "--role", "viewer")


def test_a_key(acme, capsys) -> None:
    out = run(capsys, "add_key", "--tenant", "acme", "--name", "warehouse")
    reader = reader_of_key(out.strip())

    assert out == f"{out.strip()}\n"
    assert reader is not None
    assert (reader.tenant, reader.role, reader.grant.all_environments, reader.grant.sees_numbers) == (
        acme,
        Role.VIEWER,
        True,
        False,
    )


def test_a_key_of_one_environment(acme, sales, care, capsys) -> None:
    out = run(
        capsys,
        "add_key",
        "--tenant",
        "acme",
        "--environment",
        str(sales.public_id),
        "--name",
        "x",
        "--role",
        "manager",
        "--numbers",
    )
    reader = reader_of_key(out.strip())

    assert reader is not None
    assert (reader.role, reader.grant.all_environments, reader.grant.sees_numbers) == (Role.MANAGER, False, True)
    with wall.tenant(acme):
        assert reader.key.environment == sales
        assert list(reader.grant.environments.all()) == [sales]


def test_a_key_as_json(acme, capsys) -> None:
    out = json.loads(run(capsys, "add_key", "--tenant", "acme", "--name", "x", "--json"))
    reader = reader_of_key(out["key"])

    assert reader is not None
    assert out["id"] == str(reader.key.public_id)


def test_a_key_that_can_not_be(acme, sales, foreign) -> None:
    told = []
    for args in (
        ["--tenant", "nobody", "--name", "x"],
        ["--tenant", "acme", "--name", " "],
        ["--tenant", "acme", "--name", "x", "--role", "king"],
        ["--tenant", "acme", "--name", "x", "--environment", "7"],
        ["--tenant", "acme", "--name", "x", "--environment", str(foreign.public_id)],
        ["--tenant", "acme", "--name", "x", "--environment", "0197f5f0-0000-7000-8000-000000000000"],
    ):
        with pytest.raises(CommandError) as error:
            call_command("add_key", *args)
        told.append(str(error.value))
    # A foreign environment reads like an absent one.
    assert told[4].replace(str(foreign.public_id), "") == told[5].replace("0197f5f0-0000-7000-8000-000000000000", "")


def test_finding_what_a_command_names(acme, sales) -> None:
    assert find_tenant("acme") == acme
    assert find_environment(sales.public_id).tenant == acme
    with pytest.raises(CommandError):
        find_tenant("nobody")
    with pytest.raises(CommandError):
        find_environment(identifier("0197f5f0-0000-7000-8000-000000000000"))


class Ends(Command):
    def add_arguments(self, parser) -> None:
        parser.add_argument("--since", type=day)
        parser.add_argument("--at", type=moment)
        parser.add_argument("--environment", type=identifier)

    def handle(self, *args, **options) -> None:
        self.tell("nobody watches")
        self.finish(3, {"status": "partial"})


def test_json_is_the_last_line_and_the_status_stays(capsys) -> None:
    for flags, out in (([], ""), (["--json"], '{"status": "partial"}\n')):
        with pytest.raises(SystemExit) as end:
            call_command(Ends(), *flags)
        told = capsys.readouterr()
        assert (end.value.code, told.out, told.err) == (3, out, "")


@pytest.mark.parametrize(
    "args", [["--since", "1.7.2026"], ["--at", "now"], ["--environment", "x"], ["--what"], ["odd"]]
)
def test_wrong_usage_is_one_sentence(capsys, args) -> None:
    with pytest.raises(SystemExit) as end:
        Ends().run_from_argv(["manage.py", "ends", *args])
    told = capsys.readouterr()

    assert end.value.code == 2
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert told.err.endswith(".\n")


@pytest.mark.parametrize(
    "args",
    [
        ["add_tenant", "x", "--name", "X", "--owner", "nobody"],
        ["add_key", "--tenant", "acme", "--name", "x", "--environment", "7"],
        ["no_such_command"],
    ],
)
def test_a_real_process_ends_with_two(args, tmp_path) -> None:
    told = refused(args, tmp_path)

    assert told.startswith("There is no command") == (args[0] == "no_such_command")


def refused(args: list[str], folder: Path, **variables: str) -> str:
    """Runs a process; returns the one sentence with which it ends."""
    environment = os.environ | {"DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "portal.settings"} | variables
    command = [sys.executable, "manage.py", *args]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    "args", [["add_tenant", "acme", "--name", "Acme"], ["pull", "--environment", NOBODY], ["sweep", "--json"]]
)
def test_a_database_without_tables_is_told_in_a_sentence(args, tmp_path) -> None:
    told = refused(args, tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/empty.sqlite3")

    assert told == "The database is not up to date: run manage.py migrate first.\n"


@pytest.mark.parametrize("args", [["sweep"], ["migrate"]])
def test_a_database_that_does_not_answer_is_told_in_a_sentence(args, tmp_path) -> None:
    told = refused(args, tmp_path, DATABASE_URL="postgresql://ana:secret@127.0.0.1:1/ringbook")

    assert told.startswith("The database does not answer: ")
    assert "secret" not in told


@pytest.mark.parametrize("args", [["migrate", "--bogus"], ["migrate", "no_such_app"], ["migrate", "a", "b", "c"]])
def test_wrong_usage_of_a_command_of_djangos_is_one_sentence(args, tmp_path) -> None:
    assert args[-1] in refused(args, tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/any.sqlite3")


def test_a_port_that_is_none_is_told_before_anything_else(tmp_path) -> None:
    notes = {"days": 20, "calls_per_day": 12, "password": "x", "port": 1, "built": True}
    (tmp_path / "demo.json").write_text(json.dumps(notes))  # a demo of other days, of which the start would speak

    assert "99999" in refused(["demo", "--port", "99999"], tmp_path)


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch) -> None:
    def handle(self, *args, **options) -> None:
        raise ProgrammingError("syntax error")

    monkeypatch.setattr(Ends, "handle", handle)
    with pytest.raises(ProgrammingError):
        Ends().run_from_argv(["manage.py", "ends"])


@pytest.mark.parametrize("command", ["serve", "add_tenant", "pull", "migrate", "no_such_command"])
def test_a_bad_setting_says_its_own_sentence_whatever_was_asked_for(command, tmp_path) -> None:
    assert refused([command], tmp_path, DEBUG="maybe") == "DEBUG must be true or false.\n"
