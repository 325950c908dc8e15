"""The audit page: owners alone read it, their own company's acts, in words."""

import ast
from datetime import date

from portal.audit.actions import ACTIONS
from portal.audit.record import CHANGED, record
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
        return list(line.changes)

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

    assert told("en") == [
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
    assert told("pt-br") == [
        "Papel: leitor → gestor",
        "Ambientes: todos → Sales",
        "Ambiente: – → Sales",
        "Agentes: todos → a/1",
        "Vê números completos: não → sim",
        "Segundo fator: responsáveis e gestores → todos",
        "Estado: funcionando → em pausa",
        "Dia da semana: segunda-feira → sexta-feira",
        "Histórico desde: – → 08/07/2026",
        "Configurações do fornecedor: alterado",
        "What nobody knows: 1 → 2",
    ]
