"""From an invitation to a place: who may give what, and when a link opens nothing."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from portal.accounts.invitations import GOOD_FOR, Invitee, invite, resend, withdraw
from portal.accounts.limits import ADDRESS
from portal.accounts.members import NotPossible, change_member, remove_member, whole
from portal.accounts.models import Invitation
from portal.audit.models import Entry
from portal.outbox import post
from portal.outbox.models import PlatformMessage, State
from portal.tenants import wall
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.rights import Holding, Rights
from tests.conftest import member

NEW = {"name": "Dora", "password": "a horse of her own"}


@pytest.fixture
def narrow(sales) -> Invitee:
    return Invitee("Dora@acme.example", Holding(Role.VIEWER, Rights(frozenset({sales.pk})), False, True))


@pytest.fixture
def invitation(acme, ana, narrow) -> Invitation:
    return invite(acme, narrow, by=ana)


def link() -> str:
    message = PlatformMessage.objects.order_by("pk").last()
    found = re.search(r"http://127\.0\.0\.1:8000(/accounts/invitation/\S+)", message.text)
    assert found is not None
    return found[1]


def closed(client, path: str) -> bool:
    answer = client.get(path)
    return answer.status_code == 404 and "This invitation no longer works" in answer.content.decode()


def send() -> list[str]:
    return [post.deliver(message_id, PlatformMessage) for message_id in post.overdue_of_platform()]


def test_a_new_person_joins_and_has_what_was_given(client, acme, sales, invitation) -> None:
    path = link()
    assert "dora@acme.example" in client.get(path).content.decode()
    assert not User.objects.filter(email="dora@acme.example").exists()  # reading it changes nothing
    answer = client.post(path, NEW)

    assert answer["Location"] == "/t/acme/"
    assert client.get("/")["Location"] == "/t/acme/"  # signed in
    with wall.tenant(acme):
        membership = Membership.objects.select_related("user", "grant").get(user__email="dora@acme.example")
        assert (membership.role, membership.user.name) == ("viewer", "Dora")
        assert Holding.of(membership.role, membership.grant) == Holding.of(invitation.role, invitation.grant)
        acts = list(Entry.objects.order_by("number").values_list("action", flat=True))
    assert acts[:3] == ["member.invited", "invitation.accepted", "member.added"]
    client.logout()
    assert closed(client, path)


def test_a_weak_password_is_refused(client, invitation) -> None:
    answer = client.post(link(), {"name": "Dora", "password": "password"})

    assert answer.status_code == 200
    assert not User.objects.filter(email="dora@acme.example").exists()


def test_who_signs_in_elsewhere_joins_with_his_account(client, acme, carla) -> None:
    invite(acme, Invitee(carla.email, whole(Role.VIEWER)), by=None)
    path = link()
    assert f"next={path}" in client.get(path).content.decode()
    assert client.post(path, NEW).status_code == 200  # no password is set by a link for somebody who has one
    carla.refresh_from_db()
    assert carla.check_password("correct horse battery")
    client.force_login(carla)
    client.get(path)
    with wall.tenant(acme):
        assert not Membership.objects.exists()

    assert client.post(path)["Location"] == "/t/acme/"
    with wall.tenant(acme):
        assert Membership.objects.get().user == carla


def test_another_address_is_told_and_joins_nothing(client, acme, carla, invitation) -> None:
    client.force_login(carla)
    for answer in (client.get(link()), client.post(link(), NEW)):
        text = answer.content.decode()
        assert "dora@acme.example" in text
        assert carla.email in text
    with wall.tenant(acme):
        assert not Membership.objects.filter(user=carla).exists()


def test_what_opens_nothing_looks_the_same(client, acme, ana, invitation) -> None:
    path = link()
    unknown = client.get("/accounts/invitation/" + "x" * 43 + "/")
    with wall.tenant(acme):
        Invitation.objects.update(expires_at=timezone.now())
    expired = client.get(path)
    resend(invitation, by=ana)
    replaced = client.get(path)
    withdrawn_path = link()
    withdraw(invitation, by=ana)
    withdrawn = client.get(withdrawn_path)

    token = re.compile(r'(nonce|value|content)="[^"]*"|/accounts/invitation/[\w-]+/')
    pages = {token.sub("", answer.content.decode()) for answer in (unknown, expired, replaced, withdrawn)}
    assert len(pages) == 1
    assert {answer.status_code for answer in (unknown, expired, replaced, withdrawn)} == {404}


def test_sent_again_it_is_good_for_another_week(client, acme, ana, invitation) -> None:
    with wall.tenant(acme):
        Invitation.objects.update(expires_at=timezone.now() - timedelta(days=3))
    resend(invitation, by=ana)

    assert client.get(link()).status_code == 200
    with wall.tenant(acme):
        assert Invitation.objects.get().expires_at > timezone.now() + GOOD_FOR - timedelta(minutes=1)


def test_the_secret_is_kept_nowhere(acme, invitation) -> None:
    secret = link().split("/")[3]
    assert send() == [State.SENT]

    assert secret in mail.outbox[0].body
    with wall.tenant(acme):
        assert secret not in str(list(Invitation.objects.values()))
        assert secret not in str(list(Entry.objects.values()))
    assert secret not in str(list(PlatformMessage.objects.values()))


def test_a_withdrawn_invitation_that_waits_does_not_leave(ana, invitation) -> None:
    withdraw(invitation, by=ana)

    assert send() == [State.SUPPRESSED]
    assert not mail.outbox


def test_it_stands_on_whoever_made_it(acme, ana, narrow, client) -> None:
    second = member(acme, "olga@acme.example", Role.OWNER, numbers=True)
    invite(acme, narrow, by=second)
    path = link()
    with wall.tenant(acme):
        place = Membership.objects.get(user=second)
    change_member(place, whole(Role.MANAGER), by=ana)

    assert closed(client, path)
    assert send() == [State.SUPPRESSED]


def test_sent_again_by_another_owner_it_no_longer_depends_on_the_first(acme, ana, narrow, client) -> None:
    second = member(acme, "olga@acme.example", Role.OWNER, numbers=True)
    invitation = invite(acme, narrow, by=second)
    resend(invitation, by=ana)
    with wall.tenant(acme):
        place = Membership.objects.get(user=second)
    change_member(place, whole(Role.MANAGER), by=ana)
    path = link()

    assert send()[-1] == State.SENT
    assert client.post(path, NEW)["Location"] == "/t/acme/"
    with wall.tenant(acme):
        assert Membership.objects.get(user__email="dora@acme.example").role == Role.VIEWER


def test_invitations_of_who_was_removed_fall(acme, ana, narrow, client) -> None:
    second = member(acme, "olga@acme.example", Role.OWNER, numbers=True)
    invitation = invite(acme, narrow, by=second)
    with wall.tenant(acme):
        remove_member(Membership.objects.get(user=second), by=ana)
        invitation.refresh_from_db()

    assert invitation.withdrawn_at is not None
    assert closed(client, link())


def test_nobody_gives_more_than_he_has(acme, sales, narrow) -> None:
    owner = member(acme, "olga@acme.example", Role.OWNER, sales)
    invite(acme, narrow_lookless(narrow), by=owner)
    for holding in (
        whole(Role.VIEWER),
        Holding(Role.VIEWER, Rights(frozenset({sales.pk})), True, False),
        Holding(Role.VIEWER, Rights(frozenset({sales.pk})), False, True),
    ):
        with pytest.raises(NotPossible):
            invite(acme, Invitee("e@acme.example", holding), by=owner)


def narrow_lookless(narrow: Invitee) -> Invitee:
    return Invitee(narrow.email, Holding(Role.VIEWER, narrow.holding.rights, False, False))


def test_only_owners_of_the_company_invite(acme, bruno, carla, narrow) -> None:
    for by in (bruno, carla, member(acme, "max@acme.example", Role.MANAGER, numbers=True)):
        with pytest.raises(NotPossible):
            invite(acme, narrow, by=by)


def test_neither_members_nor_the_invited_are_invited(acme, ana, bruno, narrow, invitation) -> None:
    for email in ("BRUNO@acme.example", narrow.email, "no address"):
        with pytest.raises(NotPossible):
            invite(acme, Invitee(email, narrow.holding), by=ana)


def test_guessing_is_counted_for_the_network_address_and_closes_no_right_link(client, invitation) -> None:
    path = link()
    for _ in range(ADDRESS.most):
        client.get("/accounts/invitation/wrong/")

    refused = client.get("/accounts/invitation/wrong/")
    assert (refused.status_code, int(refused["Retry-After"]) > 0) == (429, True)
    assert client.get(path).status_code == 200
    assert client.get("/accounts/invitation/wrong/", REMOTE_ADDR="10.9.8.7").status_code == 404
