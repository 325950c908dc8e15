"""The databases of a run: the suite's own, an empty copy of it, and worlds, which are filled once for many tests.

A world is a fixture of the whole run, made of a generator::

    @world
    def filled() -> Iterator[Filled]:
        yield Filled(...)  # what is written up to here goes to a database of the world's own

A test that asks for ``filled``, itself or through other fixtures, speaks to that database and finds it as it was
filled: what the test writes is undone with its transaction; marked ``django_db(transaction=True)`` it speaks to a copy
that is thrown away. With a browser, which a server of the world answers, nothing is wrapped or copied, and what one
test writes stays for the next.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, connections, transaction
from django.test import TransactionTestCase

from portal.tenants import roles, row_security

EMPTY = "empty"
WORLDS: dict[str, "World"] = {}
_suite: list[str] = []  # the name of the suite's own database


class World:
    """A database that is filled once; its name is the fixture's."""

    def __init__(self, fill: Callable[[], Iterator[Any]]) -> None:
        self.name, self.fill = fill.__name__, fill

    def fixture(self, django_db_setup: None, django_db_blocker: Any) -> Iterator[Any]:
        """Fills the database; what ``fill`` keeps open meanwhile ends with the run."""
        filling = contextmanager(self.fill)()
        with django_db_blocker.unblock():
            copy(EMPTY, self.name)
            with speaking_to(self.name):
                value = filling.__enter__()
        yield value
        with django_db_blocker.unblock():
            with speaking_to(self.name):
                filling.__exit__(None, None, None)
            drop(self.name)

    @contextmanager
    def opened(self, *, writes: bool) -> Iterator[None]:
        """The world for one test; ``writes``: in transactions of the test's own, to a copy."""
        own = f"{self.name}_copy" if writes else self.name
        if writes:
            copy(self.name, own)
        with speaking_to(own):
            yield
            _let_answers_end()
        if writes:
            drop(own)


def world(fill: Callable[[], Iterator[Any]]) -> Any:
    made = WORLDS[fill.__name__] = World(fill)

    def filled(django_db_setup: None, django_db_blocker: Any) -> Iterator[Any]:
        yield from made.fixture(django_db_setup, django_db_blocker)

    filled.__doc__ = fill.__doc__
    return pytest.fixture(scope="session", name=made.name)(filled)


def world_of(request: pytest.FixtureRequest) -> World | None:
    """The world of a test; it may ask for one alone."""
    asked = [WORLDS[name] for name in request.fixturenames if name in WORLDS]
    assert len(asked) < 2, f"{request.node.nodeid} asks for {', '.join(each.name for each in asked)}"
    return asked[0] if asked else None


def _let_answers_end() -> None:
    """Threads of a server hold its connection to the database, and would open one to the next test's.

    A browser keeps its connections for a moment after its pages are closed; more than that is not waited for.
    """
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(timeout=5)


# --- one database out of another --------------------------------------------------------------------------------------


def prepare(settings: dict[str, Any]) -> None:
    """Before the suite's database is made: nothing that tests write has to outlive the power."""
    options = settings["OPTIONS"]
    if settings["ENGINE"].endswith("postgresql"):
        options["options"] += " -c synchronous_commit=off"
    else:
        options["init_command"] += "PRAGMA synchronous=OFF;"


def keep_empty() -> None:
    """Sets the suite's database, as migrations leave it, aside for worlds to be copied from."""
    _suite.append(connection.settings_dict["NAME"])
    serve_as_nobody()
    with row_security.as_owner():
        _standing.cache_clear()
        _standing()
    connections.close_all()
    copy("", EMPTY)


def serve_as_nobody() -> None:
    """On PostgreSQL the suite runs as the role that owns nothing, as an installation should. The suite's database
    stands."""
    if connection.vendor != "postgresql":
        return
    about = connection.settings_dict
    settings.DATABASE_OWNER = {key: about[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    settings.DATABASE_ROLE = {"USER": "ringbook_suite", "PASSWORD": "suite"}
    with row_security.as_owner():
        for attempt in range(20):  # roles are the server's, and other processes of the run make the same ones
            try:
                with transaction.atomic():
                    roles.make_roles()
                break
            except DatabaseError:
                time.sleep(0.1 * attempt)
        with transaction.atomic():
            roles.secure()
    about.update(settings.DATABASE_ROLE)


def serve_as_owner() -> None:
    """At the end of the run: the suite's database is the owner's to drop."""
    if settings.DATABASE_OWNER:
        connections.close_all()
        connection.settings_dict.update({key: settings.DATABASE_OWNER[key] for key in ("USER", "PASSWORD")})
        settings.DATABASE_OWNER = {}


def _named(name: str) -> str:
    """``name`` as the database calls it; without one, the suite's own."""
    stem, dot, ending = _suite[0].partition(".")
    return f"{stem}_{name}{dot}{ending}" if name else _suite[0]


@contextmanager
def speaking_to(name: str) -> Iterator[None]:
    """All connections that are opened inside, by any thread, are to the database ``name``."""
    was = connection.settings_dict["NAME"]
    connections.close_all()
    connection.settings_dict["NAME"] = _named(name)
    try:
        yield
    finally:
        connections.close_all()
        connection.settings_dict["NAME"] = was


def copy(source: str, target: str) -> None:
    """Nobody may be connected to ``source``."""
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(_named(source))) as here, closing(sqlite3.connect(_named(target))) as there:
            here.backup(there)
        return
    drop(target)
    with row_security.as_owner(), connection.creation._nodb_cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{_named(target)}" TEMPLATE "{_named(source)}"')


def address(name: str) -> str:
    """The DATABASE_URL with which other processes reach the database ``name``, as its owner."""
    if connection.vendor == "sqlite":
        return f"sqlite:///{_named(name)}"
    about = settings.DATABASE_OWNER or connection.settings_dict
    return f"postgresql://{about['USER']}:{about['PASSWORD']}@{about['HOST']}:{about['PORT'] or 5432}/{_named(name)}"


def drop(name: str) -> None:
    if connection.vendor == "postgresql":  # a file goes with its folder
        with row_security.as_owner(), connection.creation._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{_named(name)}" WITH (FORCE)')


# --- after a test that wrote in transactions of its own ---------------------------------------------------------------


def _filled() -> set[str]:
    tables = connection.introspection.django_table_names(only_existing=False, include_views=False)
    quote = connection.ops.quote_name
    asked = " UNION ALL ".join(f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {quote(table)})" for table in tables)
    with connection.cursor() as cursor:
        cursor.execute(asked)
        return {row[0] for row in cursor.fetchall()}


@cache
def _standing() -> set[str]:
    """The tables that migrations fill: what Django knows of the models."""
    return _filled()


def empty_what_was_filled(case: TransactionTestCase) -> None:
    """In place of Django's flush, which empties every table and fills some of them again."""
    if connection.settings_dict["NAME"] != _suite[0]:
        return  # a copy, which is thrown away
    with row_security.as_owner():
        left = sorted(_filled() - _standing())
        if left:
            _empty(left)


def _empty(left: list[str]) -> None:
    with (
        connection.constraint_checks_disabled(),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        for table in left:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")
