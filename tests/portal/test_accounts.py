"""The start page, sign-in, passwords and languages."""

import re

import pytest
from django.core.cache import cache

from portal.accounts.members import add_member, whole
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import Tenant

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


def sign_in(client, email, password=PASSWORD, **more):
    return client.post("/accounts/login/", {"login": email, "password": password, **more})


def test_one_company_is_entered_at_once(client, ana) -> None:
    client.force_login(ana)
    response = client.get("/")

    assert (response.status_code, response["Location"]) == (302, "/t/acme/")


def test_several_companies_are_a_choice(client, ana, globex, django_assert_max_num_queries) -> None:
    add_member(globex, ana, whole(Role.VIEWER))
    client.force_login(ana)
    with django_assert_max_num_queries(4):  # session, user, memberships, whose host it is
        response = client.get("/")

    assert [place.tenant.slug for place in response.context["memberships"]] == ["acme", "globex"]
    text = response.content.decode()
    assert "/t/acme/" in text
    assert "/t/globex/" in text


def test_no_company_is_told_kindly(client, acme) -> None:
    client.force_login(User.objects.create_user("new@x.example"))
    response = client.get("/")
    assert response.status_code == 200
    assert "/admin/" not in response.content.decode()

    client.force_login(User.objects.create_superuser("root@x.example"))
    assert "/admin/" in client.get("/").content.decode()


def test_a_visitor_signs_in_first(client, ana) -> None:
    assert client.get("/")["Location"] == "/accounts/login/?next=/"
    response = sign_in(client, "Ana@ACME.example", next="/t/acme/")

    assert response["Location"] == "/t/acme/"


def test_sign_in_leads_nowhere_else(client, ana) -> None:
    assert sign_in(client, ana.email, next="https://evil.example/")["Location"] == "/"


def test_wrong_and_unknown_read_the_same(client, ana) -> None:
    wrong = sign_in(client, "ana@acme.example", "wrong")
    unknown = sign_in(client, "anb@acme.example", "wrong")

    assert wrong.status_code == unknown.status_code == 200
    texts = [re.sub(r'csrf\w+" value="\w+"|an[ab]@', "", answer.content.decode()) for answer in (wrong, unknown)]
    assert texts[0] == texts[1]


def test_guessing_is_slowed_down(client, ana) -> None:
    for _ in range(5):
        sign_in(client, ana.email, "wrong")
    response = sign_in(client, ana.email)

    assert "_auth_user_id" not in client.session
    assert "Too many" in response.content.decode()


def test_nobody_signs_up(client, db) -> None:
    assert client.get("/accounts/signup/").status_code == 404
    client.post("/accounts/signup/", {"email": "x@x.example", "password1": PASSWORD})
    assert not User.objects.exists()


def test_the_inactive_stay_out(client, ana) -> None:
    User.objects.update(is_active=False)
    sign_in(client, ana.email)

    assert "_auth_user_id" not in client.session


def test_the_pages_of_the_person_open(client, ana) -> None:
    for path in ("login/", "password/reset/", "password/reset/done/", "inactive/"):
        assert client.get(f"/accounts/{path}").status_code == 200, path
    client.force_login(ana)
    for path in ("logout/", "password/change/"):
        assert client.get(f"/accounts/{path}").status_code == 200, path


def test_the_language_stays_with_the_person(client, ana) -> None:
    client.force_login(ana)
    response = client.post("/accounts/language/", {"language": "pt-br", "next": "/t/acme/?page=2"})
    ana.refresh_from_db()

    assert (response["Location"], ana.language) == ("/t/acme/?page=2", "pt-br")
    assert "django_language" not in response.cookies


def test_the_language_of_a_visitor_is_a_cookie(client, db) -> None:
    client.post("/accounts/language/", {"language": "pt-br"})

    assert client.get("/accounts/login/")["Content-Language"] == "pt-br"


@pytest.mark.parametrize("sent", [{"language": "xx"}, {}, {"language": "en", "next": "//evil.example/"}])
def test_a_strange_wish_changes_nothing(client, ana, sent) -> None:
    client.force_login(ana)
    response = client.post("/accounts/language/", sent)

    assert response["Location"] == "/"
    assert client.get("/accounts/language/").status_code == 405


def test_a_member_of_many_companies_finds_one_by_typing(client, acme, ana) -> None:
    client.force_login(ana)
    for number in range(12):
        tenant = Tenant.objects.create(slug=f"client-{number}", name=f"Client {number}")
        with wall.tenant(tenant):
            Membership.objects.create(tenant=tenant, user=ana, role="viewer", grant=Grant.objects.create(tenant=tenant))
        text = client.get("/").content.decode()
        assert ('type="search"' in text) == (number + 2 > 8)
    assert text.count('href="/t/') == 13
