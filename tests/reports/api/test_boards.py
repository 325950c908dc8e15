"""Boards by the API: kept by members, read by keys, changed whole or not at all, foreign ones absent."""

from uuid import uuid4

import pytest

from portal.audit.models import Entry
from portal.tenants import wall
from portal.tenants.models.people import Role
from reports.saved.models import Board
from tests.conftest import member
from tests.reports.api.conftest import make_key

pytestmark = pytest.mark.django_db
API, REPORTS = "/api/v1/boards/", "/api/v1/saved-reports/"


def send(client, method: str, address: str, data=None):
    return getattr(client, method)(address, data, content_type="application/json")


def report(client, name: str, *, shared: bool = True) -> str:
    wish = {"name": name, "query": "metrics=attempts&period=yesterday", "shared": shared}
    return send(client, "post", REPORTS, wish).json()["id"]


def on(told) -> list[str]:
    return [each["name"] for each in told["reports"]]


def test_a_member_makes_orders_shares_and_deletes_a_board(client, ana, acme, sales):
    client.force_login(ana)
    a, b, c = (report(client, name) for name in "ABC")
    made = send(client, "post", API, {"name": "Monday", "reports": [b, a], "shared": True, "start_page": True})
    assert made.status_code == 201, made.json()
    told = made.json()
    address = f"{API}{told['id']}/"
    assert made["Location"].endswith(address)
    assert (told["name"], told["shared"], told["start_page"], on(told)) == ("Monday", True, True, ["B", "A"])
    assert client.get("/t/acme/")["Location"] in told["page"]
    assert client.get(told["page"]).status_code == 200
    assert on(send(client, "patch", address, {"reports": [c, b, c]}).json()) == ["C", "B"]
    assert on(send(client, "patch", address, {"reports": []}).json()) == []
    changed = send(client, "patch", address, {"name": "Tuesday", "shared": False}).json()
    assert (changed["name"], changed["shared"], changed["start_page"]) == ("Tuesday", False, False)
    assert [row["name"] for row in client.get(API).json()["results"]] == ["Tuesday"]
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404
    with wall.tenant(acme):
        acts = set(Entry.objects.values_list("action", flat=True))
    assert {"board.made", "board.changed", "board.shared", "board.opens", "board.unshared", "board.deleted"} <= acts


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"name": "x", "colour": "red"}, "colour"),
        ({"name": "x", "shared": "yes"}, "shared"),
        ({"name": "x", "reports": "all"}, "reports"),
        ({"name": "x", "reports": ["no-id"]}, "reports"),
        ({"name": "x", "reports": [str(uuid4())]}, "reports"),
        ({"name": "x", "start_page": True}, "start_page"),  # it is not shared
    ],
)
def test_what_cannot_be_made_is_told_by_its_field_and_nothing_is_kept(client, ana, acme, sales, wish, field):
    client.force_login(ana)
    answer = send(client, "post", API, wish)
    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    with wall.tenant(acme):
        assert not Board.objects.exists()
        assert not Entry.objects.filter(action="board.made").exists()


def test_a_shared_board_holds_shared_reports_alone_and_a_change_is_whole(client, ana, acme, sales):
    client.force_login(ana)
    shared, own = report(client, "Ours"), report(client, "Own", shared=False)
    board = send(client, "post", API, {"name": "Monday", "reports": [own]}).json()
    address = f"{API}{board['id']}/"
    refused = send(client, "patch", address, {"name": "Other", "shared": True})
    assert "shared" in refused.json()["errors"]
    assert client.get(address).json()["name"] == "Monday"
    both = send(client, "patch", address, {"reports": [shared], "shared": True}).json()
    assert (both["shared"], on(both)) == (True, ["Ours"])
    assert "reports" in send(client, "patch", address, {"reports": [own]}).json()["errors"]
    assert on(send(client, "patch", address, {"reports": [own], "shared": False}).json()) == ["Own"]


def test_viewers_and_keys_read_the_shared_ones_and_change_nothing(client, get, ana, acme, sales):
    client.force_login(ana)
    shared = send(client, "post", API, {"name": "Ours", "reports": [report(client, "R")], "shared": True}).json()["id"]
    own = send(client, "post", API, {"name": "Own"}).json()["id"]
    key = make_key(acme)
    assert [(row["id"], on(row)) for row in get(API, key).data["results"]] == [(shared, ["R"])]
    client.force_login(member(acme, "vera@acme.test", Role.VIEWER, sales))
    assert [row["id"] for row in client.get(API).json()["results"]] == [shared]
    mine = send(client, "post", API, {"name": "Mine"})
    assert mine.status_code == 201
    for wish in ({"name": "x"}, {"reports": []}, {"shared": False}, {"start_page": True}):
        assert send(client, "patch", f"{API}{shared}/", wish).status_code == 403, wish
    assert send(client, "patch", f"{API}{mine.json()['id']}/", {"shared": True}).status_code == 403
    assert client.delete(f"{API}{shared}/").status_code == 403
    for foreign in (own, uuid4()):
        assert client.get(f"{API}{foreign}/").status_code == 404
        assert send(client, "patch", f"{API}{foreign}/", {"name": "x"}).status_code == 404
        assert client.delete(f"{API}{foreign}/").status_code == 404


def test_a_list_costs_as_many_queries_however_long(client, ana, acme, sales, django_assert_max_num_queries):
    client.force_login(ana)
    kept = report(client, "R")
    for number in range(6):
        send(client, "post", API, {"name": f"Board {number}", "reports": [kept]})
    with django_assert_max_num_queries(12):
        rows = client.get(API).json()["results"]
    assert [on(row) for row in rows] == [["R"]] * 6
