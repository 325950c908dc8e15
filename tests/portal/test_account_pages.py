"""The account page, sessions and second factors."""

import re
from datetime import timedelta

import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.conf import settings
from django.test import Client
from django.utils import timezone

from portal.accounts.factors import has_factor, reset
from portal.accounts.models import Session
from portal.tenants.models.tenants import Tenant

RIGHT = "correct horse battery"


def entered(email: str) -> Client:
    client = Client()
    client.post("/accounts/login/", {"login": email, "password": RIGHT})
    client.post("/accounts/reauthenticate/", {"password": RIGHT})
    return client


def add_app(client: Client) -> str:
    page = client.get("/accounts/2fa/app/add/").content.decode()
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", page)[1]
    client.post("/accounts/2fa/app/add/", {"code": code_of(secret)})
    return secret


def code_of(secret: str, ahead: int = 0) -> str:
    return format_hotp_value(hotp_value(secret, list(yield_hotp_counters_from_time())[1] + ahead))


def test_pages_open(ana) -> None:
    client = entered(ana.email)
    for path in ("", "second-factor/", "2fa/app/add/", "2fa/passkeys/add/"):
        assert client.get(f"/accounts/{path}").status_code == 200, path
    assert client.get("/t/acme/settings/sign-in/").status_code == 200


def test_a_session_is_ended_from_another(ana) -> None:
    here, there = entered(ana.email), entered(ana.email)
    assert settings.SESSION_COOKIE_NAME in there.cookies
    assert not Session.objects.filter(session_key=there.cookies["sessionid"].value).exists()
    here.post("/accounts/sessions/end/")
    assert here.get("/accounts/").status_code == 200
    assert there.get("/accounts/").status_code == 302


def test_nobody_ends_another_s_session(ana, bruno) -> None:
    hers, his = entered(ana.email), entered(bruno.email)
    key = Session.objects.get(user=ana).session_key
    assert his.post("/accounts/sessions/end/", {"session": key}).status_code == 404
    assert hers.get("/accounts/").status_code == 200


def test_a_new_password_ends_the_other_sessions(ana) -> None:
    here, there = entered(ana.email), entered(ana.email)
    new = {"oldpassword": RIGHT, "password1": "another battery staple", "password2": "another battery staple"}
    assert here.post("/accounts/password/change/", new).status_code == 302
    assert here.get("/accounts/").status_code == 200
    assert there.get("/accounts/").status_code == 302


def test_a_visitors_session_is_forgotten_once_it_opens_nothing(ana, bruno) -> None:
    """Anybody begins one by asking for a passkey's challenge, as often as he likes."""
    for _ in range(3):
        Client().get("/accounts/2fa/passkeys/login/", headers={"Accept": "application/json"})
    entered(bruno.email)
    assert Session.objects.filter(user=None).count() == 3
    Session.objects.update(seen_at=timezone.now() - timedelta(hours=9))
    entered(ana.email)

    assert list(Session.objects.order_by("user__email").values_list("user", flat=True)) == [ana.pk, bruno.pk]


def test_an_idle_session_ends(ana) -> None:
    client = entered(ana.email)
    Session.objects.update(seen_at=timezone.now() - timedelta(minutes=settings.SESSION_IDLE_MINUTES + 1))
    assert client.get("/accounts/").status_code == 302


def test_a_session_ends_a_week_after_signing_in_however_much_it_is_used(ana) -> None:
    """Each page that writes to the session would give it another week."""
    begun = timezone.now()
    with time_machine.travel(begun, tick=False) as clock:
        client = entered(ana.email)
        hours = settings.SESSION_IDLE_MINUTES // 60 - 1
        for hour in range(hours, 7 * 24, hours):
            clock.move_to(begun + timedelta(hours=hour))
            assert client.post("/accounts/reauthenticate/", {"password": RIGHT}).status_code == 302
            assert client.get("/accounts/").status_code == 200, hour
        clock.move_to(begun + timedelta(days=7, seconds=1))
        assert client.get("/accounts/")["Location"].startswith("/accounts/login/")


def test_an_app_is_asked_for_at_signing_in_and_its_secret_sleeps_sealed(
    ana, django_capture_on_commit_callbacks
) -> None:
    other = entered(ana.email)
    with django_capture_on_commit_callbacks(execute=True):
        secret = add_app(entered(ana.email))
    assert has_factor(ana)
    assert secret not in str(Authenticator.objects.get(type="totp").data)
    assert other.get("/accounts/").status_code == 302
    client = entered(ana.email)
    assert client.get("/accounts/").status_code == 302
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret, 1)})
    assert client.get("/accounts/").status_code == 200
    reset(ana)
    assert not has_factor(ana)
    assert client.get("/accounts/").status_code == 302


def test_after_the_days_of_grace_everything_leads_to_setting_up(ana) -> None:
    client = entered(ana.email)
    assert client.get("/t/acme/settings/sign-in/").status_code == 200
    past = timezone.now() - timedelta(days=15)
    Tenant.objects.update(second_factor="everyone", second_factor_since=past)
    type(ana).objects.update(is_staff=True, date_joined=past)
    client = entered(ana.email)
    assert client.get("/t/acme/settings/sign-in/")["Location"] == "/accounts/second-factor/"
    assert client.get("/api/v1/calls/").status_code == 403
    assert client.get("/api/v1/calls/", headers={"authorization": "Basic x"}).status_code == 403
    assert client.get("/api/v1/calls/", headers={"authorization": "Bearer x"}).status_code == 401


def test_owners_find_the_keys_of_their_company_where_there_is_a_page(ana, bruno, monkeypatch) -> None:
    page = "/t/acme/keys/"
    monkeypatch.setattr("portal.accounts.account_pages.is_valid_path", lambda path: path == page)
    assert page in entered(ana.email).get("/accounts/").content.decode()
    assert page not in entered(bruno.email).get("/accounts/").content.decode()
