"""Guessing is slowed down, and nobody else with it: neither an office nor who uses his own browser."""

import re

import pytest
import time_machine
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.accounts.devices import COOKIE
from portal.accounts.limits import ACCOUNT, ADDRESS, DEVICE, PAIR, Guess
from portal.accounts.views import LimitedLoginView
from portal.audit.models import PlatformEntry
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
        assert (answer.status_code == 302) == went_well
        assert answer.status_code in (302, 200, 429)
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


def close(client, email: str, **more: str) -> None:
    """Guess until the limit refuses the next one."""
    for _ in range(PAIR.most):
        assert client.post("/accounts/login/", {"login": email, "password": "wrong"}, **more).status_code == 200


@pytest.mark.parametrize("typed", ["wrong", RIGHT])
def test_the_limit_tells_nothing_of_the_account(client, ana, typed) -> None:
    told = []
    for email in ("ana@acme.example", "anb@acme.example"):
        close(client, email)
        answer = client.post("/accounts/login/", {"login": email, "password": typed})
        page = re.sub(r'csrf\w+" value="\w+"|an[ab]@', "", answer.content.decode())
        told.append((answer.status_code, answer["Retry-After"], page))
    assert told[0] == told[1]
    assert told[0][0] == 429


def test_a_refused_sign_in_costs_no_hash_and_asks_nothing_of_the_database(client, ana, settings, monkeypatch) -> None:
    settings.BASE_URL = "http://testserver"  # under another name the page looks for its company
    close(client, ana.email)
    entries = PlatformEntry.objects.count()
    monkeypatch.setattr(MD5PasswordHasher, "encode", lambda *_given: pytest.fail("A hash was made."))
    monkeypatch.setattr(LimitedLoginView, "get_form", lambda *_given: pytest.fail("The form was made."))
    with CaptureQueriesContext(connection) as asked:
        answer = client.post("/accounts/login/", {"login": ana.email, "password": RIGHT})
    assert (answer.status_code, len(asked)) == (429, 0)
    assert PlatformEntry.objects.count() == entries


def test_who_is_refused_reads_how_long_to_wait_and_keeps_what_he_typed(client, ana) -> None:
    close(client, ana.email)
    sent = {"login": "Ana@acme.example", "password": RIGHT, "next": "/t/acme/calls/"}
    answer = client.post("/accounts/login/", sent, headers={"Accept-Language": "pt-BR"})
    page = answer.content.decode()
    assert 290 <= int(answer["Retry-After"]) <= PAIR.seconds
    assert "Espere 5 minutos" in page
    assert 'lang="pt-br"' in page
    assert 'name="login" id="id_login" value="Ana@acme.example"' in page
    assert 'name="next" value="/t/acme/calls/"' in page
    assert RIGHT not in page


def test_the_wait_grows_shorter_and_ends(client, ana) -> None:
    with time_machine.travel("2026-03-02T12:00:00Z", tick=False) as clock:
        close(client, ana.email)
        sent = {"login": ana.email, "password": RIGHT}
        assert client.post("/accounts/login/", sent)["Retry-After"] == "300"
        clock.shift(250)
        soon = client.post("/accounts/login/", sent)
        assert soon["Retry-After"] == "50"
        assert "Wait a minute and try again." in soon.content.decode()
        clock.shift(51)
        assert client.post("/accounts/login/", sent).status_code == 302


def test_the_longest_of_several_waits_is_told(client, ana) -> None:
    for n in range(ACCOUNT.most):
        client.post("/accounts/login/", {"login": ana.email, "password": "wrong"}, REMOTE_ADDR=f"1.2.{n // 4}.1")
    answer = client.post("/accounts/login/", {"login": ana.email, "password": "wrong"}, REMOTE_ADDR="1.2.0.1")
    assert int(answer["Retry-After"]) > ADDRESS.seconds


def test_of_attempts_made_at_once_those_too_many_are_refused_alike(client, ana, monkeypatch) -> None:
    close(client, ana.email)
    with monkeypatch.context() as patch:
        patch.setattr("portal.accounts.limits.Guess.seconds_left", lambda _guess: 0)  # none had been counted yet
        answer = client.post("/accounts/login/", {"login": ana.email, "password": RIGHT})
    assert (answer.status_code, answer["Retry-After"]) == (429, "1")
    assert "_auth_user_id" not in client.session


def test_what_is_refused_for_the_offices_sake_counts_for_no_account(rf, db) -> None:
    """Attempts that come at once pass the first look at the counters; what refuses one of them takes back the rest."""

    def guess(email: str) -> bool:
        return Guess(rf.post("/accounts/login/", REMOTE_ADDR="1.2.3.4"), "password", email).is_allowed()

    with time_machine.travel("2026-07-13T12:00:00Z", tick=False) as clock:
        for n in range(ADDRESS.most):
            assert guess(f"p{n}@acme.example")
        clock.shift(ADDRESS.seconds - 10)
        for _ in range(PAIR.most + 1):
            assert not guess("ana@acme.example")
        clock.shift(11)
        assert guess("ana@acme.example")


def test_a_form_without_its_token_counts_for_nobody(ana) -> None:
    browser = Client(enforce_csrf_checks=True)
    for _ in range(PAIR.most + 1):
        assert browser.post("/accounts/login/", {"login": ana.email, "password": "wrong"}).status_code == 403
    assert Client().post("/accounts/login/", {"login": ana.email, "password": RIGHT}).status_code == 302


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
    asked = [client.post("/accounts/password/reset/", {"email": ana.email}) for _ in range(PAIR.most + 1)]
    assert [answer.status_code for answer in asked] == [302] * PAIR.most + [429]
    assert 290 <= int(asked[-1]["Retry-After"]) <= PAIR.seconds
    assert "Wait 5 minutes" in asked[-1].content.decode()
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
