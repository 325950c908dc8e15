"""The fast ways into a table: COPY or columns of JSON on PostgreSQL, prepared statements on SQLite, built from the
model's fields.

Columns and their forms come from the models, so that a migration needs no second edit here; JSON comes in as text. Both
ways raise :class:`AlreadyThere` and leave nothing behind when a row's key is taken.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from django.db import IntegrityError, connection, models, transaction
from psycopg import errors
from psycopg.sql import SQL, Composed, Identifier, Placeholder

from portal.tenants import row_security
from sync.mirror.copying import copy_text
from sync.records import BrokenRecord, UnplacedRecord

Columns = Sequence[Sequence[Any]]
Form = Callable[[Sequence[Any]], Sequence[Any]]  # of a whole column


PORTION = 500  # rows in one statement
PORTION_BYTES = 1024 * 1024  # of raw text in one statement, which holds it once more

Aside = TypeVar("Aside", UnplacedRecord, BrokenRecord)


def portions(records: Sequence[Aside]) -> Iterator[Sequence[Aside]]:
    """As many at a time as one statement takes well, however long their texts are."""
    start = weight = 0
    for at, record in enumerate(records):
        weight += len(record.raw)
        if at - start == PORTION or (weight > PORTION_BYTES and at > start):
            yield records[start:at]
            start, weight = at, len(record.raw)
    if records:
        yield records[start:]


class AlreadyThere(Exception):
    """A key of the batch is in the table."""


def _sqlite_times(values: Sequence[datetime | None]) -> Sequence[str | None]:
    filled = [value if value.tzinfo is UTC else value.astimezone(UTC) for value in values if value is not None]
    # One call of an encoder in C over the whole column, many times as fast as isoformat() one by one.
    text = msgspec.json.encode(filled).decode().replace("T", " ").replace("Z", "")
    texts = iter(text[2:-2].split('","'))
    return [None if value is None else next(texts) for value in values]


def _sqlite_uuids(values: Sequence[UUID | str]) -> Sequence[str]:
    return [value if isinstance(value, str) else value.hex for value in values]


def _field(model: type[models.Model], column: str) -> "models.Field[Any, Any]":
    return next(field for field in model._meta.local_concrete_fields if field.column == column)


@lru_cache(maxsize=32)
def _forms(model: type[models.Model], names: tuple[str, ...]) -> tuple[Form | None, ...]:
    """How to write the columns that the driver can't take as they are."""
    forms: list[Form | None] = []
    for name in names:
        field = _field(model, name)
        target = field.target_field if isinstance(field, models.ForeignKey) else field
        form: Form | None = None
        if connection.vendor != "postgresql" and isinstance(target, models.DateTimeField):
            form = _sqlite_times
        elif connection.vendor != "postgresql" and isinstance(target, models.UUIDField):
            form = _sqlite_uuids
        forms.append(form)
    return tuple(forms)


def _written(model: type[models.Model], names: tuple[str, ...], columns: Columns) -> Columns:
    forms = _forms(model, names)
    return [column if form is None else form(column) for column, form in zip(columns, forms, strict=True)]


def insert(model: type[models.Model], names: tuple[str, ...], columns: Columns) -> None:
    """Write new rows, given as one list of values a column; all of them, or none and :class:`AlreadyThere`."""
    if not columns[0]:
        return
    try:
        with transaction.atomic():
            if row_security.in_force():
                _insert_columns(model, names, _written(model, names, columns))
            elif connection.vendor == "postgresql":
                _copy(model._meta.db_table, names, _written(model, names, columns))
            else:
                _insert_many(model._meta.db_table, names, _written(model, names, columns))
    except (IntegrityError, errors.UniqueViolation) as error:
        raise AlreadyThere(model._meta.db_table) from error


def _copy(table: str, names: tuple[str, ...], columns: Columns) -> None:
    statement = SQL("COPY {} ({}) FROM STDIN").format(Identifier(table), _names(names))
    # The driver's errors leave a copy as they are, and only Django's are known to be tried again.
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for text in copy_text(columns):
            copy.write(text)


def _insert_columns(model: type[models.Model], names: tuple[str, ...], columns: Columns) -> None:
    """PostgreSQL copies into no table that has row-level security.

    What every row has alike, such as its tenant, the statement says once. To read such columns from text was most of
    what this costs beyond a copy. The first column, the key, is always among the rows.
    """
    alike = {name: values[0] for name, values in zip(names[1:], columns[1:], strict=True) if _is_alike(values)}
    sent = tuple(name for name in names if name not in alike)
    rows, values = _rows(model, sent, [values for name, values in zip(names, columns, strict=True) if name in sent])
    read = SQL(", ").join(Placeholder() if name in alike else _read(model, name) for name in names)
    with connection.cursor() as cursor:
        cursor.execute(
            SQL("INSERT INTO {} ({}) SELECT {} FROM {}").format(
                Identifier(model._meta.db_table), _names(names), read, rows
            ),
            [*alike.values(), *values],
        )


def _is_alike(values: Sequence[Any]) -> bool:
    """Whether several rows have one value; that of a single row may be as long as its raw text."""
    return len(values) > 1 and values[0] == values[-1] and values.count(values[0]) == len(values)


def _rows(model: type[models.Model], names: tuple[str, ...], columns: Columns) -> tuple[Composed, list[str]]:
    """Columns as a relation named ``sent`` in a statement, each column a parameter in JSON.

    No table of the transaction's own: a role that may make one may hide ours behind it.
    """
    each = SQL(", ").join([SQL("json_array_elements_text(%s)")] * len(names))
    return (
        SQL("ROWS FROM ({}) AS sent ({})").format(each, _names(names)),
        [_json(_field(model, name), values) for name, values in zip(names, columns, strict=True)],
    )


def _json(field: "models.Field[Any, Any]", values: Sequence[Any]) -> str:
    if isinstance(field, models.BinaryField):
        values = [None if value is None else f"\\x{value.hex()}" for value in values]
    return msgspec.json.encode(values).decode()


def _read(model: type[models.Model], name: str) -> Composed:
    """The value of a column of :func:`_rows` in its own type, without a length: a cast to one cuts in silence."""
    kind = str(_field(model, name).db_type(connection)).partition("(")[0]
    return SQL("sent.{}::{}").format(Identifier(name), SQL(kind))


def _insert_many(table: str, names: tuple[str, ...], columns: Columns) -> None:
    quote = connection.ops.quote_name
    listed = ", ".join(quote(name) for name in names)
    places = ", ".join(["%s"] * len(names))
    statement = f"INSERT INTO {quote(table)} ({listed}) VALUES ({places})"  # noqa: S608 - names are the model's
    with connection.cursor() as cursor:
        cursor.executemany(statement, list(zip(*columns, strict=True)))


def update(model: type[models.Model], key: str, names: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> None:
    """Write new values of existing rows. Each row is the key's value, then those of the columns ``names``."""
    if not rows:
        return
    columns = _written(model, (key, *names), list(zip(*rows, strict=True)))
    if connection.vendor == "postgresql":
        _merge(model, key, names, columns)
        return
    quote = connection.ops.quote_name
    setters = ", ".join(f"{quote(name)} = %s" for name in names)
    statement = f"UPDATE {quote(model._meta.db_table)} SET {setters} WHERE {quote(key)} = %s"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.executemany(statement, list(zip(*columns[1:], columns[0], strict=True)))


def _merge(model: type[models.Model], key: str, names: tuple[str, ...], columns: Columns) -> None:
    """One UPDATE from rows that are sent with it."""
    setters = SQL(", ").join(SQL("{} = {}").format(Identifier(name), _read(model, name)) for name in names)
    rows, values = _rows(model, (key, *names), columns)
    with connection.cursor() as cursor:
        cursor.execute(
            SQL("UPDATE {} AS kept SET {} FROM {} WHERE kept.{} = {}").format(
                Identifier(model._meta.db_table), setters, rows, Identifier(key), _read(model, key)
            ),
            values,
        )


def _names(names: tuple[str, ...]) -> Composed:
    return SQL(", ").join(Identifier(name) for name in names)


@contextmanager
def index_order() -> Iterator[None]:
    """Inside, rows that are asked for in an index's order are read through that index.

    A planner whose statistics are older than an environment takes all indexes for equally good: it would walk the whole
    environment through the smallest for every day, and sort the few rows it keeps.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_sort TO OFF")
        yield
        cursor.execute("SET LOCAL enable_sort TO DEFAULT")  # the transaction may be somebody else's


def note_growth(model: type[models.Model], rows: int) -> None:
    """Have PostgreSQL look at a table that just got ``rows`` new ones if it knows of fewer. Outside transactions.

    Its own look may be a minute away, and until then it plans as if the table were empty. Early in a load there is
    little to look at; what comes later of the same kind makes no other plan. Before PostgreSQL 17 only the owner may.
    """
    if connection.vendor != "postgresql" or (row_security.in_force() and row_security.server_version() < 17_00_00):
        return
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples < %s FROM pg_class WHERE oid = %s::regclass", [rows, table])
        if cursor.fetchone()[0]:
            cursor.execute(SQL("ANALYZE {}").format(Identifier(table)))


def spare_the_flush() -> None:
    """Let this transaction's commit not wait for the disk; inside a transaction.

    A crash of the database server may then lose its last moments, but whole transactions at a time: rows and the state
    of their window together, so that the window is read again.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit TO OFF")
