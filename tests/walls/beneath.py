"""PostgreSQL by itself: SQL past all of Django and of ours, and a build whose own wall is switched off."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from portal.tenants.base import WalledQuerySet


@contextmanager
def refused(words: str = ".") -> Iterator[None]:
    with pytest.raises((DatabaseError, psycopg.Error), match=words), transaction.atomic():
        yield


def bare(sql: str, *values: object) -> list[tuple[object, ...]]:
    """Past all of Django and of ours, on the same session."""
    cursor = connection.connection.cursor()
    cursor.execute(sql, values or None)
    return cursor.fetchall() if cursor.description else []


@pytest.fixture
def without_our_wall(monkeypatch) -> None:
    """A build whose querysets filter nothing and whose rows ask nobody."""
    monkeypatch.setattr(WalledQuerySet, "walled", lambda rows: rows)
    monkeypatch.setattr(WalledQuerySet, "_demand", lambda rows: None)
    monkeypatch.setattr("portal.tenants.base._refuse_move", lambda names: None)
    monkeypatch.setattr("portal.tenants.base._refuse_foreign", lambda *row: None)
    monkeypatch.setattr("portal.tenants.base.TenantModel.check_wall", lambda row: None)
