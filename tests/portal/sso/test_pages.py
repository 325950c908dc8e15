"""The owner's page, the page that asks for an address, and the mail that it sends."""

import re

import pytest
from django.core import mail

from portal.accounts.models import Identity, IdentityProvider, Session
from portal.accounts.sso import acts
from portal.audit.models import Entry
from portal.outbox import post
from portal.outbox.models import PlatformMessage
from portal.tenants import wall
from portal.tenants.models.tenants import Tenant
from tests.portal.sso.provider import CLIENT_ID, SECRET, browser
from tests.portal.sso.test_held import by_password, come

PAGE = "/t/acme/team/sign-on/"


def form(issuer: str, /, **over: str) -> dict[str, str]:
    return {"issuer": issuer, "client_id": CLIENT_ID, "client_secret": SECRET, "domains": "acme.example", **over}


def stored(tenant: Tenant) -> IdentityProvider | None:
    with wall.tenant(tenant):
        return IdentityProvider.objects.first()


@pytest.fixture
def owner(ana):
    return by_password(ana.email)


def test_an_owner_sets_it_up_with_addresses_that_stay(acme, bruno, bent, owner) -> None:
    before = re.search(r"http://127\.0\.0\.1:8000/accounts/sso/[0-9a-f-]+/return/", owner.get(PAGE).content.decode())[0]
    assert owner.post(PAGE, form(bent.issuer, domains=" @ACME.example;  acme.example ")).status_code == 302
    provider = stored(acme)
    page = owner.get(PAGE).content.decode()

    assert before in page
    assert (provider.domains, provider.client_secret.reveal()) == (["acme.example"], SECRET)
    assert SECRET not in page
    assert "A client" not in page
    come(browser(), provider, bent)
    assert "bruno@acme.example" in owner.get(PAGE).content.decode()
    with wall.tenant(acme):
        [entry] = Entry.objects.filter(action="provider.created")
    assert entry.changes["domains"] == [None, ["acme.example"]]
    assert SECRET not in str((entry.about, entry.changes))


def test_what_is_wrong_is_said_and_nothing_saved(acme, bent, owner) -> None:
    for over, sentence in (
        ({"issuer": "https://10.0.0.1"}, "not reached"),
        ({"issuer": f"{bent.issuer}/"}, f"calls itself “{bent.issuer}”"),
        ({"domains": "acme example"}, "is no domain"),
        ({"domains": " "}, "required"),
        ({"client_secret": ""}, "required"),
        ({"required": "on"}, "has to sign in this way first"),
    ):
        answer = owner.post(PAGE, form(bent.issuer, **over))
        assert (answer.status_code, sentence in answer.content.decode()) == (400, True), over
    assert stored(acme) is None


def test_a_test_saves_nothing(acme, bent, owner) -> None:
    page = owner.post(PAGE, form(bent.issuer, act="test")).content.decode()
    assert "names 1 key" in page
    assert stored(acme) is None


def test_another_issuer_needs_the_secret_anew_and_forgets_everybody(acme, bruno, bent, owner) -> None:
    owner.post(PAGE, form(bent.issuer))
    client = browser()
    come(client, stored(acme), bent)
    assert owner.post(PAGE, form(bent.issuer, client_secret="", domains="acme.example acme.org")).status_code == 302
    assert client.get("/t/acme/").status_code == 200

    other = form(bent.issuer, client_id="another", client_secret="")
    assert "Enter the client secret" in owner.post(PAGE, other).content.decode()
    assert owner.post(PAGE, other | {"client_secret": "new"}).status_code == 302
    assert client.get("/t/acme/").status_code == 302
    with wall.tenant(acme):
        assert not Identity.objects.exists()


def test_requiring_and_removing(acme, bruno, bent, owner) -> None:
    owner.post(PAGE, form(bent.issuer))
    client = browser()
    come(client, stored(acme), bent)
    assert owner.post(PAGE, form(bent.issuer, client_secret="", required="on")).status_code == 302
    assert by_password(bruno.email).get("/t/acme/")["Location"] == "/"
    assert owner.get("/t/acme/").status_code == 200

    assert owner.post(f"{PAGE}act/", {"act": "remove"}).status_code == 302
    assert client.get("/t/acme/").status_code == 302
    assert by_password(bruno.email).get("/t/acme/").status_code == 200
    assert owner.post(f"{PAGE}act/", {"act": "remove"}).status_code == 404
    assert stored(acme) is None


def test_an_owner_who_came_by_it_himself_signs_himself_out(acme, bent, owner) -> None:
    owner.post(PAGE, form(bent.issuer))
    bent.told = {"email": "ana@acme.example"}
    come(owner, stored(acme), bent)  # besides his password
    assert owner.get(PAGE).status_code == 200
    session = owner.session
    session["second_factor"] = [0, 0]  # looked up again, and so written, in the request that ends it
    session.save()
    assert owner.post(f"{PAGE}act/", {"act": "remove"}).status_code == 302
    assert owner.get(PAGE)["Location"].startswith("/accounts/login/")


def test_an_account_is_forgotten_and_the_next_one_bound(acme, bruno, bent, owner) -> None:
    owner.post(PAGE, form(bent.issuer))
    client = browser()
    come(client, stored(acme), bent)
    with wall.tenant(acme):
        identity = Identity.objects.get()
    for wrong in ("", "no-id", str(bruno.pk)):
        assert owner.post(f"{PAGE}act/", {"act": "unbind", "identity": wrong}).status_code == 404
    assert owner.post(f"{PAGE}act/", {"act": "unbind", "identity": identity.public_id}).status_code == 302
    assert client.get("/t/acme/").status_code == 302

    bent.told = {"sub": "subject-2"}
    assert come(client, stored(acme), bent).status_code == 302


def test_only_owners_see_it(acme, bruno) -> None:
    assert by_password(bruno.email).get(PAGE).status_code == 403


def letters() -> list[PlatformMessage]:
    return list(PlatformMessage.objects.filter(rule="company").order_by("pk"))


def ask(email: str) -> str:
    answer = browser().post("/accounts/sso/", {"email": email})
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"nonce=\S+|csrfmiddlewaretoken.*?>", "", answer.content.decode()))


def test_the_address_of_sign_in_comes_by_mail_to_who_may_come_in(acme, globex, ana, bruno, carla, bent, set_up) -> None:
    provider = set_up(acme, bent.issuer, ana)
    pages = {ask(email) for email in ("BRUNO@acme.example", "nobody@acme.example", carla.email, "x@nowhere.example")}
    assert len(pages) == 1  # who is known here, and whose company, shows to nobody
    assert [message.to for message in letters()][1:] == ["nobody@acme.example", carla.email, "x@nowhere.example"]
    assert f"/accounts/sso/{provider.public_id}/" in letters()[0].text
    assert all(str(provider.public_id) not in message.text for message in letters()[1:])
    for message in letters():
        post.deliver(message.pk, PlatformMessage)
    assert [sent.to for sent in mail.outbox] == [["bruno@acme.example"]]


def test_the_mail_carries_the_brand_of_the_company_and_a_strangers_that_of_none(
    acme, ana, bruno, bent, set_up, settings
) -> None:
    settings.SENDER_DOMAINS = ["mail.example"]
    branded = {"brand_name": "Voz Clara", "sender_name": "Voz Clara", "sender_address": "calls@mail.example"}
    Tenant.objects.filter(pk=acme.pk).update(**branded)
    set_up(acme, bent.issuer, ana)
    ask(bruno.email)
    ask("x@nowhere.example")
    ours, nobodys = letters()
    post.deliver(ours.pk, PlatformMessage)
    [sent] = mail.outbox
    assert (sent.from_email, sent.subject) == ("Voz Clara <calls@mail.example>", "Sign in to Acme on Voz Clara")
    assert "Ringbook" not in sent.body
    assert "Voz Clara" not in nobodys.text + nobodys.subject


def test_a_letter_that_waits_is_looked_at_again(acme, ana, bruno, bent, set_up) -> None:
    provider = set_up(acme, bent.issuer, ana)
    ask(bruno.email)
    with wall.tenant(acme):
        provider.delete()
    [message] = letters()
    post.deliver(message.pk, PlatformMessage)
    assert mail.outbox == []


def test_asking_is_limited(ana) -> None:
    statuses = [browser().post("/accounts/sso/", {"email": "x@y.example"}).status_code for _time in range(6)]
    assert statuses == [200] * 5 + [429]


def test_the_browsers_own_cookie_opens_nothing(ana) -> None:
    client = browser()
    client.cookies["ringbook_company"] = "forged:value"
    page = client.get("/accounts/login/?next=/t/acme/calls/").content.decode()
    assert 'href="/accounts/sso/?next=%2Ft%2Facme%2Fcalls%2F"' in page
    assert Session.objects.count() == 0


def test_the_pages_speak_portuguese(acme, ana, bent, set_up) -> None:
    provider = set_up(acme, bent.issuer, ana)
    client = browser()
    ask_page = client.get("/accounts/sso/", headers={"Accept-Language": "pt-br"}).content.decode()
    refused = client.get(f"/accounts/sso/{provider.public_id}/return/", headers={"Accept-Language": "pt-br"})
    assert "Entrar pela sua empresa" in ask_page
    assert "Comece de novo" in refused.content.decode()


def test_a_provider_may_be_named_by_its_network_address(monkeypatch, acme, ana, set_up) -> None:
    monkeypatch.setattr(acts, "try_out", lambda *_: "")
    set_up(acme, "https://203.0.113.10", ana)

    with wall.tenant(acme):
        changes = Entry.objects.get(action="provider.created").changes
    assert changes["host"] == [None, "https://203.0.113.10"]
