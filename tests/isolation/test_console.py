"""The administrators' console: every page of every model, its actions, its search, for whoever asks.

``console.toml`` has a row for each. An administrator sees lists of all tenants, and on a page of one row nothing of
another tenant's; nobody else sees anything.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.http import HttpRequest
from django.test import Client

from portal.tenants import wall
from portal.tenants.base import TenantModel
from portal.tenants.models.people import User
from portal.tenants.models.tenants import Tenant
from sync.models.connections import Connection
from tests.isolation.exchange import Kept, but, leaked, pressed
from tests.isolation.principals import Principal, longer
from tests.isolation.routes import console_addresses
from tests.isolation.world import ABSENT, Side, canary

pytestmark = pytest.mark.django_db

TABLE = tomllib.loads(Path(__file__).with_name("console.toml").read_text(encoding="utf-8"))
MODELS = {model._meta.label: (model, pages) for model, pages in admin.site._registry.items()}
LISTS = ("/admin/", "/admin/audit/", "/admin/sync/connection/many/")  # which name all tenants, or ask whose it is
VIEWS = {"changelist": "", "add": "add/", "change": "{}/change/", "delete": "{}/delete/", "history": "{}/history/"}


def place(label: str) -> str:
    return f"/admin/{label.replace('.', '/').lower()}/"


def key_of(model: type[Any], sides: dict[str, Side], slug: str) -> str:
    """The key of one of the tenant's rows; of any row, where rows are nobody's."""
    side = sides[slug]
    if issubclass(model, TenantModel):
        with wall.tenant(side.tenant):
            return str(model.objects.order_by("pk").values_list("pk", flat=True)[0])
    if model is Tenant:
        return str(side.tenant.pk)
    if model is User:
        with wall.tenant(side.tenant):
            return str(User.objects.get(email=f"owner@{slug}.example").pk)
    return ABSENT["row"]


def test_every_page_action_and_search_has_a_row() -> None:
    asked = HttpRequest()
    asked.user = User(is_active=True, is_staff=True, is_superuser=True)
    for label, (_model, pages) in MODELS.items():
        wanted = {"actions": sorted(pages.get_actions(asked)), "search": bool(pages.search_fields)}
        row = TABLE["models"].get(label)
        assert row, f'Add "{label}" = {{ kind = "ledger", … }} to [models] of tests/isolation/console.toml'
        assert {"actions": sorted(row.get("actions", ())), "search": row.get("search", False)} == wanted, label
    assert TABLE["models"].keys() == MODELS.keys()
    of_models = {place(label) + view.format("{object_id}") for label in MODELS for view in (*VIEWS.values(), "{}/")}
    assert set(console_addresses()) - of_models == TABLE["pages"].keys()


@pytest.fixture
def root(principals: dict[str, Principal]) -> Principal:
    return principals["administrator"]


@pytest.mark.parametrize("label", MODELS)
def test_a_page_of_one_row_shows_nothing_of_another_tenant(sides, root, label) -> None:
    """Each view as its row says; sent forms change nothing of the other tenant's."""
    model, _pages = MODELS[label]
    told = TABLE["kinds"][TABLE["models"][label]["kind"]]
    tenants = issubclass(model, TenantModel)
    key = key_of(model, sides, "acme")
    kept = Kept.of(sides["globex"].tenant)
    whose = f"?tenant={sides['acme'].tenant.pk}" if tenants else ""
    for view, ending in VIEWS.items():
        gone = key == ABSENT["row"] and "{}" in ending  # the platform's own tables are empty
        path = place(label) + ending.format(key) + (whose if view == "add" else "")
        for method, body in (("GET", ""), ("POST", "post=yes" if view == "delete" else "_save=1")):
            answer = pressed(root, path, method, body, kept)
            if method == "GET":
                assert answer.status in ({302, 403} if gone else {told[view]}), path
            assert answer.status < 500, path
            if tenants and view != "changelist":
                assert not leaked(answer.whole, sides["globex"].secrets, {}), (method, path)


@pytest.mark.parametrize("label", [label for label, (model, _) in MODELS.items() if issubclass(model, TenantModel)])
def test_a_list_of_one_tenant_stays_with_it(sides, root, label) -> None:
    """Narrowed to one, searched for another's words; actions on another's rows are for the administrator who names
    them, and touch no rows but these."""
    model, _pages = MODELS[label]
    row = TABLE["models"][label]
    kept = Kept.of(sides["globex"].tenant)
    narrowed = f"{place(label)}?tenant__id__exact={sides['acme'].tenant.pk}"
    names = {canary("globex")}  # stands among the tenants to choose from
    theirs = tuple(set(sides["globex"].secrets) - names)
    for query in ("", f"&q={canary('globex')}", "&q=a"):
        assert not leaked(pressed(root, narrowed + query).whole, theirs, {}), query
    for action in row.get("actions", ()):
        sent = f"action={action}&_selected_action={key_of(model, sides, 'acme')}&post=yes&note=why"
        answer = pressed(root, place(label), "POST", sent, kept)
        assert answer.status in (200, 302), action


@pytest.mark.parametrize("address", TABLE["pages"])
def test_what_belongs_to_no_model_answers_as_its_row_says(sides, root, address) -> None:
    label = next((label for label in MODELS if address.startswith(place(label))), "")
    key = key_of(MODELS[label][0], sides, "acme") if label else "1"
    path = re.sub(r"\{\w+\}", key, address)
    kept = Kept.of(sides["globex"].tenant)
    for method, status in TABLE["pages"][address].items():
        answer = pressed(root, path, method, "", kept)
        assert answer.status == status, path
        known = {canary("globex")} if address in LISTS else set()
        assert not leaked(answer.whole, tuple({*sides["globex"].secrets} - known), {}), path


def test_people_are_completed_for_administrators_alone(sides, principals) -> None:
    field = "app_label=tenants&model_name=membership&field_name=user&term=owner"
    for name, who in principals.items():
        told = pressed(who, f"/admin/autocomplete/?{field}")
        may = name in ("administrator", "visitor")  # who is one, too
        assert told.status in ({200} if may else {302, 403}), name
        assert ('"text": "Owner"' in told.body) == may, name


def test_what_is_stored_sealed_is_shown_to_nobody(sides, root) -> None:
    """Tokens, key digests and secrets of sign-in, on no page and by no filter that guesses them letter by letter."""
    with wall.tenant(sides["acme"].tenant):
        connection = Connection.objects.order_by("pk")[0]
    for ending in ("", f"{connection.pk}/change/", f"{connection.pk}/history/"):
        assert "token-canary" not in pressed(root, place("sync.Connection") + ending).body.lower()
    guesses = {
        "sync.Connection": ("token__startswith=a", "token_fingerprint__startswith=a"),
        "tenants.ApiKey": ("digest__startswith=a", "grant__api_key__digest__startswith=a"),
        "tenants.Membership": ("user__password__startswith=a",),
        "tenants.User": ("password__startswith=a",),
    }
    for label, queries in guesses.items():
        for query in queries:
            told = pressed(root, f"{place(label)}?{query}")
            assert told.status in (302, 400), (label, query)


def test_staff_without_a_right_sees_no_page(sides) -> None:
    client = Client()
    client.force_login(User.objects.create_user("staff@ringbook.example", is_staff=True))
    who = Principal("staff", "", client, {"Accept-Language": "en"}, ())
    hidden = sides["globex"].secrets + sides["acme"].secrets
    for label, (model, _pages) in MODELS.items():
        for ending in VIEWS.values():
            told = pressed(who, place(label) + ending.format(key_of(model, sides, "acme")))
            assert told.status in (302, 403), (label, ending)
            assert not leaked(told.whole, hidden, {}), (label, ending)


@pytest.mark.parametrize("name", longer("anonymous", "owner", "owner-key"))
def test_it_is_closed_to_whoever_is_no_administrator(sides, principals, name) -> None:
    """Every address, whatever it names, searches or does: to the sign-in, and not a word of anybody."""
    if name in ("administrator", "visitor"):
        pytest.skip("the console is his")
    hidden = tuple({*sides["globex"].secrets, *sides["acme"].secrets, *principals[name].secrets})
    hidden = tuple(text for text in hidden if not text.endswith(".example"))  # a page says who is signed in
    kept = [Kept.of(sides[slug].tenant) for slug in ("acme", "globex")]
    assert len(console_addresses()) > 100
    for route in console_addresses():
        for method in ("GET", "POST"):
            answers = []
            for key in (sides["acme"].ids["row"], sides["globex"].ids["row"], ABSENT["row"]):
                path = re.sub(r"\{\w+\}", key, route) + (f"?q={canary('globex')}" if method == "GET" else "")
                sent = f"action=delete_selected&_selected_action={key}&post=yes" if method == "POST" else ""
                told = pressed(principals[name], path, method, sent, kept[1])
                if not path.startswith(("/admin/login/", "/admin/logout/")):
                    assert told.status in (302, 403, 404, 405), (path, method, told.status)
                    assert not leaked(told.whole, hidden, {"q": canary("globex")}), (path, method)
                answers.append(but(told, {"key": key}))
                if "{" not in route:
                    break
            assert all(answer == answers[0] for answer in answers), (route, method)
    assert kept[0].changed() == []


def test_the_pages_would_show_a_mark(sides, root) -> None:
    """The other way round: an administrator is shown each tenant's own, so a leak could be seen."""
    for slug in ("acme", "globex"):
        for label in ("tenants.Environment", "sync.Gap", "reports_mail.Subscription"):
            model, _pages = MODELS[label]
            page = pressed(root, f"{place(label)}{key_of(model, sides, slug)}/change/").body
            assert canary(slug) in page, (label, slug)
