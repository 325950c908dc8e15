"""Everybody at every address: his status, nothing of anybody else's, and another's ids answered like nobody's.

The addresses are the resolver's. One without a row in ``matrix.toml``, or a row without an address, fails, and so does
a method that answers and has no word in its row.
"""

from functools import partial

import pytest

from tests.isolation.exchange import Kept, ask, but, leaked, overheard, pressed, statements
from tests.isolation.principals import PRINCIPALS, Principal, longer
from tests.isolation.routes import METHODS, Row, addresses, matrix
from tests.isolation.world import ABSENT, TALKOVER, Side, canary

pytestmark = pytest.mark.django_db

MATRIX = matrix()
REFUSED = {302, 400, 401, 403, 404, 405}
SIGNED = ("confirm", "leave", "uidb36", "shared")
UNHEALTHY = {"/readyz": 503}  # no broker runs here


def test_every_address_of_the_site_has_a_row() -> None:
    outside = {address for address in addresses() if not address.startswith("/admin/")}
    missing, gone = sorted(outside - MATRIX.keys()), sorted(MATRIX.keys() - outside)
    wanted = "\n".join(f'"{address}" = {{ GET = "page" }}' for address in missing)
    assert not missing, f"Add to [routes] of tests/isolation/matrix.toml who may come here, for example:\n{wanted}"
    assert not gone, f"Take these rows, whose addresses are gone, out of tests/isolation/matrix.toml: {gone}"


def named(who: Principal, row: Row, query: str = "") -> str:
    """Who is of two companies says to the API which one he asks for."""
    asks = who.name == "both" and row.route.startswith("/api/v1/") and "tenant=" not in query
    return "&".join(filter(None, (query, "tenant=acme" if asks else "")))


def with_query(path: str, query: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}{query}" if query else path


@pytest.mark.parametrize("name", PRINCIPALS)
def test_each_cell(sides: dict[str, Side], principals: dict[str, Principal], name: str) -> None:
    """His status with Acme's ids; nothing of others is shown, mailed, logged, queued; nothing of theirs changes."""
    who, ids = principals[name], sides["acme"].ids
    kept = Kept.of(sides[who.abroad].tenant)
    found, wrong = [], []
    cells = [(row, method) for row in MATRIX.values() for method in row.expected]
    for row, method in sorted(cells, key=lambda cell: cell[1] != "GET"):  # files that are deleted do not come back
        path, used = row.path(ids)
        path = with_query(path, named(who, row))
        with overheard() as texts:
            # Who holds a signed link does what it is for, and signing out is on the record of both of his companies.
            may = bool(set(row.names) & set(SIGNED)) or (name == "both" and row.route.startswith("/accounts/"))
            told = pressed(who, path, method, row.sent(method, ids), None if may else kept)
        status = UNHEALTHY.get(row.route, row.expected[method][name])
        if told.status != status:
            wrong.append(f"{method} {row.route}: {told.status} and not {status}")
        secrets = who.secrets
        if set(row.names) & set(SIGNED):
            secrets = ()  # who holds a signed link reads what it is for
        if name == "both" and row.route in ("/", "/accounts/"):
            secrets = tuple(text for text in secrets if text != canary("globex"))  # what he is told of both of his
        found += [
            f"{method} {row.route} shows {text}" for text in leaked("\n".join([told.whole, *texts]), secrets, used)
        ]
    assert not wrong + found, "\n".join([*wrong, *found])
    assert kept.changed() == []


@pytest.mark.parametrize("name", ["anonymous", "owner", "owner-key", "sales-key"])
def test_no_method_answers_without_a_word_in_its_row(sides, principals, name) -> None:
    who, open_ones = principals[name], []
    for row in MATRIX.values():
        path, _used = row.path(sides["acme"].ids)
        for method in METHODS:
            if method in row.expected:
                continue
            status = pressed(who, path, method).status
            as_post = method == "PUT" and status == row.expected.get("POST", {}).get(name)  # Django's forms take both
            about_methods = method == "OPTIONS" and status == 200
            if status not in REFUSED and not as_post and not about_methods:
                open_ones.append(f'"{row.route}": {method} answers {status}; add {method} = "…" to its row')
    assert not open_ones, "\n".join(open_ones)


@pytest.mark.parametrize("name", longer("anonymous", "one-agent", "both", "owner", "sales-key", "their-key"))
def test_foreign_is_absent(sides, principals, name) -> None:
    """Status, headers and body of another tenant's ids are those of ids that nobody has, and so is the work done."""
    who = principals[name]
    own = sides[who.home or "acme"].ids
    stays = {"tenant": own["tenant"]} if name == "both" else {}  # both are his: he asks one for what the other holds
    theirs, absent = strange(sides[who.abroad].ids) | stays, ABSENT | stays
    for row in MATRIX.values():
        for method in row.expected:
            questions = [row.path] if row.names or row.told(own) else []
            if method == "GET":
                questions += [partial(row.asked, query, own) for query in row.queries]
            for question in questions:
                if question(theirs) == question(absent) and row.told(theirs) == row.told(absent):
                    continue  # nothing in it is another's
                answers = []
                for ids in (theirs, absent):
                    path, used = question(ids)
                    path = path if "tenant=" in path else with_query(path, named(who, row))
                    used |= row.told(ids)
                    with statements() as ran:
                        told = pressed(who, path, method, row.sent(method, ids))
                    assert not leaked(told.whole, who.secrets, used), path
                    assert told.status < 500, path
                    answers.append((but(told, used), ran))
                assert answers[0] == answers[1], (method, path)


def strange(ids: dict[str, str]) -> dict[str, str]:
    """Another's, as a stranger can know them: a signed link is known to its reader alone, so its signature is off."""
    signed = ("confirm", "leave", "shared")
    return ids | {name: ids[name][:-1] + ("A" if ids[name][-1] != "A" else "B") for name in signed}


def test_the_marks_would_be_seen(sides, principals) -> None:
    """The other way round: each tenant's own marks are there for its own people, so a leak could be seen."""
    for name, slug in (("owner", "acme"), ("their-owner", "globex")):
        pages = [f"/t/{slug}/", f"/t/{slug}/calls.csv", "/api/v1/environments/", "/api/v1/agents/", "/api/v1/calls/"]
        for path in pages:
            assert canary(slug) in ask(principals[name], path).body, path
        for path in (f"/t/{slug}/calls.csv", "/api/v1/calls/"):
            assert sides[slug].ids["number"] in ask(principals[name], path).body, path
    for word in ("-care", "-hidden"):
        assert canary("acme") + word in ask(principals["owner"], "/api/v1/calls/").body
    for name, slug in (("sales-key", "acme"), ("their-key", "globex")):
        for path in ("/calls", "/agents", "/campaigns", "/callback-agents", "/callback-agents/stats"):
            assert canary(slug) in ask(principals[name], TALKOVER + path).body, path


def test_the_same_vendors_ids_are_two_things(sides, principals) -> None:
    """A call, an agent and a campaign that both tenants have under one id: each key reads its own."""
    for name, slug in (("sales-key", "acme"), ("their-key", "globex")):
        for path in ("/agents/agent-1", "/agents/agent-1/calls", "/campaigns/campaign-1"):
            told = ask(principals[name], TALKOVER + path)
            assert (told.status, canary(slug) in told.body) == (200, True), path
            assert not leaked(told.whole, principals[name].secrets, {}), path
