"""Every id that an address, a parameter, a header or a body names, spelt in every way there is.

Hypothesis draws who asks what, which of its ids is swapped, and how that one is spelt. However it is, another tenant's
id has to be answered like one that nobody has, in status, headers, body and work done; nothing may be shown, nothing of
the other tenant may change, and nothing may be a fault.
"""

import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, unquote

import hypothesis
import pytest
from django.utils.encoding import escape_uri_path
from hypothesis import strategies as st

from tests.isolation.exchange import Exchange, Kept, but, leaked, pressed, statements
from tests.isolation.principals import Principal
from tests.isolation.routes import Row, matrix
from tests.isolation.test_matrix import SIGNED, named, strange, with_query
from tests.isolation.world import ABSENT, Side

pytestmark = pytest.mark.django_db

ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
# One's own id and the one that is asked for, as they stand in the question.
SPELT: dict[str, Callable[[str, str], str]] = {
    "itself": lambda own, it: it,
    "upper case": lambda own, it: it.upper(),
    "braces": lambda own, it: f"{{{it}}}",
    "urn": lambda own, it: f"urn:uuid:{it}",
    "no dashes": lambda own, it: it.replace("-", ""),
    "blanks": lambda own, it: f" {it} ",
    "a list with one's own": lambda own, it: f"{own},{it}",
    "a list before one's own": lambda own, it: f"{it},{own}",
    "many": lambda own, it: ",".join([it] * 60),
    "brackets": lambda own, it: f'["{it}"]',
    "an object": lambda own, it: f'{{"id": "{it}"}}',
    "quotes": lambda own, it: f"'{it}' OR '1'='1",
    "a comment": lambda own, it: f"{it}--",
    "NUL": lambda own, it: f"{it}\0",
    "a line's end": lambda own, it: f"{it}\r\nSet-Cookie: a=b",
    "digits of another script": lambda own, it: it.translate(ARABIC),
    "full width": lambda own, it: "".join(chr(ord(letter) + 0xFEE0) if letter.isalnum() else letter for letter in it),
    "the first half": lambda own, it: it[: len(it) // 2] if len(it) > 30 else it,
    "any end": lambda own, it: f"{it[:18]}%",
    "another folder": lambda own, it: f"../{it}",
    "from one's own folder": lambda own, it: f"{own}/../{it}",
    "quoted twice": lambda own, it: quote(f"../{it}", safe=""),
    "a parameter more": lambda own, it: f"{own}&id={it}",
    "a matrix parameter": lambda own, it: f"{own};id={it}",
}  # fmt: skip
NO_IDS = st.one_of(
    st.sampled_from(["", "0", "-1", "1", "2", "2147483648", "9223372036854775808", "1e3", "null", "None", "[]", "{}",
                     "*", "%", "\0", "٣", "00000000-0000-0000-0000-000000000000", "../../etc/passwd", "a" * 3000]),
    st.text(max_size=40),
)  # fmt: skip
# What proxies and frameworks elsewhere take for an order, and this portal has to take for nothing.
HEADERS = (
    "X-Tenant-ID", "X-Tenant", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Host", "X-HTTP-Method-Override",
    "If-Match", "If-None-Match", "Idempotency-Key", "X-User-ID", "Referer",
)  # fmt: skip
PARAMETERS = ("include", "ordering", "search", "cursor", "expand", "_method", "format", "id", "tenant_id", "pk", "next")
# Bodies that name ids, beyond those of the matrix.
BODIES = {
    ("POST", "/api/v1/exports/"): (
        '{"what": "calls", "environment": "{environment}"}',
        '{"what": "calls", "agent": "{agent}"}',
        '{"what": "calls", "contact": "{contact_id}"}',
        '{"what": "calls", "campaign": "{campaign}"}',
        '{"what": "report", "by": "day", "environment": "{environment}"}',
    ),
    ("POST", "/api/v1/subscriptions/"): (
        '{"to": ["owner@acme.example"], "environments": ["{environment}"]}',
        '{"to": ["owner@acme.example"], "agents": ["{agent}"]}',
    ),
    ("PATCH", "/api/v1/subscriptions/{id}/"): ('{"environments": ["{environment}"]}', '{"agents": ["{agent}"]}'),
    ("POST", "/api/v1/subscriptions/{id}/resend/"): ('{"delivery": "{delivery}"}',),
    ("POST", "/api/v1/alerts/"): (
        '{"name": "x", "value": 1, "to": ["owner@acme.example"], "filters": {"environment": "{environment}"}}',
        '{"name": "x", "value": 1, "to": ["owner@acme.example"], "filters": {"agent": "{agent}"}}',
    ),
    ("PATCH", "/api/v1/alerts/{id}/"): ('{"filters": {"environment": "{environment}"}}',),
    ("POST", "/api/v1/export-schedules/"): (
        '{"name": "x", "to": ["owner@acme.example"], "query": {"environment": "{environment}"}}',
        '{"name": "x", "to": ["owner@acme.example"], "query": {"agent": "{agent}"}}',
        '{"name": "x", "way": "put", "destination": "{destination}"}',
    ),
    ("PATCH", "/api/v1/export-schedules/{id}/"): ('{"query": {"environment": "{environment}"}}',),
    ("POST", "/t/{tenant}/exports/scheduled/new/"): (
        "name=x&environments={environment}",
        "name=x&way=put&destination={destination}",
    ),
    ("POST", "/t/{tenant}/alerts/new/"): ("name=x&value=1&environments={environment}", "name=x&value=1&agents={agent}"),
    ("POST", "/t/{tenant}/exports/"): ("what=calls&format=csv&environment={environment}", "what=calls&agent={agent}"),
    ("POST", "/t/{tenant}/calls/views/"): ("name=mine&query=environment%3D{environment}",),
    ("POST", "/t/{tenant}/keys/"): ("name=mine&role=viewer&lasts=30&environment={environment}",),
    ("POST", "/t/{tenant}/mail/new/"): (
        "every=week&hour=8&weekday=1&to=owner%40acme.example&environments={environment}",
    ),
    ("POST", "/t/{tenant}/team/invite/"): (
        "email=new%40acme.example&role=viewer&which_environments=some&which_agents=all&environment={environment}",
        "email=new%40acme.example&role=viewer&which_environments=all&which_agents=some&agent={agent}",
    ),
    ("POST", "/accounts/sessions/end/"): ("session={session}",),
}
SHARES = 8  # of what runs at length, so that all cores have some of it
PERSONS, KEYS = ("owner", "one-agent", "one-environment"), ("owner-key", "key")
WHO = {"/t/": PERSONS, "/api/v1/": (*PERSONS, *KEYS), "/vendor/talkover": ("sales-key",),
       "/vendor/originsai": ("care-key",)}  # fmt: skip


@dataclass(frozen=True)
class Slot:
    """A place in a question that holds an id. ``where``: path, query, body, header or parameter."""

    method: str
    row: Row
    where: str
    name: str
    form: str = ""


def slots() -> list[Slot]:
    found = []
    for row in matrix().values():
        for method in row.expected:
            found += [Slot(method, row, "path", name) for name in row.names if name not in SIGNED]
            bodies = (row.body, *BODIES.get((method, row.route), ())) if method in ("POST", "PATCH") else ()
            found += [Slot(method, row, "body", name, body) for body in bodies for name in _ids(body)]
            if method == "GET":
                found += [Slot(method, row, "query", name, query) for query in row.queries for name in _ids(query)]
                if row.route.startswith(tuple(WHO)):
                    found += [Slot(method, row, "header", "environment", header) for header in HEADERS]
                    found += [Slot(method, row, "parameter", "environment", parameter) for parameter in PARAMETERS]
    return found


def asking(slot: Slot) -> tuple[str, ...]:
    return next((names for start, names in WHO.items() if slot.row.route.startswith(start)), ("owner", "anonymous"))


def _ids(text: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", text)


def question(slot: Slot, ids: dict[str, str], spelt: str) -> tuple[str, str, dict[str, str]]:
    """Address, body and headers with ``spelt`` in the slot, and one's own ids everywhere else."""
    path, query, body, headers = slot.row.path(ids)[0], "", "", {}
    if slot.where == "path":
        names = [quote(spelt, safe="") if name == slot.name else ids[name] for name in slot.row.names]
        path = slot.row.route.format(**dict(zip(_ids(slot.row.route), names, strict=True)))
    elif slot.where == "query":
        query = slot.form.format(**ids | {slot.name: quote(spelt, safe="")})
    elif slot.where == "parameter":
        query = f"{slot.form}={quote(spelt, safe='')}"
    elif slot.where == "header":
        headers = {slot.form: re.sub(r"[\r\n\0]", "", spelt).encode("ascii", "ignore").decode()}
    else:
        quoted = json.dumps(spelt)[1:-1] if slot.form.startswith("{") else quote(spelt, safe="")
        body = re.sub(r"\{(\w+)\}", lambda name: quoted if name[1] == slot.name else ids[name[1]], slot.form)
    return with_query(path, query), body, headers


def forms_of(spelt: str, *ids: str) -> dict[str, str]:
    """How a page may repeat what it was asked."""
    parts = {spelt, *ids, *(each.upper() for each in ids), *(each.replace("-", "") for each in ids)}
    parts |= {re.sub(r"[\r\n\0]", "", spelt), " ".join(spelt.split())}
    every = {
        form(part) for part in parts for form in (str, html.escape, quote, lambda text: quote(text, safe=""), unquote)
    }
    every |= {html.escape(quote(part)) for part in parts} | {json.dumps(part)[1:-1] for part in parts}
    return {part: part for part in every if len(part) > 3}


def unmade(told: Exchange, method: str) -> Exchange:
    """Without the id of what an order made."""
    if method == "GET":
        return told
    new = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
    headers = tuple((name, re.sub(new, "NEW", value)) for name, value in told.headers)
    return Exchange(told.status, headers, re.sub(new, "NEW", told.body))


def ask_about(slot: Slot, who: Principal, sides: dict[str, Side], spelling: str, kept: Kept) -> None:
    own, theirs = sides["acme"].ids, strange(sides["globex"].ids)
    answers = []
    for ids in (theirs, ABSENT):
        spelt = SPELT[spelling](own[slot.name], ids[slot.name])
        path, body, headers = question(slot, own, spelt)
        used = forms_of(spelt, ids[slot.name]) | {slot.name: ids[slot.name]}
        address = html.escape(escape_uri_path(unquote(path.partition("?")[0])))  # as a page repeats its own
        with statements() as ran:
            told = pressed(who, with_query(path, named(who, slot.row)), slot.method, body, kept, **headers)
        assert told.status < 500 or slot.row.route == "/readyz", (told.status, path)
        asked = used | own
        assert not [text for text in leaked(told.whole, who.secrets, asked) if text.lower() not in spelt.lower()], path
        answers.append((unmade(but(told, used | {"address": address}), slot.method), ran))
    assert answers[0] == answers[1], (who.name, slot.method, slot.row.route, slot.where, slot.name, slot.form, spelling)


def ask_with(slot: Slot, who: Principal, sides: dict[str, Side], text: str, kept: Kept) -> None:
    path, body, headers = question(slot, sides["acme"].ids, text)
    told = pressed(who, path, slot.method, body, kept, **headers)
    assert told.status < 500 or slot.row.route == "/readyz", (told.status, path)
    found = leaked(told.whole, who.secrets, sides["acme"].ids)
    assert not [each for each in found if each.lower() not in text.lower()], path


def fuzz(sides: dict[str, Side], principals: dict[str, Principal], examples: int, *, shrinks: bool) -> None:
    kept, every = Kept.of(sides["globex"].tenant), slots()
    phases = [hypothesis.Phase.generate, *([hypothesis.Phase.shrink] if shrinks else [])]

    @hypothesis.settings(max_examples=examples, database=None, derandomize=not shrinks, phases=phases,
                         suppress_health_check=list(hypothesis.HealthCheck))  # fmt: skip
    @hypothesis.given(st.sampled_from(every), st.sampled_from(sorted(SPELT)), NO_IDS, st.data())
    def asked(slot: Slot, spelling: str, text: str, data: st.DataObject) -> None:
        who = principals[data.draw(st.sampled_from(asking(slot)))]
        ask_about(slot, who, sides, spelling, kept)
        ask_with(slot, who, sides, text, kept)

    asked()
    assert kept.changed() == []


def test_an_id_is_foreign_however_it_is_spelt(sides, principals) -> None:
    fuzz(sides, principals, 40, shrinks=False)


@pytest.mark.isolation_long
@pytest.mark.parametrize("share", range(SHARES))
def test_an_id_is_foreign_however_it_is_spelt_at_length(sides, principals, share: int) -> None:
    fuzz(sides, principals, 125, shrinks=True)


@pytest.mark.isolation_long
@pytest.mark.parametrize("share", range(SHARES))
def test_every_slot_in_every_spelling(sides, principals, share: int) -> None:
    """Not drawn: each id of a path, a query and a body once in each, and what else is sent once."""
    kept = Kept.of(sides["globex"].tenant)
    for slot in slots()[share::SHARES]:
        for spelling in SPELT if slot.where in ("path", "body", "query") else ("itself",):
            ask_about(slot, principals[asking(slot)[0]], sides, spelling, kept)


def test_the_slots_are_found() -> None:
    """Each id of the matrix, and each body that names one, has its address."""
    found = slots()
    assert {"path", "query", "body", "header", "parameter"} == {slot.where for slot in found}
    routes = {(slot.method, slot.row.route) for slot in found if slot.where == "body"}
    assert BODIES.keys() <= routes
