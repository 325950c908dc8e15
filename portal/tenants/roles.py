"""The two roles of PostgreSQL and what each may: made by ``manage.py database_roles``, kept true by ``migrate``.

The owner has the tables and makes migrations. The application's role owns nothing: on each tenant's table it sees and
writes the rows of the tenant that its transaction names, and nothing where it names none. For what is done across all
tenants it takes on a third role, which can't sign in. Keys between tenants' tables carry the tenant, so that no row
ever points at another tenant's. All of it follows from the models, so a new table needs no line here.

Every function speaks to the database as the owner, within :func:`portal.tenants.row_security.as_owner`.
"""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection, models
from psycopg.sql import SQL, Composable, Identifier, Literal

from portal.tenants.base import TenantModel
from portal.tenants.row_security import VARIABLE, crossing_role, server_version

TURN = 0x524F4C4553  # "ROLES", for an advisory lock: roles are the whole server's, and two hosts may make them at once
_OWN = f"(tenant_id = (NULLIF(current_setting('{VARIABLE}'::text, true), ''::text))::bigint)"
_POLICIES = {"own_tenant": _OWN, "every_tenant": "true"}
_READ_ONLY = ("django_migrations",)


def tenant_tables() -> list[type[TenantModel]]:
    """The models of tenants' rows that have a table, by its name."""
    chosen = [model for model in apps.get_models(include_auto_created=True) if issubclass(model, TenantModel)]
    return sorted(chosen, key=lambda model: model._meta.db_table)


def application_role() -> str:
    return str(settings.DATABASE_ROLE["USER"])


def role_statements(password: str = "") -> list[Composable]:
    """What makes the roles that are missing, the application's with that password; to be run by a role that may make
    roles."""
    application, crossing = application_role(), crossing_role()
    statements: list[Composable] = []
    if not _exists(application):
        secret = SQL(" PASSWORD {}").format(Literal(password)) if password else SQL("")
        statements.append(
            SQL("CREATE ROLE {} LOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE").format(
                Identifier(application)
            )
            + secret
        )
    if not _exists(crossing):
        statements.append(SQL("CREATE ROLE {} NOLOGIN").format(Identifier(crossing)))
    for member in (application, settings.DATABASE_OWNER["USER"]):
        if not _is_member(member, crossing):
            statements.append(SQL("GRANT {} TO {}").format(Identifier(crossing), Identifier(member)))
    return statements


def make_roles() -> None:
    """Make the roles that are missing. Raises ProgrammingError where the owner may not."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TURN])
        for statement in role_statements(str(settings.DATABASE_ROLE["PASSWORD"])):
            cursor.execute(statement)


def roles_stand() -> bool:
    return not role_statements()


def secure() -> None:
    """Give the roles their grants and each tenant's table its policies and keys. Changes nothing that is so already."""
    with connection.cursor() as cursor:
        for statement in _statements():
            cursor.execute(statement)


def _statements() -> Iterator[Composable]:
    both = SQL("{}, {}").format(Identifier(application_role()), Identifier(crossing_role()))
    schema, database = Identifier(_schema()), Identifier(_database())
    # Everybody may by default; where the database or the schema is another's, only they can take it back, see holes().
    yield SQL("REVOKE CREATE, TEMPORARY ON DATABASE {} FROM PUBLIC, {}").format(database, both)
    yield SQL("REVOKE CREATE ON SCHEMA {} FROM PUBLIC, {}").format(schema, both)
    yield SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, both)
    yield SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {} TO {}").format(schema, both)
    yield SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {} TO {}").format(schema, both)
    if server_version() >= 17_00_00:  # to have the planner look at a table that has just grown
        yield SQL("GRANT MAINTAIN ON ALL TABLES IN SCHEMA {} TO {}").format(schema, both)
    for table in _append_only():
        yield SQL("REVOKE UPDATE, DELETE ON {} FROM {}").format(Identifier(table), both)
    for table in _READ_ONLY:
        yield SQL("REVOKE INSERT, UPDATE, DELETE ON {} FROM {}").format(Identifier(table), both)
    yield from _policies()
    yield from _keys()


def _policies() -> Iterator[Composable]:
    known = _known_policies()
    roles = {"own_tenant": application_role(), "every_tenant": crossing_role()}
    for model in tenant_tables():
        table = model._meta.db_table
        if not _rows_of(
            "SELECT 1 FROM pg_class WHERE oid = %s::regclass AND relrowsecurity AND relforcerowsecurity", table
        ):
            yield SQL("ALTER TABLE {0} ENABLE ROW LEVEL SECURITY").format(Identifier(table))
            yield SQL("ALTER TABLE {0} FORCE ROW LEVEL SECURITY").format(Identifier(table))
        for name, condition in _POLICIES.items():
            if known.get((table, name)) == (roles[name], condition):
                continue
            yield SQL("DROP POLICY IF EXISTS {} ON {}").format(Identifier(name), Identifier(table))
            yield SQL("CREATE POLICY {} ON {} TO {} USING ({}) WITH CHECK ({})").format(
                Identifier(name), Identifier(table), Identifier(roles[name]), SQL(condition), SQL(condition)
            )


def _keys() -> Iterator[Composable]:
    """Keys between tenants' tables that carry the tenant, in the place of those that do not."""
    targets: set[str] = set()
    for model in tenant_tables():
        for field in _keys_of(model):
            target = field.related_model._meta.db_table
            name = _key_name(model, field)
            if _constraint(model._meta.db_table, name):
                continue
            if target not in targets and not _constraint(target, f"{target}_with_tenant"):
                yield SQL("ALTER TABLE {} ADD CONSTRAINT {} UNIQUE ({}, tenant_id)").format(
                    Identifier(target), Identifier(f"{target}_with_tenant"), Identifier(_key(field))
                )
            targets.add(target)
            table = Identifier(model._meta.db_table)
            for plain in _plain_keys(model._meta.db_table, field.column):
                yield SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(table, Identifier(plain))
            yield SQL(
                "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}, tenant_id) REFERENCES {} ({}, tenant_id)"
                " DEFERRABLE INITIALLY DEFERRED"
            ).format(table, Identifier(name), Identifier(field.column), Identifier(target), Identifier(_key(field)))


def holes() -> list[str]:
    """Why row-level security does not hold, a sentence each; empty where it does."""
    missing = [role for role in (application_role(), crossing_role()) if not _exists(role)]
    if missing:
        return [f"There is no role {role}." for role in missing]
    return [
        *_holes_of_roles(),
        *_holes_of_tables(),
        *_holes_of_grants(),
        *_holes_of_creation(),
        *_holes_of_keys(),
        *_ways_round(),
    ]


def _holes_of_roles() -> Iterator[str]:
    application = application_role()
    if application == settings.DATABASE_OWNER["USER"]:
        yield f"DATABASE_URL and DATABASE_OWNER_URL name the same role, {application}."
    for (power,) in _rows_of(
        "SELECT power FROM pg_roles, LATERAL (VALUES (rolsuper, 'is a superuser'), (rolbypassrls, 'passes row-level "
        "security'), (rolcreaterole, 'may make roles'), (rolinherit AND rolname = %s, 'inherits what its roles may'), "
        "(rolcanlogin AND rolname <> %s, 'can sign in')) AS each (has, power) WHERE rolname IN (%s, %s) AND has",
        *(application, application, application, crossing_role()),
    ):
        yield f"The role {application}, or the one for what is across tenants, {power}."
    for (role,) in _rows_of(
        "SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles who "
        "ON who.oid = m.member WHERE who.rolname IN (%s, %s) AND r.rolname <> %s",
        *(application, crossing_role(), crossing_role()),
    ):
        yield f"The application's role is a member of {role}."
    for (table,) in _rows_of(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'S') AND relnamespace = %s::regnamespace "
        "AND pg_get_userbyid(relowner) IN (%s, %s) ORDER BY 1",
        *(_schema(), application, crossing_role()),
    ):
        yield f"The application's role owns {table}."


def _holes_of_tables() -> Iterator[str]:
    known, ours = _known_policies(), {model._meta.db_table for model in tenant_tables()}
    roles = {"own_tenant": application_role(), "every_tenant": crossing_role()}
    standing = dict(
        _rows_of(
            "SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class "
            "WHERE relkind IN ('r', 'p') AND relnamespace = %s::regnamespace",
            _schema(),
        )
    )
    for table in sorted(ours):
        if table not in standing:
            yield f"There is no table {table}: run manage.py migrate."
            continue
        if not standing[table]:
            yield f"Row-level security is not enabled and forced on {table}."
        for name, condition in _POLICIES.items():
            if known.get((table, name)) != (roles[name], condition):
                yield f"The policy {name} of {table} is missing or another."
    for table, name in sorted(known):
        if table in ours and name not in _POLICIES:
            yield f"{table} has a policy of somebody else's, {name}."
    for (table,) in _rows_of(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' "
        "WHERE c.relkind IN ('r', 'p') AND c.relnamespace = %s::regnamespace AND NOT a.attisdropped ORDER BY 1",
        _schema(),
    ):
        if table not in ours:
            yield f"The table {table} holds tenants' rows and is none of ours."


def _holes_of_grants() -> Iterator[str]:
    forbidden: dict[str, tuple[str, ...]] = dict.fromkeys(_append_only(), ("UPDATE", "DELETE", "TRUNCATE"))
    for table in _READ_ONLY:
        forbidden[table] = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")
    for (table,) in _rows_of(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = %s::regnamespace ORDER BY 1",
        _schema(),
    ):
        for act in forbidden.get(table, ("TRUNCATE",)):
            for role in (application_role(), crossing_role()):
                if _rows_of("SELECT 1 WHERE has_table_privilege(%s, %s::regclass, %s)", role, table, act):
                    yield f"The role {role} may {act} {table}."


def _holes_of_creation() -> Iterator[str]:
    """A role that may make tables can hide ours behind them: temporary ones are found first."""
    database, schema = ("DATABASE", _database()), ("SCHEMA", _schema())
    for right, (kind, name) in (("TEMPORARY", database), ("CREATE", database), ("CREATE", schema)):
        for role in (application_role(), crossing_role()):
            if _rows_of(f"SELECT 1 WHERE has_{kind.lower()}_privilege(%s, %s, %s)", role, name, right):
                revoke = f'REVOKE {right} ON {kind} "{name}" FROM PUBLIC, "{role}";'
                yield f"The role {role} may make tables that hide ours. The {kind.lower()}'s owner has to run: {revoke}"


def _holes_of_keys() -> Iterator[str]:
    for model in tenant_tables():
        for field in _keys_of(model):
            if not _constraint(model._meta.db_table, _key_name(model, field)):
                yield f"The key {model._meta.db_table}.{field.column} does not carry the tenant."
            if _plain_keys(model._meta.db_table, field.column):
                yield f"The key {model._meta.db_table}.{field.column} may point at another tenant's row."


def _ways_round() -> Iterator[str]:
    for (name,) in _rows_of(
        "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND (relkind = 'm' "
        "OR (relkind = 'v' AND NOT coalesce(reloptions @> ARRAY['security_invoker=true'], false))) ORDER BY 1",
        _schema(),
    ):
        yield f"The view {name} shows rows as its owner sees them."
    for (name,) in _rows_of(
        "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = %s::regnamespace ORDER BY 1", _schema()
    ):
        yield f"The function {name} runs as its owner."


# --- what stands ------------------------------------------------------------------------------------------------------


def _append_only() -> list[str]:
    return [model._meta.db_table for model in apps.get_models() if getattr(model, "append_only", False)]


def _keys_of(model: type[TenantModel]) -> list["models.ForeignKey[Any, Any]"]:
    """Those that point at another row of a tenant's and that the database keeps."""
    fields: list[Any] = [field for field in model._meta.local_concrete_fields if isinstance(field, models.ForeignKey)]
    return [field for field in fields if field.db_constraint and issubclass(field.related_model, TenantModel)]


def _key(field: "models.ForeignKey[Any, Any]") -> str:
    return str(field.target_field.column)


def _key_name(model: type[TenantModel], field: "models.ForeignKey[Any, Any]") -> str:
    return f"{model._meta.db_table}_{field.column}_own_tenant"[-63:]


def _schema() -> str:
    ((schema,),) = _rows_of("SELECT current_schema()")
    return str(schema)


def _database() -> str:
    return str(connection.settings_dict["NAME"])


def _exists(role: str) -> bool:
    return bool(_rows_of("SELECT 1 FROM pg_roles WHERE rolname = %s", role))


def _is_member(member: str, role: str) -> bool:
    if member != application_role() and _rows_of("SELECT 1 FROM pg_roles WHERE rolname = %s AND rolsuper", member):
        return True  # whom no policy holds
    return bool(
        _rows_of(
            "SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid "
            "JOIN pg_roles who ON who.oid = m.member WHERE who.rolname = %s AND r.rolname = %s",
            *(member, role),
        )
    )


def _constraint(table: str, name: str) -> bool:
    return bool(_rows_of("SELECT 1 FROM pg_constraint WHERE conrelid = %s::regclass AND conname = %s", table, name))


def _plain_keys(table: str, column: str) -> list[str]:
    """Keys of that column alone."""
    rows = _rows_of(
        "SELECT conname FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attname = %s "
        "WHERE conrelid = %s::regclass AND contype = 'f' AND conkey = ARRAY[attnum]",
        *(column, table),
    )
    return [name for (name,) in rows]


def _known_policies() -> dict[tuple[str, str], tuple[str, str]]:
    """(table, policy) to its one role and its condition, for reading and writing alike."""
    rows = _rows_of(
        "SELECT tablename, policyname, array_to_string(roles, ','), qual, with_check FROM pg_policies "
        "WHERE schemaname = %s AND permissive = 'PERMISSIVE' AND cmd = 'ALL'",
        _schema(),
    )
    return {(table, name): (roles, qual if qual == check else "") for table, name, roles, qual, check in rows}


def _rows_of(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return list(cursor.fetchall())
