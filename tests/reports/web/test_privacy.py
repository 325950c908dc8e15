"""The page on which an owner says how long data are kept: looked at first, confirmed, audited."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.audit.models import Entry
from portal.privacy.models import Removal, Retention
from portal.tenants import wall
from reports.privacy.retention import nightly
from sync.models.calls import Call, Payload
from tests.reports.privacy.test_retention import CALLS, tell
from tests.sync.conftest import make_connection

pytestmark = pytest.mark.django_db

ADDRESS = "/t/acme/privacy/"
EMPTY = dict.fromkeys(("recordings", "transcripts", "numbers", "payloads", "mails", "changes"), "")


@pytest.fixture
def filled(settings, tmp_path, acme, sales):
    settings.DATA_DIR = tmp_path
    with wall.tenant(acme):
        tell(make_connection(sales), *(call.record() for call in CALLS))


def rules(tenant) -> dict[str, int | None]:
    with wall.tenant(tenant):
        return dict(Retention.objects.values_list("what", "days"))


def test_an_owner_looks_first_and_confirms(client, acme, ana, filled) -> None:
    client.force_login(ana)
    assert "everything is kept for good" in client.get(ADDRESS).content.decode()
    typed = EMPTY | {"transcripts": "90", "numbers": "100"}

    text = client.post(ADDRESS, typed | {"step": "look"}).content.decode()
    assert "5 transcripts from before" in text
    assert "2 numbers without a call since" in text
    assert "Sales: 5" in text
    assert "for good → 90 days" in text
    assert rules(acme) == {}
    assert client.post(ADDRESS, typed | {"step": "save"}).status_code == 400
    assert rules(acme) == {}

    text = client.post(ADDRESS, typed | {"step": "save", "sure": "yes"}, follow=True).content.decode()
    assert rules(acme) == {"transcripts": 90, "numbers": 100}
    assert "Nothing went yet." in text
    with wall.tenant(acme):
        assert Retention.objects.filter(due_at__gt=timezone.now()).count() == 2, "not before the coming night"
        (entry,) = Entry.objects.filter(action="retention.changed")
        assert entry.changes == {"transcripts": [None, 90], "numbers": [None, 100]}
        assert entry.user_id == ana.pk
        Retention.objects.update(due_at=timezone.now() - timedelta(hours=1))

    with wall.every_tenant("a sweep opens walls by itself"):
        assert nightly.sweep() == 2
    text = client.get(ADDRESS).content.decode()
    assert "5 transcripts · 2 numbers" in text
    with wall.tenant(acme):
        assert Removal.objects.count() == 2
        assert Call.objects.count() == len(CALLS)
        assert "call_transcription" not in json.loads(Payload.objects.get(call__external_id="c1").raw)


@pytest.mark.parametrize(
    "wrong", [{"numbers": "30"}, {"mails": "0"}, {"changes": "1.5"}, {"payloads": "٣"}, {"mails": "x"}]
)
def test_what_is_no_number_of_days_is_refused(client, acme, ana, wrong) -> None:
    client.force_login(ana)
    answer = client.post(ADDRESS, EMPTY | wrong | {"step": "save", "sure": "yes"})

    assert answer.status_code == 400
    assert "Give whole days" in answer.content.decode()
    assert rules(acme) == {}


def test_a_class_is_kept_for_good_again(client, acme, ana) -> None:
    client.force_login(ana)
    for days in ("40", ""):
        client.post(ADDRESS, EMPTY | {"mails": days, "step": "save", "sure": "yes"})
    assert rules(acme) == {"mails": None}
    with wall.tenant(acme):
        assert Retention.objects.get().due_at is None


def test_nobody_else_says_how_long(client, acme, bruno, carla) -> None:
    for user, status in ((bruno, 403), (carla, 404)):
        client.force_login(user)
        assert client.get(ADDRESS).status_code == status
        assert client.post(ADDRESS, EMPTY | {"mails": "1", "step": "save", "sure": "yes"}).status_code == status
    assert rules(acme) == {}


def test_what_another_owner_changed_meanwhile_is_looked_at_first(client, acme, ana, filled) -> None:
    client.force_login(ana)
    typed = EMPTY | {"transcripts": "90"}
    seen = client.post(ADDRESS, typed | {"step": "look"}).context["was"]
    client.post(ADDRESS, EMPTY | {"numbers": "100", "step": "save", "sure": "yes"})  # in another window
    answer = client.post(ADDRESS, typed | {"step": "save", "sure": "yes", "was": seen})
    assert answer.status_code == 400
    assert "100 days → for good" in answer.content.decode()
    assert rules(acme) == {"numbers": 100}
    client.post(ADDRESS, typed | {"step": "save", "sure": "yes", "was": answer.context["was"]})
    assert rules(acme) == {"numbers": None, "transcripts": 90}
