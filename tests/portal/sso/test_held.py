"""What a provider's word opens, and what it does not: one company, and nothing of the account."""

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY

from portal.accounts.members import add_member, whole
from portal.accounts.models import Session
from portal.audit.models import Entry
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import SecondFactor, Tenant
from tests.conftest import member
from tests.portal.sso.provider import browser
from tests.portal.sso.test_sign_in import begin
from tests.portal.test_account_pages import RIGHT, add_app, code_of, entered
from tests.portal.test_factors import LONG_AGO, age


@pytest.fixture
def provider(acme, ana, bruno, bent, set_up):
    return set_up(acme, bent.issuer, ana)


@pytest.fixture
def both(globex, bruno) -> User:
    """Bruno has a place at Globex as well."""
    add_member(globex, bruno, whole(Role.MANAGER))
    return bruno


def come(client, provider, bent):
    return client.get(bent.back(begin(client, provider)))


def by_password(email: str):
    client = browser()
    client.post("/accounts/login/", {"login": email, "password": RIGHT})
    return client


def test_a_provider_opens_its_own_company_alone(globex, provider, both, bent) -> None:
    client = browser()
    come(client, provider, bent)

    assert client.get("/t/acme/").status_code == 200
    assert client.get("/")["Location"] == "/t/acme/"
    assert client.get("/t/globex/").status_code == 404
    assert client.get("/api/v1/calls/?tenant=acme").status_code == 200
    assert client.get("/api/v1/calls/?tenant=globex").status_code == 404
    assert "Globex" not in client.get("/t/acme/").content.decode()
    with wall.tenant(globex):
        assert not Entry.objects.filter(action__startswith="person.").exists()  # none of its business

    client.post("/accounts/logout/")
    client.post("/accounts/login/", {"login": both.email, "password": RIGHT})
    assert client.get("/t/globex/").status_code == 200
    assert client.get("/t/acme/").status_code == 200


def test_a_held_session_knows_no_other_company(acme, globex, provider, both, bent) -> None:
    """Or whoever administers Acme's provider would take factors away that guard Globex, of members of both."""
    eva = member(acme, "eva@acme.example", Role.VIEWER)
    add_member(globex, eva, whole(Role.VIEWER))
    with wall.every_tenant("a test prepares"):
        Membership.objects.filter(user=both).update(role=Role.OWNER)
        Grant.objects.filter(membership__user=both).update(all_environments=True)
        shared = Membership.objects.get(user=eva, tenant=acme).public_id
    client = browser()
    come(client, provider, bent)
    assert client.post(f"/t/acme/team/{shared}/act/", {"act": "reset"}).status_code == 404
    for path in ("", "calls/", "reports/", "help/", "team/"):
        page = client.get(f"/t/acme/{path}").content.decode()
        assert "Change the company" not in page, path
        assert "Globex" not in page, path

    client = by_password(both.email)
    assert client.post(f"/t/acme/team/{shared}/act/", {"act": "reset"}).status_code == 302
    assert "Change the company" in client.get("/t/acme/").content.decode()


ACCOUNT = [
    *("", "password/change/", "password/set/", "reauthenticate/", "second-factor/", "2fa/app/add/", "2fa/app/remove/"),
    *("2fa/codes/", "2fa/codes/new/", "2fa/passkeys/add/", "2fa/passkeys/reauthenticate/", "sessions/end/"),
    *("invitation/any/", "2fa/reauthenticate/", "2fa/codes/download/"),
]


@pytest.mark.parametrize("path", ACCOUNT)
def test_a_held_session_touches_nothing_of_the_account(provider, both, bent, path) -> None:
    """Or whoever administers Acme's provider would give himself a passkey that opens Globex."""
    client = browser()
    come(client, provider, bent)
    for answer in (client.get(f"/accounts/{path}"), client.post(f"/accounts/{path}", {"name": "Mallory"})):
        assert "to Acme alone" in answer.content.decode()
    assert User.objects.get(pk=both.pk).name == "Bruno"


def test_a_session_that_has_lost_what_it_is_held_to_is_nobodys(provider, both, bent) -> None:
    client = browser()
    come(client, provider, bent)
    session = client.session
    assert "ProviderBackend" in session[BACKEND_SESSION_KEY]
    del session["admission"]
    session.save()

    assert client.get("/t/acme/").status_code == 302
    assert client.get("/t/globex/").status_code == 302


def test_an_administrator_of_the_platform_is_none_by_it(provider, bruno, bent) -> None:
    bruno.is_staff = bruno.is_superuser = True
    bruno.save()
    client = browser()
    come(client, provider, bent)
    assert client.get("/t/acme/").status_code == 200
    assert client.get("/admin/").status_code in (302, 403)
    assert client.get("/admin/tenants/tenant/").status_code in (302, 403)
    assert by_password(bruno.email).get("/admin/").status_code == 200


def test_who_is_here_by_password_gains_a_company_and_loses_none(acme, provider, both, bent) -> None:
    Tenant.objects.filter(pk=acme.pk).update(requires_provider=True)
    client = by_password(both.email)
    assert Session.objects.get(user=both).way == "password"
    assert client.get("/t/globex/").status_code == 200
    assert client.get("/t/acme/")["Location"] == "/"
    page = client.get("/").content.decode()
    assert "Acme" in page
    assert f"/accounts/sso/{provider.public_id}/" in page
    assert client.get("/api/v1/calls/?tenant=acme").status_code == 404

    assert come(client, provider, bent)["Location"] == "/t/acme/"
    assert client.get("/t/acme/").status_code == 200
    assert client.get("/t/globex/").status_code == 200
    assert client.get("/accounts/").status_code == 200
    assert Session.objects.filter(user=both).count() == 1


def test_signing_in_as_somebody_else_leaves_nothing_of_the_first(provider, carla, bent) -> None:
    client = by_password(carla.email)
    come(client, provider, bent)
    assert client.get("/t/acme/").status_code == 200
    assert client.get("/t/globex/").status_code == 404


def test_owners_keep_a_door_by_password(acme, ana, provider) -> None:
    Tenant.objects.filter(pk=acme.pk).update(requires_provider=True)
    assert by_password(ana.email).get("/t/acme/").status_code == 200
    manager = member(acme, "m@acme.example", Role.MANAGER)
    client = by_password(manager.email)
    assert client.get("/t/acme/")["Location"] == "/"
    assert "own sign-in" in client.get("/").content.decode()


def test_ones_own_second_factor_is_asked_for_as_usual(provider, bruno, bent) -> None:
    secret = add_app(entered(bruno.email))
    client = browser()
    answer = come(client, provider, bent)
    assert answer["Location"].startswith("/accounts/2fa/authenticate/")
    assert client.get("/t/acme/").status_code == 302

    answer = client.post("/accounts/2fa/authenticate/", {"code": code_of(secret, ahead=1)})
    assert answer["Location"] == "/t/acme/"
    assert client.get("/t/acme/").status_code == 200
    assert "to Acme alone" in client.get("/accounts/").content.decode()  # held still


@pytest.mark.parametrize(
    ("told", "counts"),
    [
        ({"amr": ["pwd", "mfa"]}, True),
        ({"amr": ["pwd", "otp"]}, True),
        ({"acr": "gold"}, True),
        ({"amr": ["pwd"]}, False),
        ({"amr": ["otp", "sms"]}, False),
        ({"amr": "mfa"}, False),
        ({"acr": "silver"}, False),
        ({}, False),
    ],
)
def test_the_providers_second_factor_counts_if_the_owner_says_so(acme, ana, bruno, bent, set_up, told, counts) -> None:
    add_app(entered(bruno.email))
    bent.told = told
    provider = set_up(acme, bent.issuer, ana, factor_counts=True, factor_acr="gold")
    assert (come(browser(), provider, bent)["Location"] == "/t/acme/") is counts
    set_up(acme, bent.issuer, ana)
    assert come(browser(), provider, bent)["Location"].startswith("/accounts/2fa/")


def test_who_came_by_the_providers_factor_owes_none(acme, ana, bruno, bent, set_up) -> None:
    Tenant.objects.filter(pk=acme.pk).update(second_factor=SecondFactor.EVERYONE, second_factor_since=LONG_AGO)
    age(acme)
    provider = set_up(acme, bent.issuer, ana, factor_counts=True)
    client = browser()
    come(client, provider, bent)
    assert client.get("/t/acme/")["Location"] == "/accounts/second-factor/"
    page = client.get("/accounts/second-factor/").content.decode()
    assert "sign in by your password" in page

    bent.told = {"amr": ["pwd", "mfa"]}
    client = browser()
    come(client, provider, bent)
    assert client.get("/t/acme/").status_code == 200
