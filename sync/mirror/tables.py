"""The fast ways into a table: COPY on PostgreSQL, prepared statements on SQLite, built from the model's fields.

Columns and their forms come from the models, so that a migration needs no second edit here; JSON comes in as text. Both
ways raise :class:`AlreadyThere` and leave nothing behind when a row's key is taken.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, models, transaction
from psycopg import errors
from psycopg.sql import SQL, Composed, Identifier

from sync.mirror.copying import copy_text

Row = Sequence[Any]


class AlreadyThere(Exception):
    """A key of the batch is in the table."""


def _sqlite_time(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")


def _sqlite_uuid(value: UUID | str) -> str:
    return value if isinstance(value, str) else value.hex


def _field(model: type[models.Model], column: str) -> "models.Field[Any, Any]":
    return next(field for field in model._meta.local_concrete_fields if field.column == column)


@lru_cache(maxsize=32)
def _forms(model: type[models.Model], columns: tuple[str, ...]) -> tuple[tuple[int, Callable[[Any], Any]], ...]:
    """Which places of a row the driver can't take as they are, and how to write them."""
    forms: list[tuple[int, Callable[[Any], Any]]] = []
    for place, column in enumerate(columns):
        field = _field(model, column)
        target = field.target_field if isinstance(field, models.ForeignKey) else field
        if connection.vendor != "postgresql" and isinstance(target, models.DateTimeField):
            forms.append((place, _sqlite_time))
        elif connection.vendor != "postgresql" and isinstance(target, models.UUIDField):
            forms.append((place, _sqlite_uuid))
    return tuple(forms)


def _written(model: type[models.Model], columns: tuple[str, ...], rows: Iterable[Row]) -> Iterable[Row]:
    forms = _forms(model, columns)
    return rows if not forms else (_adapted(row, forms) for row in rows)


def _adapted(row: Row, forms: tuple[tuple[int, Callable[[Any], Any]], ...]) -> Row:
    cells = list(row)
    for place, form in forms:
        cells[place] = form(cells[place])
    return cells


def insert(model: type[models.Model], columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Write new rows; all of them, or none and :class:`AlreadyThere`."""
    if not rows:
        return
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                _copy(model._meta.db_table, columns, _written(model, columns, rows))
            else:
                _insert_many(model._meta.db_table, columns, _written(model, columns, rows))
    except (IntegrityError, errors.UniqueViolation) as error:
        raise AlreadyThere(model._meta.db_table) from error


def _copy(table: str, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    statement = SQL("COPY {} ({}) FROM STDIN").format(Identifier(table), _names(columns))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for text in copy_text(rows):
            copy.write(text)


def _insert_many(table: str, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    quote = connection.ops.quote_name
    names = ", ".join(quote(column) for column in columns)
    places = ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO {quote(table)} ({names}) VALUES ({places})"  # noqa: S608 - names are the model's
    with connection.cursor() as cursor:
        cursor.executemany(statement, list(rows))


def update(model: type[models.Model], key: str, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Write new values of existing rows. Each row is the key's value, then those of ``columns``."""
    if not rows:
        return
    every = (key, *columns)
    if connection.vendor == "postgresql":
        _merge(model, key, columns, _written(model, every, rows))
        return
    quote = connection.ops.quote_name
    setters = ", ".join(f"{quote(column)} = %s" for column in columns)
    statement = f"UPDATE {quote(model._meta.db_table)} SET {setters} WHERE {quote(key)} = %s"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.executemany(statement, [(*row[1:], row[0]) for row in _written(model, every, rows)])


def _merge(model: type[models.Model], key: str, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    """COPY into a staging table, and one UPDATE from it."""
    table, stage = model._meta.db_table, f"stage_{model._meta.db_table}"
    with connection.cursor() as cursor:
        cursor.execute(
            SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
                Identifier(stage), _names((key, *columns)), Identifier(table)
            )
        )
    _copy(stage, (key, *columns), rows)
    setters = SQL(", ").join(SQL("{0} = stage.{0}").format(Identifier(column)) for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(SQL("ANALYZE {}").format(Identifier(stage)))
        cursor.execute(
            SQL("UPDATE {0} AS kept SET {1} FROM {2} AS stage WHERE kept.{3} = stage.{3}").format(
                Identifier(table), setters, Identifier(stage), Identifier(key)
            )
        )
        cursor.execute(SQL("DROP TABLE {}").format(Identifier(stage)))


def _names(columns: tuple[str, ...]) -> Composed:
    return SQL(", ").join(Identifier(column) for column in columns)


def refresh_statistics(*tables: type[models.Model]) -> None:
    """Tell PostgreSQL what is in tables that just grew; its own look may be a minute away. Outside transactions."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for model in tables:
                cursor.execute(SQL("ANALYZE {}").format(Identifier(model._meta.db_table)))
