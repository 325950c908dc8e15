"""Who may not see numbers is shown no personal field either, on no face; who may is shown all of them."""

import json

import pytest
from django.test import Client

from portal.tenants import wall
from portal.tenants.models.people import Role
from sync.models.campaigns import Campaign
from tests import factories
from tests.conftest import member
from tests.isolation.world import ORIGINSAI, TALKOVER
from tests.reports.api.conftest import make_key

pytestmark = pytest.mark.django_db
NUMBER, OTHER = "+5511976543210", "21988887777"
PERSONAL = ("Rosalia", "Figueira", "rosalia@", "529.982.247-25", "8888", "Acacias")
ELEMENT = {
    "to": NUMBER,
    "call_context": {"customer_name": "Rosalia Figueira", "cpf": "529.982.247-25", "plan": "Gold"},
    "metadata": {"lead_mobile": f"+55{OTHER}", "delivery_address": {"street": "Rua das Acacias"}},
    "call_transcription": [{"role": "user", "content": f"Rosalia here, {OTHER}, rosalia@mail.example"}],
    "summary": "Call Rosalia Figueira back, CPF 529.982.247-25",
}


@pytest.fixture
def calls(acme, sales, care) -> dict[str, str]:
    with wall.tenant(acme):
        agent = factories.agent(care, "7", name="Sofia")
        ours = {"agent": agent, "to_number": NUMBER, "direction": "outbound"}
        told = factories.call(care, "c1", raw=json.dumps({"call_id": "c1"} | ELEMENT), **ours)
        factories.call(sales, "c2", raw=json.dumps({"id": "c2"} | ELEMENT), to_number=NUMBER, direction="outbound")
        raw = json.dumps({"id": "k1", "name": "July", "description": f"for {OTHER}"})
        Campaign.objects.create(
            tenant=acme, environment=sales, external_id="k1", name="July", status="done", payload=raw,
            digest=b"1" * 16, changed_at=told.changed_at,
        )  # fmt: skip
    return {"call": str(told.pk)}


def faces(acme, sales, care, calls: dict[str, str], *, numbers: bool) -> dict[str, str]:
    """What a reader is served by every face that tells of a call."""
    client = Client()
    client.force_login(member(acme, f"reader-{numbers}@acme.example", Role.MANAGER, numbers=numbers))
    asked = {f"/t/acme/calls/{calls['call']}/{rest}": (client, None) for rest in ("", "payload.json")}
    asked[f"/api/v1/calls/{calls['call']}/"] = Client(), make_key(acme, numbers=numbers)
    asked[f"{ORIGINSAI}/agents/7/call_stats"] = Client(), make_key(acme, numbers=numbers, environment=care)
    asked[f"{TALKOVER}/calls"] = Client(), make_key(acme, numbers=numbers, environment=sales)
    told = {}
    for path, (asker, key) in asked.items():
        answer = asker.get(path, headers={"Authorization": f"Bearer {key}"} if key else {})
        assert answer.status_code == 200, path
        told[path] = (b"".join(answer.streaming_content) if answer.streaming else answer.content).decode()
    return told


def test_a_masked_reader_is_shown_no_personal_field(acme, sales, care, calls) -> None:
    told = faces(acme, sales, care, calls, numbers=False)
    leaks = [(path, word) for path, text in told.items() for word in PERSONAL if word in text]
    assert leaks == []
    assert [path for path, text in told.items() if "Gold" not in text] == [], "what is not personal stays"


def test_who_sees_numbers_is_shown_them(acme, sales, care, calls) -> None:
    told = faces(acme, sales, care, calls, numbers=True)
    assert [path for path, text in told.items() if "Rosalia" not in text] == []


def test_a_search_does_not_confirm_what_is_hidden(acme, sales, care, calls) -> None:
    for numbers, found in ((True, 1), (False, 0)):
        key = make_key(acme, numbers=numbers, environment=sales)
        for search in (OTHER, "for"):
            answer = Client().get(f"{TALKOVER}/campaigns?search={search}", headers={"Authorization": f"Bearer {key}"})
            assert len(answer.json()["data"]) == (found if search == OTHER else 1), (numbers, search)
