"""Through a real provider: who gets in, to what, and what is left of it."""

from urllib.parse import parse_qs

import pytest
from django.core.cache import cache

from portal.accounts.members import add_member, remove_member
from portal.accounts.models import Session
from portal.audit.models import Entry
from portal.tenants import wall
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.rights import Holding, Rights
from tests.conftest import member
from tests.portal.sso.conftest import identities
from tests.portal.sso.provider import browser, through


def begin(client, provider, target: str = "") -> str:
    answer = client.get(f"/accounts/sso/{provider.public_id}/" + (f"?next={target}" if target else ""))
    assert answer.status_code == 302, answer.content
    return answer["Location"]


def come(client, provider, subject: str, target: str = ""):
    return client.get(through(begin(client, provider, target), subject))


@pytest.fixture
def provider(acme, ana, well_known, set_up):
    return set_up(acme, well_known, ana)


def acted(tenant) -> list[str]:
    with wall.tenant(tenant):
        return list(Entry.objects.order_by("number").values_list("action", flat=True))


def test_a_member_comes_in_and_is_known_from_then_on(acme, bruno, provider) -> None:
    client = browser()
    answer = come(client, provider, "s-bruno")

    assert (answer.status_code, answer["Location"]) == (302, "/t/acme/")
    assert client.get("/t/acme/").status_code == 200
    assert identities(acme) == {("s-bruno", "bruno@acme.example")}
    assert Session.objects.get(user=bruno).way == "provider"
    assert acted(acme)[-2:] == ["provider.bound", "person.signed_in_by_provider"]

    client.post("/accounts/logout/")
    assert f"/accounts/sso/{provider.public_id}/" in client.get("/accounts/login/").content.decode()  # it knows the way
    assert come(client, provider, "s-bruno", "/t/acme/calls/")["Location"] == "/t/acme/calls/"
    assert acted(acme).count("provider.bound") == 1


def test_the_subject_counts_and_not_the_address(acme, bruno, provider) -> None:
    come(browser(), provider, "s-bruno")
    User.objects.filter(pk=bruno.pk).update(email="b@acme.example")
    other = member(acme, "bruno@acme.example", Role.MANAGER)  # the address is another's now
    client = browser()
    come(client, provider, "s-bruno")

    assert client.session["_auth_user_id"] == str(bruno.pk) != str(other.pk)


def test_no_link_leads_elsewhere_afterwards(bruno, provider) -> None:
    assert come(browser(), provider, "s-bruno", "https://evil.example/")["Location"] == "/t/acme/"


def test_strangers_get_nothing_unless_the_company_says_so(acme, ana, provider, well_known, set_up) -> None:
    client = browser()
    answer = come(client, provider, "s-dora")
    assert answer.status_code == 403
    assert "You have no place here" in answer.content.decode()
    assert not User.objects.filter(email="dora@acme.example").exists()
    assert acted(acme)[-1] == "provider.refused"

    set_up(acme, well_known, ana, takes_strangers=True)
    assert come(client, provider, "s-dora")["Location"] == "/t/acme/"
    with wall.tenant(acme):
        place = Membership.objects.select_related("user", "grant").get(user__email="dora@acme.example")
    assert (place.role, place.user.name, place.user.has_usable_password()) == ("viewer", "Dora", False)
    assert (place.grant.sees_numbers, place.grant.looks_up) == (False, False)
    assert come(browser(), provider, "s-carla").status_code == 403  # of a domain that it does not speak for


def test_a_removed_member_is_out_at_his_next_request_and_stays_out(acme, ana, bruno, well_known, set_up) -> None:
    provider = set_up(acme, well_known, ana, takes_strangers=True)
    client = browser()
    come(client, provider, "s-bruno")
    with wall.tenant(acme):
        remove_member(Membership.objects.get(user=bruno), by=ana)

    assert client.get("/t/acme/").status_code == 404
    assert come(browser(), provider, "s-bruno").status_code == 403

    with wall.tenant(acme):  # known by no subject, but removed by an owner
        member(acme, "dora@acme.example", Role.VIEWER)
        remove_member(Membership.objects.get(user__email="dora@acme.example"), by=ana)
    assert come(browser(), provider, "s-dora").status_code == 403


def test_nobody_of_another_company_becomes_a_member_unasked(acme, globex, ana, well_known, set_up) -> None:
    """That a company claims a domain proves nothing, and its team page would show who has an account here."""
    provider = set_up(acme, well_known, ana, takes_strangers=True)
    elsewhere = member(globex, "dora@acme.example", Role.VIEWER)
    assert come(browser(), provider, "s-dora").status_code == 403
    with wall.tenant(acme):
        assert not Membership.objects.filter(user=elsewhere).exists()
        add_member(acme, elsewhere, Holding(Role.VIEWER, Rights(), sees_numbers=False, looks_up=False), by=ana)
    assert come(browser(), provider, "s-dora")["Location"] == "/t/acme/"


def test_breaking_off_and_beginning_elsewhere_are_said_in_words(bruno, provider) -> None:
    client = browser()
    assert client.get(through(begin(client, provider), "", deny=True)).status_code == 403
    state = parse_qs(begin(client, provider))["state"][0]
    answer = client.get(f"/accounts/sso/{provider.public_id}/return/?error=access_denied&state={state}")
    assert "You broke off" in answer.content.decode()

    back = through(begin(client, provider), "s-bruno")
    other = browser()
    answer = other.get(back)
    assert "in another browser" in answer.content.decode()
    assert "_auth_user_id" not in other.session

    assert client.get(back).status_code == 302
    client.post("/accounts/logout/")
    assert "was used already" in client.get(back).content.decode()


def test_wrong_addresses_of_sign_in_are_nobodys(provider, acme) -> None:
    unknown = "/accounts/sso/0192f0c0-0000-7000-8000-000000000000/"
    for path in (unknown, f"{unknown}return/"):
        assert browser().get(path).status_code == 404
    acme.active = False
    acme.save()
    assert browser().get(f"/accounts/sso/{provider.public_id}/").status_code == 404


def test_an_office_is_not_locked_out_and_a_flood_is(bruno, provider) -> None:
    for _time in range(3):
        come(browser(), provider, "s-bruno")
    assert {value for key, value in _counted()} == {0}
    statuses = [browser().get(f"/accounts/sso/{provider.public_id}/return/?state=x").status_code for _time in range(3)]
    assert statuses == [403] * 3
    assert {value for key, value in _counted()} == {0}


def _counted() -> list[tuple[str, int]]:
    names = [key.split(":", 2)[2] for key in cache._cache if ":guess:provider:" in key and not key.endswith(":end")]
    return [(name, cache.get(name)) for name in names]
