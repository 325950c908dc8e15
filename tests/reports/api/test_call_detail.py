"""What one call tells over the API besides its row: changes, notes, flags; and that reading a transcript is noted."""

import json
from datetime import timedelta

import pytest

from portal.audit.models import Entry
from portal.tenants import wall
from portal.tenants.models.people import Membership
from reports.annotations import notes
from reports.annotations.flags import set_flag
from reports.api import forms
from reports.queries.scope import Scope
from sync.models.changes import CallChange
from tests import factories
from tests.reports.api.conftest import make_key

API = "/api/v1"
PERSON = "+5511987654321"
OPENED = "call.transcript_opened"


@pytest.fixture
def spoken(acme, care):
    element = {"call_id": "c-1", "to_number": PERSON, "call_transcription": [{"user": "Oi."}]}
    with wall.tenant(acme):
        return factories.call(care, "c-1", raw=json.dumps(element), to_number=PERSON)


def test_changes_notes_and_flags(get, acme, care, ana, spoken):
    with wall.tenant(acme):
        CallChange.objects.create(
            tenant=acme,
            environment=care,
            call=spoken,
            at=factories.TIME_ZERO + timedelta(minutes=5),
            was_started_at=spoken.started_at,
            was_status="answered",
            was_duration_ms=0,
            now_status="completed",
            now_duration_ms=180_000,
        )
        membership = Membership.objects.select_related("user", "grant").get(user=ana)
        scope = Scope.of(membership.grant)
        notes.write(spoken.pk, f"Ligar para {PERSON} amanhã", scope, membership)
        set_flag(spoken.pk, "review", scope, membership, on=True)
    for numbers, text in ((True, f"Ligar para {PERSON} amanhã"), (False, "Ligar para +•••••••••4321 amanhã")):
        told = get(f"{API}/calls/{spoken.pk}/", make_key(acme, numbers=numbers)).data
        assert list(told) == list(forms.CallDetail().fields)
        assert told["changes"] == [
            {"at": "2026-07-08T15:05:00Z", "field": "status", "was": "answered", "now": "completed"},
            {"at": "2026-07-08T15:05:00Z", "field": "duration", "was": 0.0, "now": 180.0},
        ]
        assert told["flags"] == ["review"]
        assert [(note["author"], note["text"]) for note in told["notes"]] == [("Ana", text)]


def test_reading_a_transcript_is_noted_once_for_each_key(get, client, acme, care, spoken):
    client.defaults["REMOTE_ADDR"] = "203.0.113.7"
    with wall.tenant(acme):
        silent = factories.call(care, "c-2")
        other = factories.call(care, "c-3", raw=json.dumps({"call_id": "c-3", "call_transcription": [{"user": "Oi."}]}))
    keys = [make_key(acme), make_key(acme)]
    for key in (*keys, *keys):
        for call in (spoken, silent):
            assert get(f"{API}/calls/{call.pk}/", key).status_code == 200
    with wall.tenant(acme):
        entries = list(Entry.objects.filter(action=OPENED))
    assert [entry.about for entry in entries] == [{"call": str(spoken.pk)}] * 2
    assert len({entry.key_id for entry in entries}) == 2
    assert {entry.address for entry in entries} == {"203.0.113.7"}
    assert get(f"{API}/calls/{other.pk}/", keys[0]).status_code == 200  # within the same hour, another one
    with wall.tenant(acme):
        assert Entry.objects.filter(action=OPENED, about={"call": str(other.pk)}).count() == 1
