"""Whatever is sent to whatever address, no answer is a fault of ours: what cannot be read is refused with 4xx."""

import json
from itertools import count

import pytest
from django.conf import settings
from django.test import Client

from reports.api.parameters import PARAMETERS
from reports.definitions.filters import FILTERS
from tests.isolation.conftest import five_companies, principals, sides  # noqa: F401 - fixtures
from tests.isolation.principals import Principal
from tests.isolation.routes import Row, matrix

pytestmark = pytest.mark.django_db

NUL = "%00"
LONG = "9" * 5000
VALUES = (
    NUL, f"a{NUL}b", "%ED%A0%80", "%FF%FE", "%C0%80", LONG, "9" * 19, "-1", "1e999", "nan", "%D9%A3", "0001-01-01",
    "9999-12-31", "9999-12-31T23:59:59Z", "../../etc/passwd", "%25s%27%22%3B--", ",,,,", "[]", "%F0%9F%92%A5", "%0D%0A",
    "00000000-0000-0000-0000-000000000000", "true", "csv", "week",
)  # fmt: skip
# Parameters of pages and of vendors' forms, beside those that the API describes.
OTHERS = (
    "q", "page", "sort", "order", "columns", "show", "view", "what", "format", "language", "report", "chart", "limit",
    "status", "search", "per_page", "agent_id", "from", "to", "next", "reader", "for", "side", "tab",
)  # fmt: skip
NAMES = tuple(dict.fromkeys((*PARAMETERS, *FILTERS, *OTHERS, NUL, "%FF", "a" * 3000)))
DEEP = "[" * 100_000
BODIES = {
    "NUL": b'{"what": "calls", "number": "1\\u00002345"}',
    "NUL in a name": b'{"a\\u0000": 1}',
    "half a pair": b'{"name": "\\ud800", "to": ["\\udfff"], "what": "calls"}',
    "a pair in the wrong order": b'{"what": "\\udc00\\ud800"}',
    "deep": DEEP.encode(),
    "deep and whole": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "a little deep": (b'{"what": ' + b"[" * 300 + b"]" * 300 + b"}"),
    "huge number": b'{"what": "calls", "page_size": ' + LONG.encode() + b', "hour": ' + LONG.encode() + b"}",
    "endless": b'{"hour": 1e999, "weekday": NaN, "wait_hours": -Infinity}',
    "twice": b'{"what": "calls", "what": {"what": 1}}',
    "no UTF-8": b'{"what": "\xff\xfe"}',
    "another encoding": '{"what": "calls"}'.encode("utf-16"),
    "nothing": b"",
    "null": b"null",
    "a list": b"[1]",
    "a text": b'"x"',
    "wrong kinds": json.dumps({name: {"a": [1]} for name in ("what", "to", "late", "hour", "agents")}).encode(),
    "wrong lists": json.dumps({name: [[None]] for name in ("what", "to", "late", "hour", "agents")}).encode(),
}
KINDS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "/")


MATRIX = matrix()


def no_fault(answer, told: str) -> int:
    assert answer.status_code < 500 or (answer.status_code == 503 and "readyz" in told), told
    if answer.streaming:
        assert b"".join(answer.streaming_content) is not None
    return answer.status_code


def reader_of(row: Row, principals: dict[str, Principal]) -> tuple[Client, dict[str, str]]:  # noqa: F811
    name = "sales-key" if "/talkover/" in row.route else "care-key" if "/originsai/" in row.route else "owner"
    return principals[name].client, principals[name].headers


@pytest.mark.parametrize("face", ["/accounts", "/t/", "/api/v1", "/vendor", "/mail", ""])
def test_no_parameter_is_a_fault(face, sides, principals) -> None:  # noqa: F811
    rows = [row for row in MATRIX.values() if (row.route.startswith(face) if face else row.route.count("/") < 3)]
    turn, seen = count(), set()
    for place, row in enumerate(rows):
        client, headers = reader_of(row, principals)
        # The API refuses what it does not know first, so each name stands alone; pages read them all.
        asked = [(name,) for name in (NAMES[place % 3 :: 3] if face == "/api/v1" else NAMES[place % 20 :: 20])]
        asked += [NAMES] * (0 if face == "/api/v1" else 2)
        for names in asked:
            value = VALUES[(next(turn) + place) % len(VALUES)]
            told = f"{row.path(sides['acme'].ids)[0]}?{'&'.join(f'{name}={value}' for name in names)}"
            seen.add(no_fault(client.get(told, headers=headers), told))
    assert 400 in seen


@pytest.mark.parametrize("route", MATRIX)
def test_no_body_or_path_is_a_fault(route, sides, principals) -> None:  # noqa: F811
    row = MATRIX[route]
    client, headers = reader_of(row, principals)
    if "logout" in route or "/end/" in route:
        return  # the session is what the others are sent with
    address = row.path(sides["acme"].ids)[0]
    kinds = iter(range(10_000))
    for name, body in BODIES.items():
        for kind in ("application/json", KINDS[next(kinds) % len(KINDS)]):
            for method in ("POST", "PATCH") if route.startswith("/api/") else ("POST",):
                told = f"{method} {address} {name} as {kind}"
                no_fault(client.generic(method, address, body, content_type=kind, headers=headers), told)
    for bad in ("%00", "a%00b", "%ff", "%ED%A0%80", LONG, "..%2f..%2f", "%0d%0aSet-Cookie: a=b", "9" * 19):
        for broken in {address + bad, "/".join([*address.rstrip("/").split("/")[:-1], bad, ""])}:
            no_fault(client.get(broken, headers=headers), broken)


@pytest.mark.parametrize("address", ["/t/acme/", "/t/acme/calls/", "/t/acme/calls.csv", "/accounts/login/", "/"])
def test_a_page_is_refused_in_words(address, sides, principals) -> None:  # noqa: F811
    answer = principals["owner"].client.get(f"{address}?number=119{NUL}876", headers={"Accept-Language": "pt-br"})
    assert (answer.status_code, answer.headers["Cache-Control"]) == (400, "private, no-store")
    assert "Este endereço não pode ser lido." in answer.content.decode()
    form = principals["owner"].client.post(address, {"login": "a\0b"})
    assert form.status_code == 400


def test_a_body_over_the_limit_is_told_as_such(sides, principals) -> None:  # noqa: F811
    client, headers = principals["owner-key"].client, principals["owner-key"].headers
    body = json.dumps({"what": "x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)})
    answer = client.post("/api/v1/exports/", body, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (413, "application/problem+json")
    assert answer.json()["type"] == "urn:ringbook:problem:too-long"
    page = principals["owner"].client.post(
        "/accounts/login/", {"login": "x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)}
    )
    assert (page.status_code, page.headers["Content-Type"]) == (413, "text/html; charset=utf-8")


@pytest.mark.parametrize("name", ["NUL", "half a pair", "deep", "deep and whole", "no UTF-8", "twice", "huge number"])
def test_the_api_refuses_a_body_with_a_problem(name, sides, principals) -> None:  # noqa: F811
    client, headers = principals["owner-key"].client, principals["owner-key"].headers
    answer = client.post("/api/v1/exports/", BODIES[name], content_type="application/json", headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["errors"]


def test_vendors_forms_refuse_in_their_own_words(sides, principals) -> None:  # noqa: F811
    client, headers = principals["sales-key"].client, principals["sales-key"].headers
    answer = client.get(f"/vendor/talkover/api/v1/calls?search={NUL}", headers=headers)
    assert answer.status_code == 400
    assert "type" not in answer.json()
    client, headers = principals["care-key"].client, principals["care-key"].headers
    answer = client.get(f"/vendor/originsai/api/agents/7{NUL}/call_stats", headers=headers)
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["path", "agent_id"])


def test_a_cookie_that_is_no_text_signs_nobody_in(sides) -> None:  # noqa: F811
    client = Client(headers={"Cookie": 'sessionid="abcdefgh\\000abcdefgh"; django_language="\\000"'})
    assert client.get("/t/acme/").status_code == 302


@pytest.mark.parametrize("who", ["owner", "owner-key"])
def test_the_root_of_the_api_is_a_problem_like_any_address_that_is_none(who, sides, principals) -> None:  # noqa: F811
    client, headers = principals[who].client, principals[who].headers
    answer = client.get("/api/v1/", headers=headers)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["type"] == "urn:ringbook:problem:not-found"
