"""Row-level security: PostgreSQL keeps the wall once more, beneath all of our code.

It holds where ``DATABASE_URL`` names a role that owns nothing, as PostgreSQL itself says of each session. Then each
statement says, in one message with it, which tenant's rows it may touch. That is said for the
transaction only, which without one of ours is the statement itself: nothing stays with the session, so it holds behind
a pooler that gives every transaction another session, and no request can leave a tenant behind for the next.

``portal.tenants.roles`` makes the roles and their policies. portal/decisions/0032 tells why it is done so.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, models, transaction
from django.db.backends.signals import connection_created
from psycopg import ServerCursor
from psycopg.sql import SQL, Composable

from portal.tenants import wall

VARIABLE = "ringbook.tenant"
_OF_THE_TRANSACTION = (
    "SAVEPOINT",
    "RELEASE",
    "ROLLBACK",
)  # after a fault PostgreSQL takes nothing else, or nothing before
_SOME_TABLE = "tenants_environment"
_HOLDS = (
    "SELECT current_user, to_regclass(%s) IS NULL,"
    " CASE WHEN to_regclass(%s) IS NULL THEN false ELSE row_security_active(%s) END"
)
_WHO = ("USER", "PASSWORD", "HOST", "PORT")  # of the same database; a pooler may stand before one of them
HOW = "run manage.py database_roles, and let DATABASE_URL name the role that it made"

_as_owner = False
_holds = False  # for the role of this process, as its latest session was told


def in_force() -> bool:
    """Whether this process speaks to the database as the role that owns nothing."""
    if connection.vendor != "postgresql" or _as_owner:
        return False
    connection.ensure_connection()
    return _holds


def crossing_role() -> str:
    """The role that the application takes on for what it does across all tenants; it can't sign in."""
    return f"{settings.DATABASE_ROLE['USER']}_every_tenant"[:63]


def install() -> None:
    """Have each session with the database begin so, from now on."""
    connection_created.connect(_prepare, dispatch_uid="row security")


@contextmanager
def as_owner() -> Iterator[None]:
    """Inside, sessions are the owner's, if there is one: for migrations, and for the roles themselves."""
    global _as_owner  # a process migrates, or serves
    database = connection.settings_dict  # every thread's
    kept, was = dict(database), _as_owner
    connection.close()
    database.update({key: settings.DATABASE_OWNER[key] for key in _WHO if settings.DATABASE_OWNER})
    _as_owner = True
    try:
        yield
    finally:
        connection.close()
        database.update({key: kept[key] for key in _WHO})
        _as_owner = was


def server_version() -> int:
    """PostgreSQL's, as it numbers itself: 170002 is 17.2."""
    return int(getattr(connection, "pg_version", 0))


def tell() -> None:
    """Say for this transaction whose rows the statements after it may touch.

    For COPY alone, which is no statement of a cursor; every other one says so itself.
    """
    if in_force():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")


def _prepare(connection: Any, **_: Any) -> None:
    global _holds  # a process serves as one role
    if connection.vendor != "postgresql" or _as_owner:
        return
    with connection.connection.cursor() as cursor:
        cursor.execute(_HOLDS, [_SOME_TABLE] * 3)
        name, is_empty, _holds = cursor.fetchone()
    if _say_whose not in connection.execute_wrappers:
        connection.execute_wrappers.append(_say_whose)
    if settings.DATABASE_OWNER and not (_holds or is_empty):
        connection.close()
        raise ImproperlyConfigured(
            f"The database's role {name} passes row-level security, which DATABASE_OWNER_URL asks for: {HOW}."
        )


def _say_whose(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Around each statement: before it, in the same message, whose rows it is about."""
    if _as_owner or not _holds or (isinstance(sql, str) and sql.startswith(_OF_THE_TRANSACTION)):
        return execute(sql, params, many, context)
    connection, cursor = context["connection"], context["cursor"].cursor
    inside = connection.in_atomic_block or not connection.get_autocommit()
    about = _about()
    if about is _NOBODY:
        _refuse_tenants_rows(sql)
    if not inside and about is _NOBODY:
        return execute(sql, params, many, context)  # as a session begins, and as each transaction leaves it
    if many or isinstance(cursor, ServerCursor):  # these send no message of several statements
        with nullcontext() if inside else transaction.atomic(using=connection.alias):
            with connection.connection.cursor() as before:
                before.execute(about)
            return execute(sql, params, many, context)
    whole = SQL(about) + sql if isinstance(sql, Composable) else about + sql
    answer = execute(whole, params, many, context)
    cursor.nextset()
    return answer


def _refuse_tenants_rows(sql: Any) -> None:
    """PostgreSQL would answer that there are none, which may pass for the truth."""
    if isinstance(sql, str) and _tenants_tables().search(sql):
        raise wall.NoTenant("A tenant's rows are read or written while no tenant is active.")


@cache
def _tenants_tables() -> re.Pattern[str]:
    tables = [model._meta.db_table for model in apps.get_models(include_auto_created=True) if is_tenants(model)]
    return re.compile("|".join(f'"{table}"' for table in tables))


def is_tenants(model: type[models.Model]) -> bool:
    """Whether a model's rows are each a tenant's."""
    return any(field.name == "tenant" and not field.null for field in model._meta.local_concrete_fields)


_NOBODY = f"SELECT set_config('role', 'none', true), set_config('{VARIABLE}', '', true);"


def _about() -> str:
    if wall.is_crossing():
        return f"SELECT set_config('role', '{crossing_role()}', true), set_config('{VARIABLE}', '', true);"
    active = wall.active_tenant()
    if active is None:
        return _NOBODY
    return f"SELECT set_config('role', 'none', true), set_config('{VARIABLE}', '{active:d}', true);"
