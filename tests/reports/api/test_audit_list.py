"""The audit over the API: an owner's, a page at a time, and nobody else's."""

from portal.audit.record import record
from portal.tenants.models.people import Role
from tests.reports.api.conftest import make_key

ADDRESS = "/api/v1/audit/"


def test_an_owner_reads_it_page_by_page(client, acme, globex, ana) -> None:
    for number in range(5):
        record("note.written", tenant_id=acme.pk, user=ana, about={"note": f"n{number}"})
    record("note.written", tenant_id=globex.pk, about={"note": "canary-of-globex"})
    secret = make_key(acme, role=Role.OWNER)
    read = {"headers": {"authorization": f"Bearer {secret}"}}

    first = client.get(f"{ADDRESS}?page_size=4&count=true", **read).json()
    second = client.get(first["next"], **read).json()
    numbers = [entry["number"] for page in (first, second) for entry in page["results"]]

    assert numbers == list(range(first["count"], 0, -1))
    assert second["next"] is None
    assert "canary-of-globex" not in str(first) + str(second)
    assert {"action": "note.written", "user": ana.pk, "about": {"note": "n4"}}.items() <= next(
        entry for entry in first["results"] if entry["about"] == {"note": "n4"}
    ).items()
    assert client.get(f"{ADDRESS}?date_to=2020-01-01", **read).json()["results"] == []
    assert client.get(f"{ADDRESS}?cursor=x", **read).status_code == 400


def test_nobody_else_does(client, acme) -> None:
    secret = make_key(acme, role=Role.MANAGER)
    assert client.get(ADDRESS, headers={"authorization": f"Bearer {secret}"}).status_code == 403
