"""What becomes of what a person keeps when he leaves: the shared stays and is the company's, his own goes."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal.accounts.members import remove_member
from portal.audit.models import Entry
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role
from reports.saved import boards, keeping, leaving, share_links
from reports.saved.keeping import Keeper, ViewRefused
from reports.saved.models import Board, BoardPlace, DefaultView, SavedView, ShareLink, ViewOf
from tests.conftest import member

pytestmark = pytest.mark.django_db


@pytest.fixture
def max_(acme, sales):
    """A manager who keeps a report and a board of each kind, a view of the calls, and a link to his own board."""
    person = member(acme, "max@acme.test", Role.MANAGER, sales)
    with wall.tenant(acme):
        keeper = Keeper.of(Membership.objects.select_related("user", "tenant").get(user=person))
        ours = keeping.keep(keeper, "Ours", "metrics=attempts", ViewOf.REPORT)
        own = keeping.keep(keeper, "Own", "metrics=attempts", ViewOf.REPORT)
        keeping.share(keeper, ours.public_id, on=True)
        keeping.open_with(keeper, keeping.keep(keeper, "Busy", "status=busy").public_id)
        for name, views in (("Our board", [ours]), ("Own board", [ours, own])):
            board = boards.make(keeper, name)
            boards.put_in_order(keeper, board, [view.public_id for view in views])
            if name == "Our board":
                boards.share(keeper, board, on=True)
                boards.open_with(keeper, board, on=True)
            else:
                membership = Membership.objects.select_related("grant").get(user=person)
                share_links.make(keeper, membership.grant, share_links.LinkWish(30, board=board))
    return person


def kept(acme):
    with wall.tenant(acme):
        views = SavedView.objects.order_by("name").values_list("name", "owner__email")
        return [*views, *Board.objects.order_by("name").values_list("name", "owner__email")]


STAYS = [("Ours", None), ("Our board", None)]


def test_once_a_member_is_removed_his_own_goes_and_the_shared_is_the_companys(acme, globex, max_, carla):
    with wall.tenant(globex):
        theirs = Keeper.of(Membership.objects.select_related("user", "tenant").get(user=carla))
        keeping.keep(theirs, "Theirs", "metrics=attempts", ViewOf.REPORT)
    assert leaving.sweep() == 0
    with wall.tenant(acme):
        remove_member(Membership.objects.get(user=max_), by=None)
        grants = Grant.objects.count()
    assert leaving.sweep() == 5
    assert kept(acme) == STAYS
    with wall.tenant(acme):
        assert [place.view.name for place in BoardPlace.objects.all()] == ["Ours"]
        assert not DefaultView.objects.exists()
        assert not ShareLink.objects.exists()
        assert Grant.objects.count() == grants - 1  # what the link might see went with it
        assert boards.opening_board().name == "Our board"
        told = Entry.objects.get(action="member.left_behind")
    assert told.about == {"deleted": 3, "shared": 2}
    assert leaving.sweep() == 0
    with wall.tenant(globex):
        assert SavedView.objects.get().owner == carla


def test_the_same_when_the_person_is_deleted(acme, max_):
    with wall.every_tenant("a test deletes a person"):
        max_.delete()
    assert kept(acme) == STAYS
    with wall.tenant(acme):
        assert [place.view.name for place in BoardPlace.objects.all()] == ["Ours"]


def test_what_has_no_owner_is_the_managers_to_change_and_theirs_who_keep_it(client, ana, acme, sales, max_):
    with wall.tenant(acme):
        remove_member(Membership.objects.get(user=max_), by=None)
    leaving.sweep()
    with wall.tenant(acme):
        report, board = SavedView.objects.get(), Board.objects.get()
        viewer = member(acme, "vera@acme.test", Role.VIEWER, sales)
        vera, owner, key = (
            Keeper.of(Membership.objects.select_related("user", "tenant").get(user=viewer)),
            Keeper.of(Membership.objects.select_related("user", "tenant").get(user=ana)),
            Keeper(acme, Role.MANAGER, None),
        )
        for keeper in (vera, key):
            shown = keeping.views(keeper, ViewOf.REPORT)[0]
            assert (shown.mine, shown.owner, shown.may_change, shown.may_drop) == (False, "", False, False)
            assert not boards.boards(keeper)[0].may_change
        assert keeping.views(owner, ViewOf.REPORT)[0].may_change
    client.force_login(ana)
    for path in ("/t/acme/reports/", f"/t/acme/reports/boards/{board.public_id}/"):
        text = client.get(path).content.decode()
        assert "Shared by the company" in text
        assert "None" not in text
    assert client.get(f"/api/v1/boards/{board.public_id}/").json()["owner"] == ""
    with wall.tenant(acme):
        boards.share(owner, board, on=False)
        keeping.keep(owner, "Ours", "metrics=attempts", ViewOf.REPORT)
        with pytest.raises(ViewRefused):
            keeping.share(owner, report.public_id, on=False)  # she has one of that name
        keeping.rename(owner, report.public_id, "Theirs")
        keeping.share(owner, report.public_id, on=False)
        assert Board.objects.get().owner == ana
        assert set(SavedView.objects.values_list("owner__email", flat=True)) == {ana.email}
        assert Board.objects.get().changed_at > timezone.now() - timedelta(hours=1)


def test_it_is_said_where_a_member_is_removed(client, ana, acme, max_):
    client.force_login(ana)
    with wall.tenant(acme):
        place = Membership.objects.get(user=max_).public_id
    assert "that this person shared stay" in client.get(f"/t/acme/team/{place}/").content.decode()
