"""Room that removed rows leave in SQLite's file is given back."""

import sqlite3
from pathlib import Path

import pytest
from django.db import connections
from django.db.backends.sqlite3.base import DatabaseWrapper

from reports.privacy.retention import space

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path, monkeypatch) -> Path:
    """A database of its own, of which three quarters are shorter texts now."""
    path = tmp_path / "own.sqlite3"
    with sqlite3.connect(path) as own:
        own.execute("CREATE TABLE texts (id INTEGER PRIMARY KEY, raw TEXT)")
        own.executemany("INSERT INTO texts (raw) VALUES (?)", [("x" * 2000,)] * 500)
        own.execute("UPDATE texts SET raw = 'x' WHERE id > 100")
    own.close()
    as_usual = connections["default"].settings_dict
    other = DatabaseWrapper(
        as_usual | {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": {}}, "own"
    )
    monkeypatch.setattr(space, "connection", other)
    yield path
    other.close()


def test_a_file_with_much_room_is_written_anew(file, monkeypatch) -> None:
    monkeypatch.setattr(space, "_LEAST", 100_000)
    size = file.stat().st_size

    assert space.give_back()
    assert file.stat().st_size < size / 2
    assert not space.give_back(), "nothing is left to give"


def test_little_room_is_left_where_it_is(file) -> None:
    assert not space.give_back()


def test_nor_is_it_begun_where_the_disk_has_no_room(file, monkeypatch) -> None:
    monkeypatch.setattr(space, "_LEAST", 100_000)
    monkeypatch.setattr(space.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": 1000})())
    assert not space.give_back()
