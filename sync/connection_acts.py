"""What people do with a connection on its page: each act is audited, and safe to press twice."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import transaction
from django.utils import timezone

from portal.audit.record import CHANGED, Changes, record
from portal.lib.outward.trials import TESTS
from portal.tenants.models.tenants import Tenant
from sync.connections import (
    TRIAL_SECONDS,
    ChangedMeanwhile,
    Description,
    add_connection,
    change_token,
    check_connection,
    destination,
    forget_token,
    keep,
    note_tested,
)
from sync.models.connections import Connection, ConnectionState
from sync.providers import registry
from sync.providers.access import Access
from sync.rerun import request_days, request_run

_SAVED = ("base_url", "settings", "since", "rate_per_minute")  # what a form holds beside the token


@dataclass(frozen=True, slots=True)
class By:
    """Who acts, and from which address."""

    user: Any
    address: str | None


def add(tenant: Tenant, description: Description, by: By) -> Connection:
    """A tested connection that waits for the day from which to read; raises as :func:`add_connection`."""
    with TESTS.take(tenant.pk, seconds=TRIAL_SECONDS):
        connection = add_connection(tenant, description, begin=False)
    changes: Changes = {"host": (None, _host(connection)), "since": (None, connection.since)}
    _note("connection.created", connection, by, changes)
    return connection


def add_tested(tenant: Tenant, description: Description, access: Access, by: By) -> Connection:
    """Save a connection that was tested just now, and read it. Raises ConnectionRefused."""
    with transaction.atomic():
        connection = keep(tenant, description, access, tested=True)
        request_run(connection)
        _note("connection.created", connection, by)
    return connection


def begin(connection: Connection, since: date, by: By) -> None:
    """Read from ``since`` on. What was read from before it stays."""
    with transaction.atomic():
        was, connection.since = connection.since, since
        connection.save(update_fields=["since"])
        if was != since:
            _note("connection.changed", connection, by, {"since": (was, since)})
    resume(connection, by)


def pause(connection: Connection, by: By) -> None:
    """Read nothing until it is resumed."""
    paused = (ConnectionState.PAUSED, ConnectionState.REMOVED)
    with transaction.atomic():
        if _others(connection, *paused).update(state=ConnectionState.PAUSED, state_since=timezone.now()):
            _note("connection.paused", connection, by, _becomes(connection, ConnectionState.PAUSED))


def resume(connection: Connection, by: By) -> None:
    """Read again; the vendor's first answer tells whether the token still serves."""
    with transaction.atomic():
        paused = Connection.objects.filter(pk=connection.pk, state=ConnectionState.PAUSED)
        state = ConnectionState.OK if connection.tested_at else ConnectionState.UNTESTED
        if paused.update(state=state, state_since=timezone.now(), next_check_at=None):
            request_run(connection)
            _note("connection.resumed", connection, by, {"state": (str(ConnectionState.PAUSED), str(state))})


def remove(connection: Connection, by: By) -> None:
    """Forget the token and read nothing more. The environment and its history stay, and a new token connects it."""
    with transaction.atomic():
        if not _others(connection, ConnectionState.REMOVED).update(
            state=ConnectionState.REMOVED, state_since=timezone.now(), next_check_at=None
        ):
            return
        forget_token(connection)
        _note("connection.removed", connection, by, _becomes(connection, ConnectionState.REMOVED))


def check(connection: Connection, by: By) -> None:
    """Ask the vendor once; never within a transaction. Raises as :func:`check_connection`."""
    _note("connection.tested", connection, by)
    with TESTS.take(connection.tenant_id, seconds=TRIAL_SECONDS):
        check_connection(connection)
    if connection.state == ConnectionState.OK:
        request_run(connection)


def read(connection: Connection, by: By) -> None:
    """Read what is recent, and what failed, at the next chance."""
    with transaction.atomic():
        request_run(connection)
        _note("connection.read_again", connection, by)


def reread(connection: Connection, first: date, last: date, by: By) -> int:
    """Read some UTC days again; how many windows that are."""
    with transaction.atomic():
        windows = request_days(connection, first, last)
        _note("connection.read_again", connection, by)
    return windows


def change(form: Any, by: By) -> None:
    """Save what a valid :class:`~sync.connection_form.ConnectionForm` holds, once it was tested.

    Raises ConnectionRefused when the token came into use elsewhere meanwhile, and ChangedMeanwhile when the connection
    is no longer what the form was made of: then nothing changes.
    """
    connection: Connection = form.instance
    with transaction.atomic():
        _demand_unchanged(form)
        connection.save(update_fields=_SAVED)
        if form.cleaned_data["new_token"]:
            change_token(connection, form.cleaned_data["new_token"], check=False)
            _note("connection.token_changed", connection, by)
        if form.moves:
            _note("connection.moved", connection, by, {name: form.moves[name] for name in form.moves if name == "host"})
        if form.is_reset:
            _note("connection.changed", connection, by, _reset(form))
        if form.is_proven is not None:
            note_tested(connection, well=form.is_proven)
        if connection.state not in (ConnectionState.PAUSED, ConnectionState.REMOVED):
            request_run(connection)


def _demand_unchanged(form: Any) -> None:
    """A test takes its time. Who saved an address meanwhile gave a token for it, which would leave for the form's."""
    stored = Connection.objects.select_for_update(of=("self",)).defer("token").get(pk=form.instance.pk)
    removed = stored.state == ConnectionState.REMOVED and form.instance.state != ConnectionState.REMOVED
    if removed or any(getattr(stored, name) != form.initial[name] for name in _SAVED):
        raise ChangedMeanwhile


def _others(connection: Connection, *states: ConnectionState) -> Any:
    return Connection.objects.filter(pk=connection.pk).exclude(state__in=states)


def _host(connection: Connection) -> str:
    return destination(registry.get(connection.provider), connection.base_url, connection.settings)["host"]


def _becomes(connection: Connection, state: ConnectionState) -> Changes:
    return {"state": (str(connection.state), str(state))}


def _reset(form: Any) -> Changes:
    """What the form set otherwise: before and after of day and rate, of the rest that it changed."""
    was, now = form.initial, form.cleaned_data
    told = {name: (was.get(name), now[name]) for name in ("since", "rate_per_minute")}
    return told | {name: (None, CHANGED) for name in ("base_url", "settings") if was.get(name) != now[name]}


def _note(action: str, connection: Connection, by: By, changes: Changes | None = None) -> None:
    about = {"connection": str(connection.public_id)}
    record(action, tenant_id=connection.tenant_id, user=by.user, about=about, changes=changes, address=by.address)
