"""Who may read what: every address of the API and of both mounts, for everybody of the cast.

The table is compared with the resolver, so an address that is missing from it fails. Foreign ids answer, byte by byte,
like ids that nobody has.
"""

import json
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from django.urls import get_resolver
from django.urls.resolvers import URLPattern

from portal.lib.ids import uuid7
from portal.tenants import wall
from portal.tenants.models.tenants import Tenant
from reports.queries.contacts.ids import contact_id
from reports.queries.scope import Scope
from sync.models.callbacks import CallbackDay
from sync.models.campaigns import Campaign
from tests import factories
from tests.reports.api.conftest import make_key, read_days

API, TALKOVER, ORIGINSAI = "/api/v1", "/vendor/talkover/api/v1", "/vendor/originsai/api"
CANARY, FOREIGN_NUMBER = "CANARY-GLOBEX", "+9779812345678"

# Address: who reads 200. Everybody else reads 401; ids are Acme's own.
API_READERS = frozenset({"key", "bound", "care", "blind", "ana"})
OWNERS = frozenset({"ana"})  # keys that serve read 403
SALES_READERS = frozenset({"bound"})
CARE_READERS = frozenset({"care"})
OPEN = frozenset({"anonymous", "key", "bound", "care", "blind", "ana", "revoked", "expired", "closed", "wrong"})
TABLE = {
    f"{API}/environments/": API_READERS,
    f"{API}/environments/{{environment}}/": API_READERS,
    f"{API}/agents/": API_READERS,
    f"{API}/calls/": API_READERS,
    f"{API}/calls/csv/": API_READERS,
    f"{API}/calls/{{call}}/": API_READERS,
    f"{API}/callbacks/days/": API_READERS,
    f"{API}/campaigns/": API_READERS,
    f"{API}/campaigns/{{campaign}}/": API_READERS,
    f"{API}/callbacks/open/": API_READERS,
    f"{API}/callbacks/returns/": API_READERS,
    f"{API}/contacts/": API_READERS,
    f"{API}/contacts/{{contact}}/": API_READERS,
    f"{API}/contacts/{{contact}}/reveal/": API_READERS,
    f"{API}/exports/": API_READERS,
    f"{API}/exports/{{call}}/": API_READERS,
    f"{API}/exports/{{call}}/download/": API_READERS,
    f"{API}/subscriptions/": API_READERS,
    f"{API}/subscriptions/{{call}}/": API_READERS,
    f"{API}/subscriptions/{{call}}/test/": API_READERS,
    f"{API}/subscriptions/{{call}}/resend/": API_READERS,
    f"{API}/subscriptions/{{call}}/preview/": API_READERS,
    f"{API}/destinations/": API_READERS,
    f"{API}/destinations/{{call}}/": API_READERS,
    f"{API}/destinations/{{call}}/confirm/": API_READERS,
    f"{API}/destinations/{{call}}/try/": API_READERS,
    f"{API}/export-schedules/": API_READERS,
    f"{API}/export-schedules/{{call}}/": API_READERS,
    f"{API}/export-schedules/{{call}}/confirm/": API_READERS,
    f"{API}/export-schedules/{{call}}/try/": API_READERS,
    f"{API}/handovers/": API_READERS,
    f"{API}/handovers/{{call}}/again/": API_READERS,
    f"{API}/alerts/": API_READERS,
    f"{API}/alerts/preview/": API_READERS,
    f"{API}/alerts/{{call}}/": API_READERS,
    f"{API}/alerts/{{call}}/history/": API_READERS,
    f"{API}/alerts/{{call}}/test/": API_READERS,
    f"{API}/audit/": OWNERS,
    f"{API}/audit/csv/": OWNERS,
    f"{API}/audit/lines/": OWNERS,
    f"{API}/deliveries/": API_READERS,
    f"{API}/metrics/": API_READERS,
    f"{API}/reports/": API_READERS,
    f"{API}/reports/query/": API_READERS,
    f"{API}/boards/": API_READERS,
    f"{API}/boards/{{call}}/": API_READERS,
    f"{API}/frame-hosts/": OWNERS,
    f"{API}/share-links/": OWNERS,
    f"{API}/share-links/{{call}}/": OWNERS,
    f"{API}/saved-reports/": API_READERS,
    f"{API}/saved-reports/{{call}}/": API_READERS,
    f"{API}/{{rest}}": frozenset(),
    "/api/schema/": OPEN,
    "/api/docs/": OPEN,
    f"{TALKOVER}/health": OPEN,
    f"{TALKOVER}/calls": SALES_READERS,
    f"{TALKOVER}/agents": SALES_READERS,
    f"{TALKOVER}/agents/{{agent_id}}": SALES_READERS,
    f"{TALKOVER}/agents/{{agent_id}}/calls": SALES_READERS,
    f"{TALKOVER}/callback-agents": SALES_READERS,
    f"{TALKOVER}/callback-agents/stats": SALES_READERS,
    f"{TALKOVER}/campaigns": SALES_READERS,
    f"{TALKOVER}/campaigns/{{campaign_id}}": SALES_READERS,
    f"{TALKOVER}/{{rest}}": frozenset(),
    f"{ORIGINSAI}/agents/{{agent_id}}/call_stats": CARE_READERS,
    f"{ORIGINSAI}/{{rest}}": frozenset(),
}
NEED_SALES = (
    "{environment}",
    "{call}",
    "{campaign}",
    "{contact}",
)  # the ids below are of the environment that "care" may not see


def stock(environment, mark, number, call_key=None):
    """An agent, a call, a campaign and a callback day, each with ``mark`` in its texts. Ids are the same everywhere."""
    element = {"id": "a-1", "name": mark, "created_at": "2026-07-01T00:00:00Z", "to": number}
    agent = factories.agent(
        environment,
        "7" if environment.provider == "originsai" else "a-1",
        name=mark,
        payload=json.dumps(element),
        takes_callbacks=True,
        callback_payload=json.dumps(element),
    )
    call = factories.call(
        environment, f"{mark}-1", agent=agent, raw=json.dumps(element), to_number=number, hangup_cause=mark
    )
    Campaign.objects.create(
        tenant_id=environment.tenant_id,
        environment=environment,
        external_id="k-1",
        name=mark,
        status="active",
        agent=agent,
        payload=json.dumps(element),
        changed_at=factories.TIME_ZERO,
    )
    CallbackDay.objects.create(
        tenant_id=environment.tenant_id,
        environment=environment,
        day=date(2026, 7, 8),
        received=7,
        answered=7,
        unmatched=7,
        sources=[{"agent": "a-1", "name": mark, "count": 7}],
        payload="{}",
        digest=b"0" * 16,
        changed_at=factories.TIME_ZERO,
    )
    read_days(environment, "calls", date(2026, 7, 7), date(2026, 7, 8))
    return call


@pytest.fixture
def world(acme, globex, sales, care, foreign):
    with wall.tenant(acme):
        ours = stock(sales, "ACME", "+5511987654321")
        stock(care, "CARE", "+5511987654322")
    with wall.tenant(globex):
        theirs = stock(foreign, CANARY, FOREIGN_NUMBER)
    return {
        "ids": {
            "environment": sales.public_id,
            "call": ours.pk,
            "campaign": campaign_of(sales),
            "contact": contact_of(ours),
            "agent_id": "a-1",
            "campaign_id": "k-1",
            "rest": "x/",
        },
        "theirs": {
            "environment": foreign.public_id,
            "call": theirs.pk,
            "campaign": campaign_of(foreign),
            "contact": contact_of(theirs),
        },
    }


def contact_of(call):
    """The opaque id of a call's contact, as its own tenant is told it."""
    scope = Scope(call.tenant_id, "UTC", frozenset({call.environment_id}), sees_numbers=True)
    with wall.tenant(call.tenant_id):
        return contact_id(call.contact, scope)


def campaign_of(environment):
    with wall.tenant(environment.tenant_id):
        return Campaign.objects.get(environment=environment).public_id


@pytest.fixture
def principals(acme, sales, care, client, ana):
    closed = Tenant.objects.create(slug="closed", name="Closed", active=False)
    past = datetime(2026, 1, 1, tzinfo=UTC)
    return {
        "anonymous": None,
        "wrong": "ring_" + "A" * 40,
        "key": make_key(acme),
        "bound": make_key(acme, environment=sales),
        "care": make_key(acme, environment=care),
        "blind": make_key(acme, numbers=False),
        "revoked": make_key(acme, environment=sales, revoked_at=past),
        "expired": make_key(acme, environment=sales, expires_at=past),
        "closed": make_key(closed),
        "ana": ana,
    }


def addresses():
    """Every address of the API and the mounts, from the resolver."""
    found = []

    def look(patterns, before):
        for pattern in patterns:
            text = before + str(pattern.pattern)
            if isinstance(pattern, URLPattern):
                found.append(text)
            else:
                look(pattern.url_patterns, text)

    look(get_resolver().url_patterns, "/")
    kept = []
    for text in found:
        if text.startswith(("/api/", "/vendor/")):
            nouns = [noun for noun in ("environment", "campaign") if f"/{noun}s/" in text]
            text = text.replace("<uuid:id>", "{" + (nouns or ["call"])[0] + "}")
            for name, word in (("agent_id", "agent_id"), ("campaign_id", "campaign_id"), ("contact_id", "contact")):
                text = text.replace(f"<str:{name}>", f"{{{word}}}")
            kept.append(text.split("^(?P<rest>")[0] + "{rest}" if "(?P<rest>" in text else text)
    return kept


def test_the_table_has_every_address():
    assert sorted(addresses()) == sorted(TABLE)


@pytest.mark.parametrize("address", TABLE)
def test_who_reads_what(get, client, world, principals, address):
    ids = world["ids"] | ({"agent_id": "7"} if address.startswith(ORIGINSAI) else {})
    for name, key in principals.items():
        client.logout()
        if name == "ana":
            client.force_login(key)
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            answer = get(address.format(**ids), None if name == "ana" else key, method=method)
            assert answer.status_code == expected(address, name, method), (name, method, answer.body)
            assert CANARY.encode() not in answer.body
            assert FOREIGN_NUMBER.encode() not in answer.body


def of_exports(address, method):
    """An order that says nothing, and files that are nobody's."""
    reads, one, whole = method in ("GET", "HEAD"), "{call}" in address, address.endswith("{call}/")
    if method == "POST" and not one:
        return 400
    return 404 if one and (reads or (method == "DELETE" and whole)) else 200 if reads else 405


def of_mails(address, name, method):
    """A wish that says nothing, and mails that are nobody's."""
    reads = method in ("GET", "HEAD")
    if "{call}" not in address:
        return 200 if reads else 405 if method != "POST" else 400 if name == "ana" else 403
    taken = ("GET", "HEAD", "PATCH", "DELETE") if address.endswith("{call}/") else ("POST",)
    taken = ("GET", "HEAD") if address.endswith("preview/") else taken
    return 404 if method in taken else 405


def of_handovers(address, name, method):
    """A wish that says nothing, and schedules, handovers and destinations that are nobody's."""
    reads, places = method in ("GET", "HEAD"), address.startswith(f"{API}/destinations/")
    if address.endswith(("/try/", "/again/", "/confirm/")):
        taken: tuple[str, ...] = ("POST",)
    elif "{call}" in address:
        taken = ("GET", "HEAD", "PATCH", "DELETE")
    else:
        taken = ("GET", "HEAD") if address.endswith("/handovers/") else ("GET", "HEAD", "POST")
    if method not in taken:
        return 405
    if name != "ana" and (places or (method == "POST" and "{call}" not in address)):
        return 403
    if "{call}" in address:
        return 404
    return 200 if reads else 400


def of_links(address, name, method):
    """For managers, and these keys are none's."""
    taken = {f"{API}/share-links/": "POST", f"{API}/frame-hosts/": "PUT"}.get(address, "DELETE")
    if method not in ("GET", "HEAD", taken):
        return 405
    if name != "ana":
        return 403
    if "{call}" in address:
        return 404
    return 400 if method == taken else 200


def of_alerts(address, name, method):
    """A wish that says nothing, and alerts that are nobody's."""
    reads, refused = method in ("GET", "HEAD"), 400 if name == "ana" else 403
    if address == f"{API}/alerts/" and reads:
        return 200
    if address.endswith(("/alerts/", "/preview/")):
        return refused if method == "POST" else 405
    taken = {"history/": ("GET", "HEAD"), "test/": ("POST",)}.get(address.rsplit("}/")[-1])
    return 404 if method in (taken or ("GET", "HEAD", "PATCH", "DELETE")) else 405


ROOMS = {
    "exports": lambda address, name, method: of_exports(address, method),
    "subscriptions": of_mails,
    "boards": of_mails,
    "frame-hosts": of_links,
    "saved-reports": of_mails,
    "share-links": of_links,
    "destinations": of_handovers,
    "export-schedules": of_handovers,
    "handovers": of_handovers,
    "alerts": of_alerts,
}


def expected(address, name, method):
    reads = method in ("GET", "HEAD")
    if TABLE[address] == OPEN and address.startswith("/api/"):
        return 200 if reads else 405
    if address == f"{TALKOVER}/health":
        return 200 if reads else 405
    known = name in (API_READERS if address.startswith(API) else SALES_READERS)
    if address.startswith(ORIGINSAI):
        known = name in CARE_READERS
    if not known:
        return 401
    room = next((room for room in ROOMS if address.startswith(f"{API}/{room}/")), "")
    if room:
        return ROOMS[room](address, name, method)
    if address.endswith("/reveal/"):  # for no reason
        return {"care": 404, "blind": 403}.get(name, 400) if method == "POST" else 405
    if not reads:
        rest = 404 if address == f"{API}/{{rest}}" and method != "OPTIONS" else 405
        return 403 if TABLE[address] == OWNERS and name != "ana" else rest
    if address == f"{API}/contacts/":
        return 400  # it wants a number
    if address.endswith("{rest}") or (name == "care" and address.endswith(tuple(f"{part}/" for part in NEED_SALES))):
        return 404
    return 403 if TABLE[address] == OWNERS and name != "ana" else 200


QUERIES = {
    "calls/": ("environment={environment}", "agent={agent}", "campaign={campaign}"),
    "calls/csv/": ("environment={environment}", "agent={agent}"),
    "agents/": ("environment={environment}",),
    "campaigns/": ("environment={environment}",),
    "callbacks/days/": ("environment={environment}",),
    "reports/query/": (
        "environment={environment}&date_from=2026-07-01&date_to=2026-07-09&by=day",
        "agent={agent}&date_from=2026-07-01&date_to=2026-07-09&by=agent",
    ),
}


def test_a_key_bound_to_an_environment_that_its_grant_lacks_reads_nothing(get, world, acme, sales, care):
    key = make_key(acme, environment=sales, sees=(care,))
    for path in ("environments", "calls", "agents"):
        assert get(f"/api/v1/{path}/", key).data["results"] == []


@pytest.mark.parametrize("name", ["key", "bound", "blind", "ana"])
def test_foreign_ids_answer_like_absent_ones(get, client, world, principals, globex, foreign, name):
    if name == "ana":
        client.force_login(principals["ana"])
    key = None if name == "ana" else principals[name]
    with wall.tenant(globex):
        their_agent = factories.agent(foreign, "a-1").public_id
    theirs = world["theirs"] | {"agent": their_agent}
    absent = {"environment": uuid7(), "call": uuid7(), "campaign": uuid7(), "agent": uuid4(), "contact": "0" * 40}
    paths = [
        f"{API}/{noun}s/{{{noun}}}/" for noun in ("environment", "call", "campaign", "contact")
    ]  # each by the id of another tenant's
    paths += [f"{API}/{path}?{query}" for path, queries in QUERIES.items() for query in queries]
    for path in paths:
        pair = [get(path.format(**ids), key) for ids in (theirs, absent)]
        texts = [as_asked(answer, ids) for answer, ids in zip(pair, (theirs, absent), strict=True)]
        assert texts[0] == texts[1], path
        assert pair[0].status_code in (200, 404)
        assert CANARY.encode() not in pair[0].body


def as_asked(answer, ids):
    """Status, headers and body, without the ids that the request itself brought."""
    body = answer.body.decode()
    for value in ids.values():
        body = body.replace(str(value), "ID")
    return answer.status_code, body, sorted(answer.headers.items())


def test_figures_of_a_tenant_hold_none_of_another(get, world, principals, globex, foreign):
    path = f"{API}/reports/query/?metrics=attempts,callbacks_received&by=status&date_from=2026-07-01&date_to=2026-07-31"
    before = get(path, principals["key"]).body
    with wall.tenant(globex):
        for number in range(20):
            factories.call(foreign, f"more-{number}", started_at=factories.TIME_ZERO + timedelta(minutes=number))
    assert get(path, principals["key"]).body == before
    assert get(path, principals["key"]).data["totals"]["attempts"]["value"] == 2
