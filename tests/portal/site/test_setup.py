"""The first steps of an empty portal in the browser: every page leads to one, which a code opens once."""

import re
from typing import Any

import pytest
from django.core.management import call_command

from portal.accounts.limits import ADDRESS
from portal.audit.models import Entry, PlatformEntry
from portal.site.models import SetupCode
from portal.site.setup import First, NotEmpty, begin, invitation_to_set_up, is_empty, new_code
from portal.site.setup_pages import FirstForm
from portal.tenants import wall
from portal.tenants.models.people import Membership, User
from portal.tenants.models.tenants import Tenant

pytestmark = pytest.mark.django_db
CODE = re.compile(r"[A-Z2-9]{4}(?:-[A-Z2-9]{4}){3}")
FIRST = {
    "company": "Café do Zé",
    "zone": "America/Recife",
    "language": "pt-br",
    "name": "Zé",
    "email": "Ze@Cafe.example",
    "password": "correct horse battery",
}


def sent(client: Any, **changes: str) -> Any:
    return client.post("/setup/", FIRST | changes | {"code": changes.get("code") or new_code()})


@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/t/acme/calls/", "/admin/", "/accounts/password/reset/"])
def test_every_page_of_an_empty_portal_leads_to_the_first_steps(client, path) -> None:
    assert client.get(path)["Location"] == "/setup/"


def test_programs_are_answered_as_ever(client) -> None:
    assert client.get("/livez").status_code == 200
    assert client.get("/api/v1/calls/").status_code == 401
    assert client.get("/nothing/").status_code == 404


def test_whoever_has_the_code_becomes_owner_and_goes_on_to_the_first_connection(client) -> None:
    code = CODE.search(invitation_to_set_up())
    assert code is not None
    assert "Code" in client.get("/setup/").content.decode()
    answer = client.post("/setup/", FIRST | {"code": f" {code[0].lower()} ", "administers": "on"}, follow=True)

    assert answer.redirect_chain == [("/t/cafe-do-ze/connections/new/", 302)]
    assert answer.status_code == 200
    tenant = Tenant.objects.get()
    assert (tenant.name, tenant.zone, tenant.language) == ("Café do Zé", "America/Recife", "pt-br")
    with wall.tenant(tenant):
        owner = Membership.objects.select_related("user", "grant").get()
        assert (owner.role, owner.grant.all_environments, owner.grant.sees_numbers) == ("owner", True, True)
        assert list(Entry.objects.order_by("number").values_list("action", flat=True)[:2]) == [
            "tenant.added",
            "member.added",
        ]
    assert (owner.user.email, owner.user.name, owner.user.is_superuser) == ("ze@cafe.example", "Zé", True)
    assert PlatformEntry.objects.filter(action="administrator.added").exists()
    assert client.get("/admin/").status_code == 200
    assert not SetupCode.objects.exists()


def test_he_need_not_administer_the_installation(client) -> None:
    assert sent(client).status_code == 302
    assert not User.objects.filter(is_staff=True).exists()


def test_with_a_person_the_page_is_absent(client, ana) -> None:
    assert client.get("/setup/").status_code == 404
    assert sent(client).status_code == 404
    assert Tenant.objects.count() == 1
    assert invitation_to_set_up() == ""
    assert client.get("/")["Location"].startswith("/accounts/login/")


def test_a_code_opens_once_and_only_the_last_one(client) -> None:
    old, code = new_code(), new_code()
    assert sent(client, code=old).status_code == 400
    form = FirstForm(FIRST | {"code": code})
    assert form.is_valid(), form.errors
    assert code not in SetupCode.objects.get().digest
    sent(client, code=code)
    assert not is_empty()
    given = dict(form.cleaned_data)
    with pytest.raises(NotEmpty):  # another window, in which the same was filled in
        begin(given.pop("code"), First(**given))


def test_what_is_wrong_is_said_and_nothing_is_made(client) -> None:
    code = new_code()
    answer = client.post("/setup/", FIRST | {"code": code, "password": "ze@cafe.example", "zone": "Mars/Olympus"})
    assert answer.status_code == 400
    assert {"password", "zone"} == set(answer.context["form"].errors)
    assert (Tenant.objects.exists(), User.objects.exists()) == (False, False)
    assert FIRST["password"] not in sent(client, company="").content.decode()


def test_guessing_is_limited_and_being_right_is_not(client, settings) -> None:
    code = new_code()
    for _try in range(3):
        client.post("/setup/", FIRST | {"code": code, "company": ""})
    for _guess in range(ADDRESS.most):
        assert client.post("/setup/", FIRST | {"code": "AAAA-BBBB-CCCC-DDDD"}).status_code == 400
    assert client.post("/setup/", FIRST | {"code": "AAAA-BBBB-CCCC-DDDD"}).status_code == 429
    assert is_empty()
    assert client.post("/setup/", FIRST | {"code": code}).status_code == 302  # others' failures refuse no right code
    assert not is_empty()


def test_no_address_is_taken_twice(client, acme) -> None:
    sent(client, company="Acme")
    assert sorted(Tenant.objects.values_list("slug", flat=True)) == ["acme", "acme-2"]


def test_a_company_without_latin_letters_has_an_address(client) -> None:
    sent(client, company="株式会社")
    assert Tenant.objects.get().slug == "company"


def test_the_command_tells_a_code_while_the_portal_is_empty(capsys) -> None:
    call_command("setup_code")
    assert CODE.search(capsys.readouterr().out)
    User.objects.create_user("root@ringbook.example", "correct horse battery")
    call_command("setup_code")
    assert capsys.readouterr().out == ""
