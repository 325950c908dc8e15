"""Providers, and people between, that lie: nobody is let in, and the owner reads which word was wrong."""

import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from portal.accounts.models import Session
from portal.accounts.sso.refusals import Unusable
from portal.audit.models import Entry
from portal.lib.outward import asking
from portal.tenants import wall
from portal.tenants.models.people import Role
from tests.conftest import member
from tests.portal.sso.conftest import identities
from tests.portal.sso.provider import BentProvider, browser, rsa_key
from tests.portal.sso.test_sign_in import begin


@pytest.fixture
def provider(acme, ana, bruno, bent, set_up):
    return set_up(acme, bent.issuer, ana)


def refused(client, path: str, tenant) -> tuple[str, str] | None:
    """What the owner reads of a refusal; None for one that nobody has to hear of."""
    with wall.tenant(tenant):
        before = Entry.objects.count()
    answer = client.get(path)
    assert (answer.status_code, "_auth_user_id" in client.session) == (403, False), answer.content
    assert Session.objects.filter(user__isnull=False).count() == 0
    with wall.tenant(tenant):
        last = Entry.objects.order_by("number").last() if Entry.objects.count() > before else None
    assert "Traceback" not in answer.content.decode()
    return (last.about["why"], last.about["fault"]) if last else None


NOW = int(time.time())


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"nonce": "\ud800"}, "nonce"),
        ({"aud": "another"}, "aud"),
        ({"aud": ["ringbook", "another"]}, "azp"),
        ({"aud": ["ringbook", "another"], "azp": "another"}, "azp"),
        ({"azp": "another"}, "azp"),
        ({"aud": None}, "token"),
        ({"iss": "https://evil.example"}, "iss"),
        ({"iss": None}, "token"),
        ({"exp": NOW - 3600}, "exp"),
        ({"exp": None}, "token"),
        ({"iat": NOW + 3600, "exp": NOW + 7200}, "iat"),
        ({"iat": NOW - 3600}, "iat"),
        ({"iat": None}, "token"),
        ({"sub": None}, "token"),
        ({"sub": ""}, "sub"),
        ({"sub": "x" * 256}, "sub"),
    ],
)
def test_a_token_with_a_wrong_word_is_refused(acme, provider, bent, told, fault) -> None:
    bent.told = told
    client = browser()

    assert refused(client, bent.back(begin(client, provider)), acme) == ("wrong", fault)
    assert identities(acme) == set()


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        ({"email": "bruno@evil.example"}, "domain"),
        ({"email": "bruno@sub.acme.example"}, "domain"),
        ({"email": "bruno@evil.example@acme.example"}, "email"),
        ({"email": None}, "email"),
        ({"email_verified": False}, "email_verified"),
        ({"email_verified": "false"}, "email_verified"),
        ({"email": "nobody@acme.example"}, "member"),
        ({"email": "boſs@acme.example"}, "member"),
    ],
)
def test_an_address_that_proves_nothing_is_refused(acme, provider, bent, told, fault) -> None:
    member(acme, "boss@acme.example", Role.MANAGER)
    bent.told = told
    client = browser()

    assert refused(client, bent.back(begin(client, provider)), acme) == ("no-place", fault)


def signed_by_nobody(bent: BentProvider, claims: dict[str, Any]) -> str:
    return jwt.encode(claims, None, algorithm="none")


def signed_with_the_public_key(bent: BentProvider, claims: dict[str, Any]) -> str:
    text = bent.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = jwt.utils.base64url_encode(json.dumps({"alg": "HS256", "kid": bent.kid}).encode())
    body = jwt.utils.base64url_encode(json.dumps(claims).encode())
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(head + b"." + body, text)
    return b".".join((head, body, jwt.utils.base64url_encode(mac))).decode()


def signed_by_another(bent: BentProvider, claims: dict[str, Any]) -> str:
    other = rsa_key(2)
    return jwt.encode(claims, other, algorithm="RS256", headers={"kid": bent.kid})


def signed_with_a_key_it_brings(bent: BentProvider, claims: dict[str, Any]) -> str:
    other = rsa_key(2)
    brought = jwt.algorithms.RSAAlgorithm.to_jwk(other.public_key(), as_dict=True)
    return jwt.encode(claims, other, algorithm="RS256", headers={"jwk": brought, "kid": "brought"})


def changed_afterwards(bent: BentProvider, claims: dict[str, Any]) -> str:
    head, _body, signature = bent.signed(claims).split(".")
    body = jwt.utils.base64url_encode(json.dumps({**claims, "email": "ana@acme.example"}).encode()).decode()
    return f"{head}.{body}.{signature}"


@pytest.mark.parametrize(
    ("sign", "fault"),
    [
        (signed_by_nobody, "alg"),
        (signed_with_the_public_key, "alg"),
        (signed_by_another, "signature"),
        (signed_with_a_key_it_brings, "key"),
        (changed_afterwards, "signature"),
        (lambda *_: "not.a.token", "token"),
        (lambda *_: "x" * 40_000, "token"),
        (lambda *_: 7, "token"),
    ],
)
def test_a_token_that_the_provider_did_not_sign_is_refused(acme, provider, bent, sign, fault) -> None:
    bent.sign = lambda claims: sign(bent, claims)
    client = browser()

    assert refused(client, bent.back(begin(client, provider)), acme) == ("wrong", fault)


@pytest.mark.parametrize("elliptic", [False, True])
def test_keys_rotate_by_themselves(acme, provider, bent, elliptic) -> None:
    client = browser()
    client.get(bent.back(begin(client, provider)))
    client.post("/accounts/logout/")
    bent.rotate(elliptic=elliptic)

    assert client.get(bent.back(begin(client, provider))).status_code == 302


def test_codes_and_states_serve_once_and_in_their_own_place(acme, globex, carla, provider, bent, set_up) -> None:
    theirs = set_up(globex, bent.issuer, carla, domain="acme.example")
    client = browser()

    # Another company's state, at either company's address.
    back = bent.back(begin(client, theirs)).replace(str(theirs.public_id), str(provider.public_id))
    assert refused(client, back, acme) is None
    # A state that was never given, and one that was begun anew.
    first = begin(client, provider)
    assert refused(client, bent.back(first, state="never"), acme) is None
    begin(client, provider)
    assert refused(client, bent.back(first), acme) is None
    # One that says it is of another issuer.
    assert refused(client, bent.back(begin(client, provider), iss="https://evil.example"), acme) == ("wrong", "iss")
    # A code of somebody else's sign-in: the provider asks for a proof that is not his.
    stolen = bent.code_for(begin(browser(), provider))
    client.get(f"/accounts/sso/{provider.public_id}/")
    mine = begin(client, provider)
    answer = client.get(bent.back(mine, code=stolen))
    assert (answer.status_code, "_auth_user_id" in client.session) == (503, False)


def test_an_old_state_is_refused(acme, provider, bent) -> None:
    client = browser()
    back = bent.back(begin(client, provider))
    session = client.session
    session["provider_asked"] = session["provider_asked"] | {"at": time.time() - 601}
    session.save()

    assert refused(client, back, acme) is None


def test_another_account_of_the_same_address_is_no_way_in(acme, provider, bent) -> None:
    client = browser()
    client.get(bent.back(begin(client, provider)))
    client.post("/accounts/logout/")
    bent.told = {"sub": "subject-2"}

    assert refused(client, bent.back(begin(client, provider)), acme) == ("other", "sub")


def test_the_portal_asks_as_it_should(provider, bent) -> None:
    client = browser()
    location = begin(client, provider)
    for word in ("response_type=code", "code_challenge_method=S256", "scope=openid+email", "state=", "nonce="):
        assert word in location
    client.get(bent.back(location))
    path, authorization, form = next(asked for asked in bent.asked if asked[0] == "/token")
    assert (path, authorization[:6], form["grant_type"]) == ("/token", "Basic ", "authorization_code")
    assert "client_secret" not in form


PAGE = "/.well-known/openid-configuration"


@pytest.mark.parametrize("where", [PAGE, "/keys"])
@pytest.mark.parametrize(
    "answer",
    [
        (302, {"Location": "http://127.0.0.1:1/elsewhere"}, b""),
        (200, {}, b'{"issuer": "' + b"x" * 300_000 + b'"}'),
        (200, {}, b"<html>"),
        (200, {}, b"[]"),
        (200, {}, b"[" * 100_000),
        (200, {}, b'{"keys": 7}'),
        (200, {}, b'{"keys": []}'),
        (500, {}, b"{}"),
    ],
)
def test_a_provider_that_answers_badly_is_not_saved_and_lets_nobody_in(
    acme, ana, bruno, bent, set_up, answer, where
) -> None:
    bent.documents[where] = answer
    with pytest.raises(Unusable):
        set_up(acme, bent.issuer, ana)
    bent.documents.clear()
    provider = set_up(acme, bent.issuer, ana)
    client = browser()
    back = bent.back(begin(client, provider))
    bent.documents[where] = answer
    if where == "/keys":
        assert client.get(back).status_code == 503
    else:
        assert client.get(f"/accounts/sso/{provider.public_id}/").status_code == 503
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    "over",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "file:///etc/passwd"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "http://127.0.0.1/a#b"},
        {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
        {"id_token_signing_alg_values_supported": ["HS256"]},
    ],
)
def test_a_description_that_can_not_be_trusted_is_not_saved(acme, ana, bent, set_up, over) -> None:
    bent.documents[PAGE] = (200, {}, json.dumps({**bent.description(), **over}).encode())
    with pytest.raises(Unusable):
        set_up(acme, bent.issuer, ana)


@pytest.mark.parametrize(
    "issuer", ["https://10.0.0.1", "https://169.254.169.254", "http://8.8.8.8", "https://localhost"]
)
def test_no_owner_leads_the_portal_inside(settings, acme, ana, bent, set_up, issuer) -> None:
    settings.UPSTREAM_ALLOW_PRIVATE = False
    for name in (issuer, bent.issuer):
        with pytest.raises(Unusable, match="not allowed"):
            set_up(acme, name, ana)
    assert bent.asked == []


def test_a_provider_that_is_slow_is_not_waited_for(monkeypatch, acme, ana, bent, set_up) -> None:
    monkeypatch.setattr(asking, "SECONDS", 0.3)
    answer = bent.answer
    bent.answer = lambda *asked: time.sleep(0.6) or answer(*asked)  # type: ignore[method-assign]
    with pytest.raises(Unusable, match="in time"):
        set_up(acme, bent.issuer, ana)
