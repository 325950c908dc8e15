"""What every kind of answer tells a browser."""

import pytest
from django.test import Client

from portal.tenants.models.people import User
from tests.reports.api.conftest import make_key

ALWAYS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
ANSWERS = {
    "page": ("ana", "/t/acme/", 200),
    "sign-in": ("", "/accounts/login/", 200),
    "account": ("ana", "/accounts/", 200),
    "redirection": ("", "/t/acme/", 302),
    "file": ("ana", "/t/acme/calls.csv", 200),
    "API": ("key", "/api/v1/calls/", 200),
    "file of the API": ("key", "/api/v1/calls/csv/", 200),
    "API's documents": ("", "/api/docs/", 200),
    "API's schema": ("", "/api/schema/", 200),
    "problem": ("", "/api/v1/calls/", 401),
    "vendor's form": ("", "/vendor/talkover/api/v1/calls", 401),
    "console": ("root", "/admin/", 200),
    "list of the console": ("root", "/admin/tenants/tenant/", 200),
    "static": ("", "/static/portal/css/ringbook.css", 200),
    "static that is none": ("", "/static/nothing.css", 404),
    "page that is none": ("ana", "/t/acme/nothing", 404),
    "forbidden": ("ana", "/admin/", 302),
    "unreadable": ("ana", "/t/acme/?number=%00", 400),
    "probe": ("", "/livez", 200),
    "link of a mail": ("", "/mail/leave/nothing", 404),
}


@pytest.fixture
def answer(client, acme, ana):
    def ask(kind: str):
        who, address, status = ANSWERS[kind]
        headers = {"Authorization": f"Bearer {make_key(acme)}"} if who == "key" else {}
        if who in ("ana", "root"):
            client.force_login(
                ana if who == "ana" else User.objects.create_superuser("root@ringbook.example", "x" * 12)
            )
        found = client.get(address, headers=headers)
        assert found.status_code == status
        if found.streaming:
            assert b"".join(found.streaming_content)
            found.close()
        return found

    return ask


@pytest.mark.parametrize("kind", ANSWERS)
def test_every_answer_is_bound_to_its_origin(answer, kind) -> None:
    told = answer(kind).headers
    assert {name: told.get(name) for name in ALWAYS} == ALWAYS
    assert "geolocation=()" in told["Permissions-Policy"]
    policy = dict(part.strip().split(" ", 1) for part in told["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert {policy[name] for name in ("object-src", "base-uri", "frame-ancestors")} == {"'none'"}
    assert not any("unsafe" in sources for sources in policy.values())
    assert not any("Django" in value or "Python" in value for value in told.values())


@pytest.mark.parametrize("kind", [kind for kind in ANSWERS if kind != "static"])
def test_nothing_of_anybodys_is_kept_on_the_way(answer, kind) -> None:
    assert "no-store" in answer(kind).headers["Cache-Control"]


def test_what_fails_says_the_same(client, ana, monkeypatch) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr("reports.web.overview.views.frame", fail)
    careful = Client(raise_request_exception=False)
    careful.force_login(ana)
    told = careful.get("/t/acme/")
    assert told.status_code == 500
    assert told.headers["Cache-Control"] == "private, no-store"
    assert "default-src 'self'" in told.headers["Content-Security-Policy"]
    assert "secret" not in told.content.decode()


def test_cookies_are_out_of_scripts_reach(client, ana) -> None:
    client.post("/accounts/login/", {"login": ana.email, "password": "correct horse battery"})
    session = client.cookies["sessionid"]
    assert session["httponly"]
    assert session["samesite"] == "Lax"
