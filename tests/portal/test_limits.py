"""Guessing is slowed down, and nobody else with it: neither an office nor who uses his own browser."""

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.cache import cache

from portal.accounts.devices import COOKIE
from portal.accounts.limits import ACCOUNT, ADDRESS, DEVICE, PAIR
from portal.outbox.models import PlatformMessage
from portal.tenants.models.keys import PREFIX
from portal.tenants.models.people import Role
from tests.conftest import member
from tests.reports.api.conftest import make_key

RIGHT = "correct horse battery"


@pytest.fixture
def attempt(client):
    """Signs in, or tries; whether it went well."""

    def act(email: str, password: str = "wrong", address: str = "1.2.3.4") -> bool:
        sent = {"login": email, "password": password}
        answer = client.post("/accounts/login/", sent, REMOTE_ADDR=address)
        went_well = "_auth_user_id" in client.session
        client.cookies.pop("sessionid", None)
        assert answer.status_code == (302 if went_well else 200)
        return went_well

    return act


def forget(client) -> None:
    client.cookies.clear()


def test_one_account_is_closed_to_the_address_that_guesses_it_and_to_no_other(client, ana, attempt) -> None:
    for _ in range(PAIR.most):
        assert not attempt(ana.email)
    assert not attempt(ana.email, RIGHT)
    assert attempt(ana.email, RIGHT, "5.6.7.8")


def test_guessing_one_account_leaves_its_office_alone(client, acme, ana, attempt) -> None:
    bea = member(acme, "bea@acme.example", Role.VIEWER)
    for _ in range(ADDRESS.most * 3):
        attempt(ana.email)
    assert attempt(bea.email, RIGHT)


def test_an_office_that_signs_in_is_no_attack(client, acme, attempt) -> None:
    people = [member(acme, f"p{n}@acme.example", Role.VIEWER) for n in range(ADDRESS.most + 5)]
    for person in people:
        forget(client)
        assert attempt(person.email, RIGHT)


def test_many_addresses_together_do_not_guess_on(client, ana, attempt) -> None:
    for n in range(ACCOUNT.most):
        attempt(ana.email, address=f"1.2.{n}.1")
    assert not attempt(ana.email, RIGHT, "5.6.7.8")


def test_a_known_browser_signs_in_while_strangers_guess(client, ana, attempt) -> None:
    assert attempt(ana.email, RIGHT)
    known = client.cookies[COOKIE].value
    forget(client)
    for n in range(ACCOUNT.most + 1):
        attempt(ana.email, address=f"1.2.{n}.1")
    for _ in range(PAIR.most + 1):
        attempt(ana.email)
    assert not attempt(ana.email, RIGHT)
    client.cookies[COOKIE] = known
    assert attempt(ana.email, RIGHT)


def test_a_known_browser_has_a_limit_of_its_own(client, ana, attempt) -> None:
    assert attempt(ana.email, RIGHT)
    for _ in range(DEVICE.most):
        assert not attempt(ana.email)
    assert not attempt(ana.email, RIGHT)


def test_a_browser_is_known_to_its_own_people_only(client, acme, ana, attempt) -> None:
    bea = member(acme, "bea@acme.example", Role.VIEWER)
    assert attempt(bea.email, RIGHT)
    for _ in range(PAIR.most):
        attempt(ana.email)
    assert not attempt(ana.email, RIGHT)


def test_a_cookie_made_up_is_none(client, ana, attempt) -> None:
    client.cookies[COOKIE] = "W1siYW5hQGFjbWUuZXhhbXBsZSIsIngiXV0:x:y"
    for _ in range(PAIR.most):
        attempt(ana.email)
    assert not attempt(ana.email, RIGHT)


def test_the_cookie_is_for_the_server_and_sign_in_alone(client, ana, attempt) -> None:
    attempt(ana.email, RIGHT)
    cookie = client.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/accounts/")
    assert cookie["max-age"] >= 300 * 86400


def test_neighbours_of_an_ipv6_network_are_one(client, ana, attempt) -> None:
    for n in range(PAIR.most):
        attempt(ana.email, address=f"2001:db8::{n + 1}")
    assert not attempt(ana.email, RIGHT, "2001:db8::99")
    assert attempt(ana.email, RIGHT, "2001:db8:0:1::99")


def test_the_limit_tells_nothing_of_the_account(client, ana) -> None:
    told = {}
    for email in ("ana@acme.example", "anb@acme.example"):
        for _ in range(PAIR.most + 1):
            answer = client.post("/accounts/login/", {"login": email, "password": "wrong"})
        told[email] = str(answer.context["form"].errors)
    assert told["ana@acme.example"] == told["anb@acme.example"]


def test_known_and_unknown_cost_one_hash_each(client, ana, monkeypatch) -> None:
    """The time that an answer takes is that of its hash."""
    hashed = []
    plain = MD5PasswordHasher.encode
    monkeypatch.setattr(MD5PasswordHasher, "encode", lambda *given: hashed.append(1) or plain(*given))
    counts = []
    for email in ("ana@acme.example", "anb@acme.example"):
        hashed.clear()
        client.post("/accounts/login/", {"login": email, "password": "wrong"})
        counts.append(len(hashed))
    assert counts == [1, 1]


def test_no_mail_address_lies_in_the_cache(client, ana) -> None:
    client.post("/accounts/login/", {"login": ana.email, "password": "wrong"})
    assert not [key for key in cache._cache if "ana" in key]


def test_links_are_asked_for_a_few_times_only(client, ana) -> None:
    ask = [client.post("/accounts/password/reset/", {"email": ana.email}).status_code for _ in range(PAIR.most + 1)]
    assert ask == [302] * PAIR.most + [429]
    assert PlatformMessage.objects.count() == PAIR.most
    assert client.post("/accounts/password/reset/", {"email": "bea@acme.example"}).status_code == 302


def test_guessing_links_of_many_leaves_a_known_browser_of_the_office_alone(client, ana, attempt) -> None:
    assert attempt(ana.email, RIGHT)
    known = client.cookies[COOKIE].value
    forget(client)

    def ask(email: str) -> int:
        return int(client.post("/accounts/password/reset/", {"email": email}, REMOTE_ADDR="1.2.3.4").status_code)

    asked = [ask(f"x{number}@acme.example") for number in range(ADDRESS.most + 1)]
    assert asked == [302] * ADDRESS.most + [429]
    assert ask(ana.email) == 429
    client.cookies[COOKIE] = known
    assert ask(ana.email) == 302


def test_guessing_keys_closes_no_right_one(client, acme) -> None:
    def ask(key: str) -> int:
        return int(client.get("/api/v1/agents/", headers={"Authorization": f"Bearer {key}"}).status_code)

    right = make_key(acme)
    assert {ask(f"{PREFIX}{number}{right[len(PREFIX) + 3 :]}") for number in range(100, 300)} == {401}
    assert ask(right) == 200
