"""The cache as data: what is written comes back, and nothing that was planted runs."""

import os
import pickle
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from uuid import UUID

import pytest
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions
from django.core.cache import caches
from django.test import Client, override_settings
from redis import Redis

from portal import settings as declared
from portal.shared_cache import SharedCache
from portal.site.broker import Broker


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("c")
    broker = Broker(folder / "s", folder / "broker")
    broker.ensure()
    yield broker.path
    broker.stop()


@pytest.fixture
def client(server):
    with Redis(unix_socket_path=str(server), db=1) as client:
        client.flushdb()
        yield client


@pytest.fixture
def cache(server, client):
    with override_settings(CACHES={"default": shared(server)}):
        yield caches["default"]


def shared(server):
    return {
        "BACKEND": "portal.shared_cache.SharedCache",
        "LOCATION": f"unix://{server}?db=1",
        "KEY_PREFIX": "ringbook:cache",
    }


class Planted:
    """Makes a folder when it is unpickled."""

    def __init__(self, path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_an_installation_uses_it() -> None:
    assert declared.CACHES["default"]["BACKEND"] == f"{SharedCache.__module__}.{SharedCache.__name__}"
    assert issubclass(import_module(settings.SESSION_ENGINE).SessionStore, DatabaseSessions)


@pytest.mark.parametrize(
    "value",
    [
        0,
        -7,
        True,
        1.5,
        "a text",
        "12",
        "",
        None,
        [1791900000.25, 1791900000.5],
        {"a": [1, None]},
        [["2026-07-13", date(2026, 7, 13), datetime(2026, 7, 13, 8, tzinfo=UTC), Decimal("1.10"), 2**70]],
        UUID(int=7),
    ],
)
def test_what_is_kept_comes_back(cache, value) -> None:
    cache.set("key", value, 60)
    assert cache.get("key", "nothing") == value
    assert type(cache.get("key")) is type(value)
    assert cache.get_many(["key", "other"]) == {"key": value}


def test_what_is_no_data_is_not_kept(cache) -> None:
    with pytest.raises(TypeError):
        cache.set("key", object(), 60)


def test_whole_numbers_are_counted_by_the_server(cache) -> None:
    cache.set("count", 1, 60)
    assert (cache.incr("count"), cache.get("count")) == (2, 2)
    assert (cache.decr("count", 5), cache.get("count")) == (-3, -3)
    with pytest.raises(ValueError, match="no such count"):
        cache.incr("other")


def test_a_count_that_ends_meanwhile_does_not_begin_anew_for_ever(cache, client, monkeypatch) -> None:
    cache.set("count", 1, 60)
    exists = Redis.exists

    def ends(asked, *names):
        found = exists(asked, *names)
        client.delete(*names)
        return found

    monkeypatch.setattr(Redis, "exists", ends)
    cache.incr("count")
    assert client.ttl(cache.make_key("count")) > 0


PLANTED = ["pickle", b"\xff\xfe", b"{", b"[" * 100_000, b'{"__form__": "date", "value": "never"}']


@pytest.mark.parametrize("planted", PLANTED, ids=[str(words[:20]) for words in PLANTED])
def test_what_was_planted_is_nothing_and_runs_nothing(cache, client, tmp_path, planted) -> None:
    trace = tmp_path / "ran"
    words = pickle.dumps(Planted(trace)) if planted == "pickle" else planted
    client.set(cache.make_key("key"), words)
    assert cache.get("key", []) == []
    assert cache.get_many(["key"]) == {}
    assert cache.add("key", 1, 60) is True  # it gives way
    assert cache.add("key", 2, 60) is False
    assert cache.get("key") == 1
    assert not trace.exists()


@pytest.mark.django_db
def test_sign_in_reads_what_was_planted_as_nothing(cache, client, server, ana, tmp_path) -> None:
    """Its limits are read for anybody who asks, and count in this cache."""
    browser, trace = Client(), tmp_path / "ran"
    wrong = {"login": ana.email, "password": "wrong"}
    browser.post("/accounts/login/", wrong)
    limits = client.keys("*guess:*")
    assert limits
    for key in limits:
        client.set(key, pickle.dumps(Planted(trace)))
    assert browser.post("/accounts/login/", wrong).status_code == 200
    assert not trace.exists()
    statuses = {browser.post("/accounts/login/", wrong).status_code for _ in range(20)}
    assert 429 in statuses or b"Too many" in browser.post("/accounts/login/", wrong).content
