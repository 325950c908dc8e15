"""Share links by the API: made and revoked by managers, their address told once, foreign ones absent."""

from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import time_machine
from django.test import Client

from portal.audit.models import Entry
from portal.tenants import wall
from portal.tenants.models.people import Role
from reports.saved.models import ShareLink
from tests.conftest import member
from tests.reports.api.conftest import make_key

pytestmark = pytest.mark.django_db
API, HOSTS, REPORTS = "/api/v1/share-links/", "/api/v1/frame-hosts/", "/api/v1/saved-reports/"
NOW = datetime(2026, 7, 15, 15, tzinfo=UTC)
PASSWORD = "four white horses"


def send(client, method: str, address: str, data=None):
    return getattr(client, method)(address, data, content_type="application/json")


@pytest.fixture
def report(client, ana, acme, sales) -> str:
    client.force_login(ana)
    wish = {"name": "Weekly", "query": "metrics=attempts&period=yesterday"}
    return send(client, "post", REPORTS, wish).json()["id"]


def path(told) -> str:
    return urlsplit(told["address"]).path


def test_a_manager_makes_a_link_reads_its_address_once_and_revokes_it(client, ana, acme, report):
    with time_machine.travel(NOW, tick=False):
        made = send(client, "post", API, {"report": report, "days": 30, "any_period": True})
        assert made.status_code == 201, made.json()
        told = made.json()
        one = f"{API}{told['id']}/"
        assert made["Location"].endswith(one)
        assert (told["opens"], told["title"], told["state"]) == ("report", "Weekly", "open")
        assert (told["has_password"], told["frame"], told["any_period"]) == (False, False, True)
        assert told["expires_at"].startswith("2026-08-14T15:00")
        assert Client().get(path(told)).status_code == 200
        token = path(told).split("/")[2]
        for answer in (client.get(API), client.get(one)):
            assert token not in answer.content.decode()
            assert "address" not in answer.json()
        assert client.delete(one).status_code == 204
        assert client.delete(one).status_code == 204
        assert Client().get(path(told)).status_code == 404
        assert client.get(one).json()["state"] == "revoked"
    with wall.tenant(acme):
        acts = list(Entry.objects.filter(action__startswith="link.").values_list("action", flat=True))
    assert sorted(acts) == ["link.made", "link.revoked"]


def test_frames_and_passwords(client, ana, acme, report):
    assert send(client, "put", HOSTS, {"hosts": ["www.example.com"]}).json() == {"hosts": ["www.example.com"]}
    assert client.get(HOSTS).json() == {"hosts": ["www.example.com"]}
    frame = send(client, "post", API, {"report": report, "days": 7, "frame": True}).json()
    assert frame["address"].endswith("/frame/")
    assert "https://www.example.com" in Client().get(path(frame))["Content-Security-Policy"]
    guarded = send(client, "post", API, {"report": report, "days": 7, "password": PASSWORD}).json()
    assert guarded["has_password"]
    assert PASSWORD not in str(guarded)
    assert "<data" not in Client().get(path(guarded)).content.decode()
    for hosts in (["*.example.com"], "www.example.com", ["a b;script-src"]):
        assert "hosts" in send(client, "put", HOSTS, {"hosts": hosts}).json()["errors"]
    assert client.get(HOSTS).json() == {"hosts": ["www.example.com"]}


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"days": 31}, "days"),
        ({"days": True}, "days"),
        ({"board": str(uuid4())}, "report"),  # two at once
        ({"password": "short"}, "body"),
        ({"password": PASSWORD, "frame": True}, "body"),
        ({"hosts": ["x.example"]}, "hosts"),
    ],
)
def test_what_cannot_be_made_is_told_by_its_field(client, ana, acme, report, wish, field):
    answer = send(client, "post", API, {"report": report, "days": 30} | wish)
    assert answer.status_code == 400
    assert field in answer.json()["errors"], answer.json()
    with wall.tenant(acme):
        assert not ShareLink.objects.exists()


def test_links_are_for_managers_and_foreign_ones_are_absent(client, get, ana, carla, acme, globex, sales, report):
    link = send(client, "post", API, {"report": report, "days": 30}).json()["id"]
    board = send(client, "post", "/api/v1/boards/", {"name": "Own"}).json()["id"]
    manager, viewer = make_key(acme, role=Role.MANAGER), make_key(acme)
    told = get(API, manager).data["results"]
    assert [(row["id"], row["title"]) for row in told] == [(link, "a report of its maker's own")]
    assert get(API, viewer).status_code == 403
    assert get(f"{API}{link}/", viewer, method="DELETE").status_code == 403
    client.force_login(carla)
    for wish in ({"report": report}, {"board": board}, {"board": "no-id"}, {"report": str(uuid4())}):
        assert send(client, "post", API, wish | {"days": 30}).status_code == 404
    for method in ("get", "delete"):
        for key in (link, uuid4()):
            assert getattr(client, method)(f"{API}{key}/").status_code == 404
    client.force_login(member(acme, "max@acme.test", Role.MANAGER, sales))
    assert send(client, "post", API, {"report": report, "days": 30}).status_code == 404  # another's own
    assert send(client, "put", HOSTS, {"hosts": []}).status_code == 403
    client.force_login(member(acme, "vera@acme.test", Role.VIEWER, sales))
    assert client.get(API).status_code == 403
    assert send(client, "post", API, {"report": report, "days": 30}).status_code == 403
    client.logout()
    assert get(f"{API}{link}/", manager, method="DELETE").status_code == 204
    with wall.tenant(acme):
        assert ShareLink.objects.get().revoked_at is not None
