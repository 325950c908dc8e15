"""The API asked as its own description says, and as it says not to, with another tenant's ids among one's own.

schemathesis draws the questions from the document that the site serves. No answer may be a fault, have a status or a
form that the document does not promise, or hold what the asker may not read, and nothing of the other tenant changes.
"""

import json
from copy import deepcopy
from functools import cache
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from django.core.cache import cache as shared
from django.db import transaction
from django.test import Client
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.isolation.exchange import Kept, leaked, statements
from tests.isolation.principals import Principal
from tests.isolation.world import ABSENT, Side

pytestmark = pytest.mark.django_db

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
# What the world calls an id that the document names otherwise; in a path it is named by the list it stands in.
NAMED = {
    "contact": "contact_id", "subscription": "mail", "source_agent": "agent", "agents": "agent",
    "environments": "environment",
    **{name: name for name in ("agent", "environment", "campaign", "contact_id", "tenant", "number", "delivery")},
    "schedule": "schedule",
}  # fmt: skip
IN_PATH = {"calls": "call", "campaigns": "campaign", "environments": "environment", "exports": "export",
           "subscriptions": "mail", "alerts": "alert",
           "export-schedules": "schedule", "handovers": "handover", "destinations": "destination"}  # fmt: skip
POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
CSRF = "a" * 32


@cache
def operations() -> list[Any]:
    answer = Client().get("/api/schema/", headers={"Accept": "application/json", "Accept-Language": "en"})
    schema = schemathesis.openapi.from_dict(json.loads(answer.content))
    return [operation.ok() for operation in schema.get_all_operations()]


def with_ids(told: Any, named: dict[str, str], draw: Any, sets: list[dict[str, str]], used: dict[str, str]) -> Any:
    """What was drawn, with somebody's ids where it has ids."""
    if isinstance(told, dict):
        return {
            name: (_one if name in named else with_ids)(value, named.get(name, named), draw, sets, used)
            for name, value in told.items()
        }
    return [with_ids(each, named, draw, sets, used) for each in told] if isinstance(told, list) else told


def _one(value: Any, word: str, draw: Any, sets: list[dict[str, str]], used: dict[str, str]) -> Any:
    if not isinstance(value, str | list):
        return value
    chosen = draw(st.sampled_from(sets))[word]
    used[f"{word} {chosen}"] = chosen
    return [chosen] if isinstance(value, list) else chosen


def has_empty(query: Any) -> bool:
    """Whether a parameter, or an element of a comma list, is empty: that is the same as nothing, and no fault."""
    told = [each for value in dict(query or {}).values() for each in (value if isinstance(value, list) else [value])]
    return any(not word.strip() for each in told for word in str(each).split(","))


def sent(who: Principal, case: Any) -> Response:
    """Through the whole site, as his program or his browser would send it."""
    question = requests.Request(**{**case.as_transport_kwargs(base_url="http://testserver"), "cookies": None}).prepare()
    own = ("content-length", "content-type", "accept-encoding", "authorization")
    headers = {name: str(value) for name, value in question.headers.items() if name.lower() not in own} | who.headers
    client = Client(enforce_csrf_checks=True)
    if "Authorization" not in who.headers:
        client.cookies = deepcopy(who.client.cookies)
        client.cookies["csrftoken"] = headers["X-CSRFToken"] = CSRF
    kind = str(question.headers.get("Content-Type", ""))
    body = question.body or b""
    answer = client.generic(str(question.method), question.path_url, body, content_type=kind, headers=headers)
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    told = {name.lower(): [value] for name, value in answer.headers.items()}
    return Response(answer.status_code, told, content, question, 0.0, True)


def ask_everything(who: Principal, mode: GenerationMode, sides: dict[str, Side], examples: int) -> set[int]:
    """The statuses that came."""
    kept, sets = Kept.of(sides["globex"].tenant), [sides["acme"].ids, sides["globex"].ids, ABSENT]
    came: set[int] = set()

    def ask_one(operation: Any) -> None:
        named = NAMED | {"id": IN_PATH.get(operation.path.split("/")[3], "call")}

        @hypothesis.settings(
            max_examples=examples, database=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck),
            phases=[hypothesis.Phase.generate],
        )  # fmt: skip
        @hypothesis.given(operation.as_strategy(generation_mode=mode, headers=dict(who.headers)), st.data())
        def asked(case: Any, data: Any) -> None:
            used: dict[str, str] = {}
            if mode is POSITIVE or data.draw(st.booleans()):
                case.path_parameters = with_ids(case.path_parameters, named, data.draw, sets, used)
                case.query = with_ids(case.query, named, data.draw, sets, used)
                if isinstance(case.body, dict | list):
                    case.body = with_ids(case.body, named, data.draw, sets, used)
            checks = CHECKS if used or has_empty(case.query) else [*CHECKS, negative_data_rejection]
            shared.clear()
            with transaction.atomic():
                with statements() as ran:
                    answer = sent(who, case)
                case.validate_response(answer, checks)
                assert not leaked(f"{answer.headers}{answer.text}", who.secrets, used), operation.label
                assert not kept.changed(ran), operation.label
                transaction.set_rollback(True)
            came.add(answer.status_code)

        asked()

    for operation in operations():
        ask_one(operation)
    return came


@pytest.mark.parametrize(("name", "mode"), [("key", POSITIVE), ("owner", NEGATIVE)])
def test_the_api_is_as_it_is_described(sides, principals, name, mode) -> None:
    came = ask_everything(principals[name], mode, sides, 3)
    assert {200, 404} <= came  # so something was asked


@pytest.mark.isolation_long
@pytest.mark.parametrize("mode", [POSITIVE, NEGATIVE])
@pytest.mark.parametrize("name", ["key", "owner-key", "owner", "one-agent", "sales-key"])
def test_the_api_is_as_it_is_described_at_length(sides, principals, name, mode) -> None:
    assert {200, 400, 404} <= ask_everything(principals[name], mode, sides, 40)
