"""Saved reports by the API: kept by members, read by keys, foreign ones absent."""

from uuid import uuid4

import pytest

from portal.tenants import wall
from portal.tenants.models.people import Role
from reports.saved.models import SavedView
from tests.conftest import member

pytestmark = pytest.mark.django_db
API = "/api/v1/saved-reports/"
WISH = {"name": "Weekly", "query": "metrics=attempts&by=day&period=last_week"}


def send(client, method: str, address: str, data=None):
    return getattr(client, method)(address, data, content_type="application/json")


def test_a_member_keeps_reports(client, ana, acme, sales):
    client.force_login(ana)
    made = send(client, "post", API, WISH | {"shared": True})
    assert made.status_code == 201
    told = made.json()
    assert made["Location"].endswith(f"{API}{told['id']}/")
    assert (told["name"], told["query"], told["shared"]) == ("Weekly", WISH["query"], True)
    assert client.get(told["answer"], follow=True).status_code == 200
    changed = send(client, "patch", f"{API}{told['id']}/", {"name": "Week", "shared": False}).json()
    assert (changed["name"], changed["shared"]) == ("Week", False)
    assert [row["id"] for row in client.get(API).json()["results"]] == [told["id"]]
    assert client.delete(f"{API}{told['id']}/").status_code == 204
    assert client.get(f"{API}{told['id']}/").status_code == 404


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({}, "name"),
        ({"name": "x"}, "query"),
        (WISH | {"query": "metrics=nonsense"}, "metrics"),
        (WISH | {"colour": "red"}, "colour"),
        (WISH | {"shared": "yes"}, "shared"),
        (WISH | {"shared": True, "query": "metrics=attempts&number=5511987654321"}, "shared"),
        (WISH | {"name": "x" * 61}, "name"),
    ],
)
def test_what_cannot_be_kept_is_told_by_its_field(client, ana, acme, sales, wish, field):
    client.force_login(ana)
    answer = send(client, "post", API, wish)
    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    with wall.tenant(acme):
        assert not SavedView.objects.exists()


def test_viewers_share_nothing_and_change_nothing_shared(client, ana, acme, sales):
    client.force_login(ana)
    shared = send(client, "post", API, WISH | {"shared": True}).json()["id"]
    own = send(client, "post", API, WISH | {"name": "Own"}).json()["id"]
    client.force_login(member(acme, "vera@acme.test", Role.VIEWER, sales))
    assert send(client, "post", API, WISH | {"shared": True}).status_code == 403
    assert [row["id"] for row in client.get(API).json()["results"]] == [shared]
    assert send(client, "patch", f"{API}{shared}/", {"name": "x"}).status_code == 403
    assert client.delete(f"{API}{shared}/").status_code == 403
    for key in (own, uuid4()):
        assert client.get(f"{API}{key}/").status_code == 404
        assert send(client, "patch", f"{API}{key}/", {"name": "x"}).status_code == 404
