"""The team page: owners invite, change and remove; managers read; nobody gives more than he has."""

import re

import pytest
from django.core import mail

from portal.accounts.keys import NewKey, issue_key
from portal.accounts.models import Invitation
from portal.audit.models import Entry
from portal.lib.ids import uuid7
from portal.outbox import post
from portal.outbox.models import PlatformMessage
from portal.tenants import wall
from portal.tenants.guards import membership_of, reader_of_key
from portal.tenants.models.people import Role
from tests import factories
from tests.conftest import member

PAGE = "/t/acme/team/"
WISH = {"email": "dora@example.com", "role": "viewer", "which_environments": "all", "which_agents": "all"}


def place(user):
    return membership_of(user, "acme")


@pytest.fixture
def agent(acme, sales):
    with wall.tenant(acme):
        return factories.agent(sales, "agent-1", name="Renewals")


def test_an_owner_invites_with_a_narrowed_grant(client, acme, sales, care, agent, ana) -> None:
    client.force_login(ana)
    narrowed = {"which_environments": "some", "environments": [str(sales.public_id)]}
    narrowed |= {"which_agents": "some", "agents": [str(agent.public_id)], "look_up": "1"}
    assert client.post(f"{PAGE}invite/", WISH | narrowed).status_code == 302
    text = client.get(PAGE).content.decode()

    with wall.tenant(acme):
        invitation = Invitation.objects.select_related("grant").get()
        assert list(invitation.grant.environments.all()) == [sales]
        assert (invitation.grant.agent_keys, invitation.grant.looks_up) == (["agent-1"], True)
        assert not invitation.grant.sees_numbers
    assert PlatformMessage.objects.get(to="dora@example.com")
    assert mail.outbox == []
    assert all(word in text for word in ("dora@example.com", "Sales · Renewals", "may look them up"))


def test_a_form_that_asks_for_nothing_or_too_much_is_refused(client, acme, sales, ana, foreign) -> None:
    client.force_login(ana)
    for wrong in (
        {"email": "nobody"},
        {"email": "ana@acme.example"},
        {"role": "king"},
        {"which_environments": "some"},
        {"which_environments": "some", "environments": [str(foreign.public_id)]},
        {"which_agents": "some", "agents": [str(uuid7())]},
    ):
        assert client.post(f"{PAGE}invite/", WISH | wrong).status_code == 400, wrong
    with wall.tenant(acme):
        assert not Invitation.objects.exists()


def test_an_invitation_is_sent_again_and_withdrawn(client, acme, ana) -> None:
    client.force_login(ana)
    client.post(f"{PAGE}invite/", WISH)
    with wall.tenant(acme):
        before = Invitation.objects.get()
    act = f"{PAGE}invitations/{before.public_id}/act/"
    client.post(act, {"act": "resend"})
    with wall.tenant(acme):
        again = Invitation.objects.get()
    client.post(act, {"act": "withdraw"})
    with wall.tenant(acme):
        gone = Invitation.objects.get()

    assert again.digest != before.digest
    assert gone.withdrawn_at is not None
    client.get(PAGE)  # which says that it is withdrawn
    assert "dora@example.com" not in client.get(PAGE).content.decode()
    assert client.post(act, {"act": "else"}).status_code == 404
    assert client.post(f"{PAGE}invitations/{uuid7()}/act/", {"act": "resend"}).status_code == 404


@pytest.fixture
def nowhere(settings, tmp_path):
    settings.EMAIL_BACKEND = "portal.outbox.folder.FolderBackend"
    settings.EMAIL_FILE_PATH = tmp_path


def test_where_no_mail_leaves_an_owner_copies_a_link_that_ends_the_one_before(client, acme, ana, nowhere, caplog):
    client.force_login(ana)
    invited = client.post(f"{PAGE}invite/", WISH, follow=True).content.decode()
    assert "no mail leaves this portal" in invited
    assert "on its way" not in invited
    with wall.tenant(acme):
        act = f"{PAGE}invitations/{Invitation.objects.get().public_id}/act/"
    assert "on its way" not in client.post(act, {"act": "resend"}, follow=True).content.decode()
    pages = [client.post(act, {"act": "link"}) for _ in range(2)]
    first, second = (re.search(r"(/accounts/invitation/[^<]+)", page.content.decode())[1] for page in pages)

    assert "no-store" in pages[0]["Cache-Control"]
    assert second not in client.get(PAGE).content.decode()
    assert second.split("/")[-2] not in caplog.text
    with wall.tenant(acme):
        assert second.split("/")[-2] not in str(list(Entry.objects.values()))
        assert Entry.objects.filter(action="invitation.link_made").count() == 2
    assert [post.deliver(row.pk, PlatformMessage) for row in PlatformMessage.objects.all()] == ["suppressed"] * 2
    client.logout()
    assert [client.get(path).status_code for path in (first, second)] == [404, 200]


@pytest.mark.parametrize(("role", "status"), [(Role.MANAGER, 403), (Role.VIEWER, 403)])
def test_nobody_but_owners_copies_a_link(client, acme, globex, ana, nowhere, role, status):
    client.force_login(ana)
    client.post(f"{PAGE}invite/", WISH)
    with wall.tenant(acme):
        invitation = Invitation.objects.get()
    act = f"invitations/{invitation.public_id}/act/"
    client.force_login(member(acme, "eve@acme.example", role))
    assert client.post(f"{PAGE}{act}", {"act": "link"}).status_code == status
    client.force_login(member(globex, "gil@globex.example", Role.OWNER))
    assert client.post(f"/t/globex/team/{act}", {"act": "link"}).status_code == 404
    with wall.tenant(acme):
        assert Invitation.objects.get().digest == invitation.digest


def test_where_mails_leave_no_link_is_copied(client, acme, ana):
    """The mail shows that the address is the invited person's own."""
    client.force_login(ana)
    assert "on its way" in client.post(f"{PAGE}invite/", WISH, follow=True).content.decode()
    assert "link to copy" not in client.get(PAGE).content.decode()
    with wall.tenant(acme):
        act = f"{PAGE}invitations/{Invitation.objects.get().public_id}/act/"
    assert "/accounts/invitation/" not in client.post(act, {"act": "link"}, follow=True).content.decode()


def test_a_change_holds_at_the_next_request(client, acme, sales, care, ana) -> None:
    eva = member(acme, "eva@acme.example", Role.VIEWER)
    client.force_login(ana)
    address = f"{PAGE}{place(eva).public_id}/"
    narrowed = {"role": "manager", "which_environments": "some", "environments": [str(care.public_id)]}
    assert client.post(address, WISH | narrowed).status_code == 302
    now = place(eva)

    with wall.tenant(acme):
        assert (now.role, list(now.grant.environments.all())) == ("manager", [care])
        (entry,) = Entry.objects.filter(action="member.changed")
        assert entry.changes["role"] == ["viewer", "manager"]


def test_agents_that_are_no_longer_offered_stay_in_the_grant(client, acme, sales, agent, ana) -> None:
    """Saving the form as it is must not open to a reader of a vanished agent all the others."""
    eva = member(acme, "eva@acme.example", Role.VIEWER)
    with wall.tenant(acme):
        grant = place(eva).grant
        grant.agent_keys = ["vanished"]
        grant.save()
    client.force_login(ana)
    address = f"{PAGE}{place(eva).public_id}/"
    client.post(address, WISH | {"which_agents": "some"})
    assert place(eva).grant.agent_keys == ["vanished"]
    client.post(address, WISH | {"which_agents": "some", "agents": [str(agent.public_id)]})
    assert place(eva).grant.agent_keys == ["agent-1", "vanished"]


def test_a_removed_members_session_and_keys_end_at_the_next_request(client, django_user_model, acme, ana) -> None:
    eva = member(acme, "eva@acme.example", Role.OWNER)
    _, secret = issue_key(acme, NewKey("of Eva"), by=eva)
    hers = type(client)()
    hers.force_login(eva)
    assert hers.get(PAGE).status_code == 200
    client.force_login(ana)
    assert client.post(f"{PAGE}{place(eva).public_id}/act/", {"act": "remove"}).status_code == 302

    assert hers.get(PAGE).status_code == 404
    assert reader_of_key(secret) is None
    assert client.get("/api/v1/environments/", headers={"authorization": f"Bearer {secret}"}).status_code == 401


def test_the_last_owner_stays(client, acme, ana) -> None:
    client.force_login(ana)
    address = f"{PAGE}{place(ana).public_id}/"
    assert client.post(address, WISH | {"role": "viewer"}).status_code == 400
    client.post(f"{address}act/", {"act": "remove"})
    assert place(ana).role == "owner"


def test_factors_are_taken_away_only_within_ones_own_companies(client, acme, globex, ana) -> None:
    """They guard each company of a person: an owner of one must not weaken another's."""
    eva = member(acme, "eva@acme.example", Role.VIEWER)
    client.force_login(ana)
    act = f"{PAGE}{place(eva).public_id}/act/"
    assert client.post(act, {"act": "reset"}).status_code == 302
    with wall.tenant(globex):
        from_acme = place(eva).grant
        other = type(from_acme).objects.create(tenant=globex)
        type(place(eva)).objects.create(tenant=globex, user=eva, role="viewer", grant=other)
    assert client.post(act, {"act": "reset"}).status_code == 404
    assert client.post(f"{PAGE}{place(ana).public_id}/act/", {"act": "reset"}).status_code == 404


def test_managers_read_and_others_do_not(client, acme, sales, care, ana, bruno, carla) -> None:
    mia = member(acme, "mia@acme.example", Role.MANAGER, sales)
    eva = member(acme, "eva@acme.example", Role.VIEWER, care)
    client.force_login(mia)
    text = client.get(PAGE).content.decode()
    assert "eva@acme.example" in text
    assert "Care" not in text
    assert "other environments" in text
    for address in ("invite/", f"{place(eva).public_id}/", f"{place(eva).public_id}/act/"):
        assert client.post(PAGE + address, WISH | {"act": "remove"}).status_code == 403
    client.force_login(bruno)
    assert client.get(PAGE).status_code == 403
    client.force_login(carla)
    for address in ("", f"{place(eva).public_id}/"):
        assert client.get(PAGE + address).status_code == 404
    assert client.get(f"/t/globex/team/{place(eva).public_id}/").status_code == 404


def test_an_owner_of_one_environment_acts_on_nobody_who_has_more(client, acme, sales, care, ana) -> None:
    bob = member(acme, "bob@acme.example", Role.OWNER, sales)
    client.force_login(bob)
    for eva in (
        member(acme, "eva@acme.example", Role.VIEWER),
        member(acme, "mia@acme.example", Role.VIEWER, care),
        ana,
    ):
        address = f"{PAGE}{place(eva).public_id}/"
        shown = client.get(address).content.decode()
        assert "has more rights than you" in shown
        assert 'name="role"' not in shown
        assert client.post(address, WISH).status_code == 403
        assert client.post(f"{address}act/", {"act": "reset"}).status_code == 404
        told = client.post(f"{address}act/", {"act": "remove"}, follow=True).content.decode()
        assert "has more rights than you" in told
        assert place(eva)
    dora = member(acme, "dora@acme.example", Role.VIEWER, sales)
    assert client.post(f"{PAGE}{place(dora).public_id}/act/", {"act": "remove"}).status_code == 302
    assert place(dora) is None


def test_what_holds_for_the_whole_company_is_set_by_nobody_above_whom_somebody_is(client, acme, sales, ana) -> None:
    """By a provider of one's own one would come in as anybody, and what retention takes is everybody's."""
    bob = member(acme, "bob@acme.example", Role.OWNER, sales, numbers=True)
    client.force_login(bob)
    erasure = {"number": "+5511987654321", "reason": "person", "sure": "yes"}
    acts = {"privacy/": {"step": "look"}, "erasures/": erasure, "settings/sign-in/": {"second_factor": "managers"}}
    acts |= {"team/sign-on/": {"issuer": "https://elsewhere.example"}, "team/sign-on/act/": {"act": "remove"}}
    for path, sent in acts.items():
        answer = client.post(f"/t/acme/{path}", sent)
        assert (answer.status_code, "more rights than you" in answer.content.decode()) == (403, True), path
    client.force_login(ana)
    assert client.post("/t/acme/settings/sign-in/", {"second_factor": "managers"}).status_code == 302


def test_an_agent_has_the_name_that_every_other_page_shows(client, acme, sales, agent, ana, bruno) -> None:
    """The name that members gave it goes before the vendor's."""
    with wall.tenant(acme):
        type(agent).objects.filter(pk=agent.pk).update(label="Night desk")
        grant = place(bruno).grant
        grant.agent_keys = [agent.external_id]
        grant.save()
    client.force_login(ana)
    text = client.get(PAGE).content.decode()
    assert "Sales · Night desk" in text
    assert "Renewals" not in text
