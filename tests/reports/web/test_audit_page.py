"""The audit page: owners alone read it, their own company's acts, in words."""

import ast
import csv
import io
import json
from datetime import date
from hashlib import sha256

import pytest
from django.core.management import CommandError, call_command

from portal.accounts.keys import NewKey, issue_key
from portal.audit.actions import ACTIONS
from portal.audit.chain import SEALED
from portal.audit.record import CHANGED, record
from portal.tenants.models.people import Role
from tests.conftest import member
from tests.walls.tree import ROOT


def _recorded() -> set[str]:
    """The acts that code names where it calls ``record`` or ``note_access`` with them."""
    found = set()
    for package in ("portal", "sync", "reports"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                name = getattr(getattr(node, "func", None), "id", "")
                if (
                    isinstance(node, ast.Call)
                    and name in ("record", "note_access", "note", "record_person")
                    and node.args
                ):
                    found |= {
                        part.value
                        for part in ast.walk(node.args[0])
                        if isinstance(part, ast.Constant) and isinstance(part.value, str) and "." in part.value
                    }
    return found


def test_every_act_has_words() -> None:
    assert len(_recorded()) > 15
    assert _recorded() - set(ACTIONS) == set()


def test_an_owner_reads_his_companys_acts(client, acme, globex, ana, bruno, carla) -> None:
    record("member.added", tenant_id=acme.pk, user=ana, about={"user": bruno.pk}, changes={"role": ("viewer", "owner")})
    record("key.revoked", tenant_id=acme.pk, user=carla)
    record("export.deleted", tenant_id=globex.pk, user=carla, about={"export": "canary-of-globex"})
    client.force_login(ana)

    text = client.get("/t/acme/audit/").content.decode()
    assert "Member added" in text
    assert "Role: viewer → owner" in text
    assert f"a former member (no. {carla.pk})" in text
    assert "carla@" not in text
    assert "canary-of-globex" not in text

    chosen = client.get("/t/acme/audit/", {"action": "key.revoked"}).content.decode()
    assert "Role: viewer" not in chosen
    for wrong in ({"action": "x"}, {"who": carla.pk}, {"who": "x"}, {"date_from": "x"}, {"date_to": "9999-12-31"}):
        assert client.get("/t/acme/audit/", wrong).status_code == 400


def test_a_day_before_all_days_is_refused_east_of_greenwich(client, globex) -> None:
    client.force_login(member(globex, "olga@globex.example", Role.OWNER))
    for wrong in ({"date_from": "0001-01-01"}, {"date_to": "9999-12-31"}):
        assert client.get("/t/globex/audit/", wrong).status_code == 400


def test_pages_go_on_by_number(client, acme, ana) -> None:
    client.force_login(ana)
    for number in range(60):
        record("a.b", tenant_id=acme.pk, about={"run": number})
    first = client.get("/t/acme/audit/?date_from=2020-01-01")
    address = first.context["pages"]["next"]
    second = client.get(f"/t/acme/audit/{address}")

    seen = [line.number for answer in (first, second) for line in answer.context["lines"]]
    assert seen == list(range(seen[0], 0, -1))
    assert "date_from=2020-01-01" in address


def test_nobody_else_reads_it(client, acme, bruno, carla) -> None:
    for user, status in ((bruno, 403), (carla, 404)):
        client.force_login(user)
        assert client.get("/t/acme/audit/").status_code == status


def test_what_changed_is_told_in_words(client, acme, ana, sales) -> None:
    def told(language: str) -> list[str]:
        client.cookies["django_language"] = language
        (line,) = client.get("/t/acme/audit/?action=member.changed").context["lines"]
        return sorted(line.changes)  # the databases keep members of an object in orders of their own

    changes = {
        "role": ("viewer", "manager"),
        "environments": (["all"], [sales.pk]),
        "environment": (None, str(sales.public_id)),
        "agents": (["all"], ["agent:a%2F1"]),
        "sees_numbers": (False, True),
        "second_factor": ("managers", "everyone"),
        "state": ("ok", "paused"),
        "weekday": (0, 4),
        "since": (None, date(2026, 7, 8)),
        "settings": (None, CHANGED),
        "what_nobody_knows": (1, 2),
    }
    record("member.changed", tenant_id=acme.pk, user=ana, changes=changes)
    client.force_login(ana)

    assert told("en") == sorted(
        [
            "Role: viewer → manager",
            "Environments: all → Sales",
            "Environment: – → Sales",
            "Agents: all → a/1",
            "Sees full numbers: no → yes",
            "Second factor: owners and managers → everyone",
            "State: working → paused",
            "Weekday: Monday → Friday",
            "History since: – → 8 Jul 2026",
            "Vendor's settings: changed",
            "What nobody knows: 1 → 2",
        ]
    )
    assert told("pt-br") == sorted(
        [
            "Papel: leitor → gestor",
            "Ambientes: todos → Sales",
            "Ambiente: – → Sales",
            "Agentes: todos → a/1",
            "Vê números completos: não → sim",
            "Segundo fator: proprietários e gestores → todos",
            "Situação: funcionando → em pausa",
            "Dia da semana: segunda-feira → sexta-feira",
            "Histórico desde: – → 8 jul 2026",
            "Configurações do fornecedor: alterado",
            "What nobody knows: 1 → 2",
        ]
    )


def test_the_whole_audit_is_a_file_that_can_be_checked_without_us(client, acme, ana, bruno, tmp_path, capsys) -> None:
    for number in range(3):
        about = {"member": "=cmd|' /C calc'!A0", "run": number}
        record("member.added", tenant_id=acme.pk, user=ana, about=about, address="2001:db8::1")
    client.force_login(bruno)
    assert client.get("/t/acme/audit/audit.jsonl").status_code == 403
    client.force_login(ana)
    table = client.get("/t/acme/audit/audit.csv")
    rows = list(csv.DictReader(io.StringIO(table.getvalue().decode())))
    assert table["Content-Disposition"] == 'attachment; filename="acme-audit.csv"'
    assert [row["action"] for row in rows[:3]] == ["member.added"] * 3
    assert rows[-1]["action"] == "audit.exported"
    assert {row["who"] for row in rows[:3]} == {"ana@acme.example"}
    assert rows[1]["previous"] == rows[0]["digest"] != ""

    kept = client.get("/t/acme/audit/audit.jsonl").getvalue().decode()
    path = tmp_path / "audit.jsonl"
    path.write_text(kept)
    assert len(kept.splitlines()) == len(rows) + 1
    assert "ana@" not in kept
    call_command("verify_audit", "--file", str(path), "--tenant", "acme")
    assert f"{len(rows) + 1} entries read, all hold" in capsys.readouterr().out
    first = json.loads(kept.splitlines()[0])
    said = [first[name] for name in SEALED]
    assert first["digest"] == sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    for was, now, number in (('"run": 1', '"run": 7', 2), (kept.splitlines(keepends=True)[1], "", 2)):
        path.write_text(kept.replace(was, now))
        with pytest.raises(SystemExit):
            call_command("verify_audit", "--file", str(path))
        assert f"entry {number} does not hold" in capsys.readouterr().out
    path.write_text("[]")
    with pytest.raises(CommandError):
        call_command("verify_audit", "--file", str(path))


def test_another_chain_is_not_the_one_that_was_exported(client, acme, globex, ana, carla, tmp_path, capsys) -> None:
    record("member.added", tenant_id=acme.pk, user=ana)
    client.force_login(ana)
    path = tmp_path / "audit.jsonl"
    path.write_bytes(client.get("/t/acme/audit/audit.jsonl").getvalue())
    with pytest.raises(SystemExit):
        call_command("verify_audit", "--file", str(path), "--tenant", "globex")
    assert "does not contain it" in capsys.readouterr().out


def test_the_audit_leaves_by_the_api_as_well(client, acme, ana) -> None:
    _, secret = issue_key(acme, NewKey("a", role=Role.OWNER), by=ana)
    _, lesser = issue_key(acme, NewKey("b", role=Role.MANAGER), by=ana)

    def get(form: str, key: str = secret):
        return client.get(f"/api/v1/audit/{form}", headers={"Authorization": f"Bearer {key}"})

    table = get("csv/?dialect=excel-pt").getvalue().decode()
    assert table.count("\r\n") == 4  # the headers, two keys, and this file
    assert [json.loads(line)["action"] for line in get("lines/").getvalue().decode().splitlines()] == [
        "key.created", "key.created", "audit.exported", "audit.exported",
    ]  # fmt: skip
    assert get("csv/", lesser).status_code == get("lines/", lesser).status_code == 403
    assert get("csv/?dialect=x").status_code == 400
