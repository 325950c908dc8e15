"""Members are changed and removed by owners, from the next request on."""

import pytest
from django.utils import timezone

from portal.accounts.keys import NewKey, issue_key
from portal.accounts.members import NotPossible, change_member, remove_member, whole
from portal.audit.models import Entry
from portal.tenants import wall
from portal.tenants.guards import reader_of_key
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.rights import Holding, Rights
from tests.conftest import member


def place(user: User) -> Membership:
    with wall.every_tenant("a test looks"):
        return Membership.objects.select_related("grant", "tenant").get(user=user)


def test_a_removed_members_session_and_keys_end_at_once(client, acme, ana, bruno) -> None:
    mine, theirs = issue_key(acme, NewKey("his"), by=bruno)[1], issue_key(acme, NewKey("ours"), by=ana)[1]
    client.force_login(bruno)
    assert client.get("/t/acme/").status_code == 200
    grant = place(bruno).grant_id
    remove_member(place(bruno), by=ana)

    assert client.get("/t/acme/").status_code == 404
    assert reader_of_key(mine) is None
    assert reader_of_key(theirs) is not None
    with wall.tenant(acme):
        assert not Grant.objects.filter(pk=grant).exists()
        entry = Entry.objects.get(action="member.removed")
    assert entry.about["keys"] == 1
    assert entry.changes["role"] == ["viewer", None]


def test_a_changed_member_sees_what_he_was_given(acme, ana, bruno, sales, care) -> None:
    holding = Holding(Role.MANAGER, Rights(frozenset({care.pk}), frozenset({"12345678"})), True, False)
    change_member(place(bruno), holding, by=ana)
    row = place(bruno)

    with wall.tenant(acme):
        assert Holding.of(row.role, row.grant) == holding
        changes = Entry.objects.get(action="member.changed").changes
    assert changes["role"] == ["viewer", "manager"]
    assert changes["environments"] == [[sales.pk], [care.pk]]
    assert changes["agents"] == [["all"], ["agent:12345678"]]
    assert changes["sees_numbers"] == [False, True]


def test_a_lowered_member_keeps_no_key_above_himself(acme, ana) -> None:
    second = member(acme, "olga@acme.example", Role.OWNER, numbers=True)
    high = issue_key(acme, NewKey("high", role=Role.OWNER), by=second)[1]
    low = issue_key(acme, NewKey("low"), by=second)[1]
    change_member(place(second), whole(Role.VIEWER), by=ana)

    assert reader_of_key(high) is None
    assert reader_of_key(low) is not None


def test_the_last_owner_stays(acme, ana) -> None:
    for act in (lambda by: remove_member(place(ana), by=by), lambda by: change_member(place(ana), LOW, by=by)):
        for by in (ana, None):
            with pytest.raises(NotPossible):
                act(by)
    closed = member(acme, "olga@acme.example", Role.OWNER)
    User.objects.filter(pk=closed.pk).update(is_active=False, last_login=timezone.now())
    with pytest.raises(NotPossible):
        remove_member(place(ana), by=None)
    member(acme, "otto@acme.example", Role.OWNER)
    remove_member(place(ana), by=ana)


LOW = whole(Role.VIEWER)


def test_only_owners_of_the_company_act(acme, ana, bruno, carla) -> None:
    for by in (bruno, carla, member(acme, "max@acme.example", Role.MANAGER)):
        with pytest.raises(NotPossible):
            remove_member(place(bruno), by=by)
        with pytest.raises(NotPossible):
            change_member(place(bruno), LOW, by=by)
    assert place(bruno).role == "viewer"


def test_nobody_raises_another_above_himself(acme, sales, ana, bruno) -> None:
    narrow = member(acme, "olga@acme.example", Role.OWNER, sales)
    for holding in (whole(Role.VIEWER), Holding(Role.VIEWER, Rights(frozenset({sales.pk})), True, False)):
        with pytest.raises(NotPossible):
            change_member(place(bruno), holding, by=narrow)
        with pytest.raises(NotPossible):
            change_member(place(narrow), holding, by=narrow)
    change_member(place(bruno), Holding(Role.OWNER, Rights(frozenset({sales.pk})), False, False), by=narrow)


def test_a_member_with_more_keeps_it_when_his_role_is_lowered(acme, sales, ana) -> None:
    narrow = member(acme, "olga@acme.example", Role.OWNER, sales)
    manager = member(acme, "max@acme.example", Role.MANAGER, numbers=True)
    change_member(place(manager), Holding(Role.VIEWER, Rights(), True, False), by=narrow)

    assert place(manager).role == "viewer"


def test_a_removed_member_is_refused(acme, ana, bruno) -> None:
    row = place(bruno)
    remove_member(row, by=ana)
    with pytest.raises(NotPossible):
        remove_member(row, by=ana)
