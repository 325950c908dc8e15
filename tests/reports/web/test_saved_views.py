"""Saved views of the list: whose they are, who sees them, and what names they may have."""

import pytest

from portal.audit.models import Entry
from portal.tenants import wall
from portal.tenants.models.people import Role
from reports.saved.models import DefaultView, SavedView
from tests.conftest import member

VIEWS = "/t/acme/calls/views/"


def kept(tenant) -> list[tuple[str, str, bool]]:
    with wall.tenant(tenant):
        return sorted(SavedView.objects.values_list("name", "query", "shared"))


def one(tenant, name: str) -> str:
    with wall.tenant(tenant):
        return f"{VIEWS}{SavedView.objects.get(name=name).public_id}/"


def save(client, name: str, query: str = "?status=busy&cursor=abc") -> None:
    assert client.post(VIEWS, {"name": name, "query": query}).status_code == 302


def test_a_view_is_saved_renamed_shared_and_dropped_by_its_owner(client, ana, acme, sales):
    client.force_login(ana)
    answer = client.post(VIEWS, {"name": "  Busy \n lines ", "query": "?status=busy&cursor=abc&view=x"})
    assert kept(acme) == [("Busy lines", "status=busy", False)]
    page = client.get(answer["Location"]).content.decode()
    assert 'aria-current="true">Busy lines' in page
    view = one(acme, "Busy lines")
    client.post(view, {"act": "rename", "name": "Busy"})
    client.post(view, {"act": "share"})
    assert kept(acme) == [("Busy", "status=busy", True)]
    client.post(view, {"act": "unshare"})
    client.post(view, {"act": "delete"})
    assert kept(acme) == []
    with wall.tenant(acme):
        told = set(Entry.objects.values_list("action", flat=True))
    assert {"view.saved", "view.renamed", "view.shared", "view.unshared", "view.deleted"} <= told


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "Give it a name."),
        (" \u200b\t", "Give it a name."),
        ("x" * 61, "A name has at most 60 characters."),
        ("Busy", "You have a view named “Busy” already."),
    ],
)
def test_a_bad_name_is_said_to_be_one(client, ana, acme, name, words):
    client.force_login(ana)
    save(client, "Busy")
    answer = client.post(VIEWS, {"name": name, "query": "?status=failed"}, follow=True)
    assert words in answer.content.decode()
    assert kept(acme) == [("Busy", "status=busy", False)]


def test_others_see_a_view_once_it_is_shared_and_may_not_change_it(client, ana, acme, sales):
    vera = member(acme, "vera@acme.test", Role.VIEWER, sales)
    max_ = member(acme, "max@acme.test", Role.MANAGER, sales)
    client.force_login(ana)
    save(client, "Busy")
    view = one(acme, "Busy")
    client.force_login(vera)
    assert "Busy</a>" not in client.get("/t/acme/calls/").content.decode()
    assert client.post(view, {"act": "delete"}).status_code == 404
    client.force_login(ana)
    client.post(view, {"act": "share"})
    client.force_login(vera)
    assert ">Busy " in client.get("/t/acme/calls/").content.decode()
    for act in ("rename", "share", "unshare", "delete"):
        assert client.post(view, {"act": act, "name": "Mine"}).status_code == 403
    assert client.post(view, {"act": "default"}).status_code == 302
    assert client.get("/t/acme/calls/")["Location"].startswith("/t/acme/calls/?status=busy&view=")
    client.force_login(max_)
    assert client.post(view, {"act": "delete"}).status_code == 302
    assert kept(acme) == []


def test_unsharing_takes_a_view_from_those_who_open_it(client, ana, acme, sales):
    vera = member(acme, "vera@acme.test", Role.VIEWER, sales)
    client.force_login(ana)
    save(client, "Busy")
    view = one(acme, "Busy")
    client.post(view, {"act": "share"})
    client.post(view, {"act": "default"})
    client.force_login(vera)
    client.post(view, {"act": "default"})
    client.force_login(ana)
    client.post(view, {"act": "unshare"})
    with wall.tenant(acme):
        assert [row.member_id for row in DefaultView.objects.all()] == [ana.pk]
    client.post(view, {"act": "usual"})
    assert client.get("/t/acme/calls/").status_code == 200


def test_a_view_with_a_number_is_not_shared(client, ana, acme):
    client.force_login(ana)
    save(client, "One", "?number=5511987654321&number_match=exact")
    answer = client.post(one(acme, "One"), {"act": "share"}, follow=True)
    assert "can&#x27;t be shared" in answer.content.decode()
    assert kept(acme)[0][2] is False


def test_a_foreign_view_is_absent(client, ana, carla, acme, globex):
    client.force_login(carla)
    client.post("/t/globex/calls/views/", {"name": "Theirs", "query": ""})
    with wall.tenant(globex):
        theirs = SavedView.objects.get().public_id
    client.force_login(ana)
    assert client.get(f"/t/acme/calls/?view={theirs}").status_code == 404
    for act in ("rename", "share", "delete", "default"):
        assert client.post(f"{VIEWS}{theirs}/", {"act": act, "name": "x"}).status_code == 404
    with wall.tenant(globex):
        assert SavedView.objects.count() == 1


def test_a_view_leads_nowhere_but_to_the_list(client, ana, acme):
    client.force_login(ana)
    answer = client.post(VIEWS, {"name": "Out", "query": "//evil.example/?status=busy"})
    assert answer["Location"].startswith("/t/acme/calls/?")
