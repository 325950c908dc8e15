"""A small sandbox with a fixed end, and a plain client that shares nothing with the mirror's."""

import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from sync.sandbox.server import Sandbox

END = date(2026, 7, 10)


@dataclass
class Got:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


def fetch(url: str, token: str | None = None, *, method: str = "GET", body: Any = None, timeout: float = 10) -> Got:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return Got(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def talkover(box: Sandbox, path: str, **params: Any) -> Got:
    return fetch(f"{box.talkover_url}{path}?{urlencode(params)}", box.talkover_token)


def originsai(box: Sandbox, agent: int | str) -> Got:
    return fetch(f"{box.originsai_url}/agents/{agent}/call_stats", box.originsai_token)


def walk(box: Sandbox, path: str, **params: Any) -> list[dict[str, Any]]:
    """All items of a list by its paging, of whichever kind."""
    items: list[dict[str, Any]] = []
    page = last = 1
    while page <= last:
        body = talkover(box, path, **{"per_page": 100, **params, "page": page}).json
        items += body["data"]
        last = (body.get("pagination") or body["meta"])["last_page"]
        page += 1
    return items


@pytest.fixture(scope="session")
def calm() -> Iterator[Sandbox]:
    """A sandbox without faults that no test changes."""
    with Sandbox(days=21, calls_per_day=60, end=END, originsai_per_day=6) as box:
        yield box


@pytest.fixture
def sandbox() -> Iterator[Callable[..., Sandbox]]:
    """Opens sandboxes of a test's own: ``sandbox("500@path=/calls", days=4)``."""
    opened: list[Sandbox] = []

    def open_one(*faults: str, **settings: Any) -> Sandbox:
        box = Sandbox(faults=faults, **{"days": 5, "calls_per_day": 120, "end": END, **settings})
        box.start()
        opened.append(box)
        return box

    yield open_one
    for box in opened:
        box.stop()
