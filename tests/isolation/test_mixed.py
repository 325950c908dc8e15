"""Two tenants in one question: rows of both in one order, and the session of one with the token of the other.

What is another's is as if nobody had it; what is one's own is treated as if it had been named alone.
"""

import json
import re
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.test import Client

from portal.accounts.models import Invitation
from portal.audit.models import Entry, PlatformEntry
from portal.tenants import wall
from portal.tenants.base import TenantModel
from portal.tenants.models.keys import ApiKey
from tests.isolation.exchange import Exchange, Kept, ask, but, leaked, pressed, statements
from tests.isolation.principals import Principal, sign_in
from tests.isolation.test_console import TABLE, key_of, place
from tests.isolation.test_spellings import unmade
from tests.isolation.world import ABSENT, Companies, Side

pytestmark = pytest.mark.django_db

MODELS = {model._meta.label: model for model in admin.site._registry}
ACTIONS = [
    (label, action)
    for label, row in TABLE["models"].items()
    for action in row.get("actions", ())
    if issubclass(MODELS[label], TenantModel)
]
READERS = {"to": ["owner@acme.example"], "name": "mixed"}
SCHEDULE = [("every", "week"), ("hour", "8"), ("weekday", "1"), ("to", "owner@acme.example")]
PLACE = [("email", "new@acme.example"), ("role", "viewer")]
# Who orders what where, and what the order names several of.
ORDERS = {
    "mails by the API": ("manager-key", "POST", "/api/v1/subscriptions/", "environments", READERS, 400),
    "a mail's agents by the API": ("manager-key", "POST", "/api/v1/subscriptions/", "agents", READERS, 400),
    "a change by the API": ("manager-key", "PATCH", "/api/v1/subscriptions/{mail}/", "environments", {}, 400),
    "a file by the API": ("manager-key", "POST", "/api/v1/exports/", "environment", {"what": "calls"}, 202),
    "a mail": ("manager", "POST", "/t/acme/mail/new/", "environments", SCHEDULE, 400),
    "a mail's agents": ("manager", "POST", "/t/acme/mail/new/", "agents", SCHEDULE, 400),
    "a file": ("manager", "POST", "/t/acme/exports/", "environment", [("what", "calls"), ("format", "csv")], 302),
    "a place": (
        "owner", "POST", "/t/acme/team/invite/", "environments",
        [*PLACE, ("which_environments", "some"), ("which_agents", "all")], 302,
    ),
    "a place's agents": (
        "owner", "POST", "/t/acme/team/invite/", "agents",
        [*PLACE, ("which_environments", "all"), ("which_agents", "some")], 302,
    ),
}  # fmt: skip


def body_of(form: dict | list, name: str, chosen: list[str]) -> str:
    if isinstance(form, dict):
        return json.dumps(form | {name: chosen if name.endswith("s") else ",".join(chosen)})
    several = [(name, each) for each in chosen] if name.endswith("s") else [(name, ",".join(chosen))]
    return urlencode([*form, *several])


@pytest.mark.parametrize("order", ORDERS)
def test_rows_of_both_in_one_order(sides, principals, order) -> None:
    """Another's id beside one's own is answered like one that nobody has; alone, one's own would have been taken."""
    name, method, path, field, form, status = ORDERS[order]
    who, own, path = principals[name], sides["acme"].ids, path.format(**sides["acme"].ids)
    one = field.removesuffix("s")
    kept = Kept.of(sides["globex"].tenant)
    assert pressed(who, path, method, body_of(form, field, [own[one]]), kept).status in (200, 201, 202, 302)
    for turn in (1, -1):
        answers = []
        for ids in (sides["globex"].ids, ABSENT):
            with statements() as ran:
                told = pressed(who, path, method, body_of(form, field, [own[one], ids[one]][::turn]), kept)
            assert told.status == status
            assert not leaked(told.whole, who.secrets, ids)
            answers.append((unmade(but(told, {one: ids[one]}), method), ran))
        assert answers[0] == answers[1]


def test_an_invitation_gives_ones_own_of_what_was_chosen(sides, principals) -> None:
    chosen = [sides[slug].ids["environment"] for slug in ("acme", "globex")]
    form = [*PLACE, ("which_environments", "some"), ("which_agents", "all")]
    ask(principals["owner"], "/t/acme/team/invite/", "POST", body_of(form, "environments", chosen))
    with wall.tenant(sides["acme"].tenant):
        grant = Invitation.objects.get(email="new@acme.example").grant
        assert [str(row.public_id) for row in grant.environments.all()] == chosen[:1]


@pytest.mark.parametrize(("label", "action"), ACTIONS)
def test_an_action_of_the_console_stays_with_the_tenant_of_its_list(sides, principals, label, action) -> None:
    """Narrowed to Acme, with rows of both named: as if Acme's alone were, and nothing of the other changes."""
    model, root, kept = MODELS[label], principals["administrator"], Kept.of(sides["globex"].tenant)
    narrowed = f"{place(label)}?tenant__id__exact={sides['acme'].tenant.pk}"
    own, theirs = (key_of(model, sides, slug) for slug in ("acme", "globex"))
    for asked in ([], [("confirmed", "yes")]):
        answers = []
        for keys in ([own], [own, theirs], [own, ABSENT["row"]]):
            sent = [("action", action), ("post", "yes"), ("note", "why"), *(("_selected_action", key) for key in keys)]
            told = pressed(root, narrowed, "POST", urlencode([*sent, *asked]), kept)
            assert told.status in (200, 302)
            answers.append(unrepeated(unmade(but(told, {}), "POST")))
        assert answers[0] == answers[1] == answers[2]


def unrepeated(told: Exchange) -> Exchange:
    """Without the rows that a page which asks once more sends along as they came."""
    headers = tuple((name, "" if name == "Content-Length" else value) for name, value in told.headers)
    body = re.sub(r'<input type="hidden" name="_selected_action" value="[^"]*">', "", told.body)
    return Exchange(told.status, headers, body)


def test_a_key_is_revoked_and_the_others_is_not(sides, principals) -> None:
    keys = [key_of(ApiKey, sides, slug) for slug in ("acme", "globex")]
    sent = urlencode([("action", "revoke"), *(("_selected_action", key) for key in keys)])
    narrowed = f"{place('tenants.ApiKey')}?tenant__id__exact={sides['acme'].tenant.pk}"
    ask(principals["administrator"], narrowed, "POST", sent)
    with wall.every_tenant("a test looks"):
        assert [ApiKey.objects.get(pk=key).revoked_at is not None for key in keys] == [True, False]


@pytest.fixture
def strict(five_companies: Companies, principals: dict[str, Principal]) -> dict[str, Principal]:
    """The owners of both, each with a session of his own and a form's token that is asked for."""
    found = {}
    for name in ("owner", "their-owner"):
        client = Client(enforce_csrf_checks=True)
        sign_in(client, five_companies.people[name])
        found[principals[name].home] = replace(principals[name], client=client)
    return found


def saves(who: Principal, slug: str, token: str) -> Exchange:
    body = urlencode({"name": "mine", "query": "status=completed", "csrfmiddlewaretoken": token})
    return ask(who, f"/t/{slug}/calls/views/", "POST", body)


def token_of(who: Principal) -> str:
    found = re.search(r'csrfmiddlewaretoken" value="(\w+)"', ask(who, f"/t/{who.home}/calls/").body)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(("home", "other"), [("acme", "globex"), ("globex", "acme")])
def test_a_session_with_the_others_token(sides, strict, home, other) -> None:
    """The token of another's page is none; with his cookie as well it still is the session that says who asks."""
    who, tokens = strict[home], {slug: token_of(strict[slug]) for slug in (home, other)}
    kept = [Kept.of(sides[slug].tenant) for slug in (home, other)]
    for slug in (home, other, "nobody"):
        told = saves(who, slug, tokens[other])
        assert told.status == 403
        assert not leaked(told.whole, who.secrets, {})
    assert [each.changed() for each in kept] == [[], []]

    who.client.cookies["csrftoken"] = strict[other].client.cookies["csrftoken"].value
    theirs, absent = (saves(who, slug, tokens[other]) for slug in (other, "nobody"))
    assert theirs.status == 404
    assert but(theirs, {"slug": other}) == but(absent, {"slug": "nobody"})
    assert not leaked(theirs.whole, who.secrets, {"slug": other})
    assert [each.changed() for each in kept] == [[], []]
    assert saves(who, home, tokens[other]).status == 302
    assert "reports_saved.SavedView" in kept[0].changed()
    assert kept[1].changed() == []


def entries(side: Side) -> list[Entry]:
    with wall.tenant(side.tenant):
        return list(Entry.objects.order_by("number"))


def new_entries(side: Side, before: list[Entry]) -> list[str]:
    return [entry.action for entry in entries(side)[len(before) :]]


def test_a_page_refused_to_a_visit_is_in_the_audit_of_the_visited(sides, principals) -> None:
    """Once, however often it is asked for, and the other's audit has nothing of it."""
    before = {slug: entries(side) for slug, side in sides.items()}
    for _ in range(2):
        assert ask(principals["visitor"], "/t/acme/calls.csv").status == 403
        assert ask(principals["visitor"], "/t/globex/calls.csv").status == 404
    assert new_entries(sides["acme"], before["acme"]) == ["visit.page_opened"]
    assert new_entries(sides["globex"], before["globex"]) == []
    [entry] = entries(sides["acme"])[len(before["acme"]) :]
    assert not leaked(json.dumps(entry.about), sides["globex"].secrets, {})


def test_a_refused_sign_in_is_in_no_tenants_audit(sides, five_companies) -> None:
    """Whoever tries it may be nobody's, and which companies the person belongs to is told to none of them."""
    before, platform = {slug: entries(side) for slug, side in sides.items()}, PlatformEntry.objects.count()
    sent = {"login": five_companies.people["both"].email, "password": "wrong horse battery"}
    assert Client().post("/accounts/login/", sent).status_code == 200
    assert [new_entries(side, before[slug]) for slug, side in sides.items()] == [[], []]
    [entry] = PlatformEntry.objects.order_by("pk")[platform:]
    assert entry.action == "person.sign_in_failed"
    assert not leaked(json.dumps(entry.about), (*sides["acme"].secrets, *sides["globex"].secrets), {})


@pytest.mark.parametrize("name", ["held", "their-owner", "ex-member"])
def test_a_stranger_who_is_turned_away_is_in_no_audit(sides, principals, name) -> None:
    """His questions are nobody's business: an audit that filled with them could be filled by anybody."""
    who = principals[name]
    slug = who.abroad
    before = {slug: entries(side) for slug, side in sides.items()}
    for path in (f"/t/{slug}/", f"/t/{slug}/calls.csv", f"/t/{slug}/calls/{sides[slug].ids['call']}/"):
        assert ask(who, path).status == 404
    assert ask(who, f"/t/{slug}/calls/views/", "POST", "name=mine").status == 404
    assert [new_entries(side, before[slug]) for slug, side in sides.items()] == [[], []]


def test_whoever_is_refused_by_role_is_in_no_audit(sides, principals) -> None:
    before = {slug: entries(side) for slug, side in sides.items()}
    assert ask(principals["viewer"], "/t/acme/audit/").status == 403
    assert [new_entries(side, before[slug]) for slug, side in sides.items()] == [[], []]
