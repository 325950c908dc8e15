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


ALL, SOME, OTHER = frozenset(), frozenset({"agent-1", "agent-2"}), frozenset({"agent-3"})
AGENTS = [
    (ALL, ALL, True),
    (ALL, SOME, True),
    (SOME, SOME, True),
    (SOME, frozenset({"agent-1"}), True),
    (SOME, ALL, False),  # none named is every agent
    (SOME, OTHER, False),
    (SOME, SOME | OTHER, False),
]


@pytest.mark.parametrize(("own", "wished", "may"), AGENTS)
def test_an_owner_of_some_agents_gives_no_other_and_not_all(acme, bruno, own, wished, may) -> None:
    second, before = member(acme, "olga@acme.example", Role.OWNER), ["agent-2"]
    with wall.tenant(acme):
        Grant.objects.filter(pk=place(second).grant_id).update(agent_keys=sorted(own))
        Grant.objects.filter(pk=place(bruno).grant_id).update(agent_keys=before)
    holding = Holding(Role.VIEWER, Rights(agents=wished), sees_numbers=False, looks_up=False)
    if may:
        change_member(place(bruno), holding, by=second)
    else:
        with pytest.raises(NotPossible):
            change_member(place(bruno), holding, by=second)
    assert place(bruno).grant.agent_keys == (sorted(wished) if may else before)


def test_nobody_acts_on_who_has_more(acme, sales, care, ana) -> None:
    narrow = member(acme, "olga@acme.example", Role.OWNER, sales)
    some = member(acme, "otto@acme.example", Role.OWNER, numbers=True)
    with wall.tenant(acme):
        Grant.objects.filter(pk=place(some).grant_id).update(agent_keys=["agent-1"])
    others = member(acme, "eva@acme.example", Role.VIEWER, care), member(acme, "max@acme.example", Role.VIEWER)
    seeing = member(acme, "mia@acme.example", Role.VIEWER, sales, numbers=True)
    below = Holding(Role.VIEWER, Rights(frozenset({sales.pk}), frozenset({"agent-1"})), False, False)
    for by, user in [(by, user) for by in (narrow, some) for user in (ana, *others)] + [(narrow, seeing)]:
        with pytest.raises(NotPossible):
            remove_member(place(user), by=by)
        with pytest.raises(NotPossible):
            change_member(place(user), below, by=by)
    equal = member(acme, "equal@acme.example", Role.OWNER, sales)
    change_member(place(equal), below, by=narrow)
    remove_member(place(equal), by=narrow)


def test_a_removed_member_is_refused(acme, ana, bruno) -> None:
    row = place(bruno)
    remove_member(row, by=ana)
    with pytest.raises(NotPossible):
        remove_member(row, by=ana)
