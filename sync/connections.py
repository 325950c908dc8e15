"""Connections as acts: add, check, rotate the token, speak to the vendor."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from portal.tenants import wall
from portal.tenants.models.tenants import Environment, Tenant
from portal.vault import Masked, VaultError, keyed_hash
from sync.budget import Allowance, note_request
from sync.models.connections import Connection, ConnectionState
from sync.providers import registry
from sync.providers.base import Access, Provider, UpstreamError
from sync.taxonomy import Fault

logger = logging.getLogger("ringbook.sync")

CHECK_REJECTED = timedelta(minutes=15)  # how often a rejected token is tried again


class ConnectionRefused(ValueError):
    """A connection can't be made as described; the text is one sentence for whoever described it."""


def fingerprint(provider: str, token: str) -> str:
    """Recognises a token without holding it."""
    return keyed_hash("token", provider, token)


def access_of(connection: Connection) -> Access:
    """What the provider needs, with the token as it is stored now. Alone in opening the vault.

    Raises UpstreamError REJECTED when the stored token does not open: no vendor can accept it.
    """
    try:
        with wall.tenant(connection.tenant_id):
            token = Connection.objects.values_list("token", flat=True).get(pk=connection.pk)
    except VaultError as error:
        raise UpstreamError(Fault.REJECTED, str(error)) from error
    return Access(
        base_url=connection.base_url.rstrip("/"),
        token=token.reveal() if isinstance(token, Masked) else str(token),
        settings=dict(connection.settings),
        allow_private=settings.UPSTREAM_ALLOW_PRIVATE,
    )


def check_connection(connection: Connection) -> None:
    """Prove that address and token serve, with one request of the budget; notes a token that was accepted again.

    Raises UpstreamError; THROTTLED also when the budget has no request left now.
    """
    provider, access = registry.get(connection.provider), access_of(connection)
    if wait := Allowance(connection).take():
        raise UpstreamError(Fault.THROTTLED, "No request may leave now.", retry_after=wait)
    check_access(provider, access)
    accept(connection)


def reject(connection: Connection) -> None:
    """Note that the vendor rejects the token. One changed meanwhile, or a paused connection, is left alone."""
    if _move(connection, ConnectionState.OK, ConnectionState.REJECTED, timezone.now() + CHECK_REJECTED):
        logger.warning("connection %s: the vendor rejects its token", connection.public_id)


def accept(connection: Connection) -> None:
    """Note that the vendor accepts a token that it had rejected."""
    _move(connection, ConnectionState.REJECTED, ConnectionState.OK, None)


def _move(connection: Connection, was: ConnectionState, state: ConnectionState, next_check: datetime | None) -> bool:
    same = Connection.objects.filter(pk=connection.pk, state=was, token_fingerprint=connection.token_fingerprint)
    moved = bool(same.update(state=state, state_since=timezone.now(), next_check_at=next_check))
    if moved:
        connection.state = state
    return moved


def check_access(provider: Provider, access: Access) -> None:
    """Like :func:`check_connection`, before anything is saved."""
    with provider.session(access) as http:
        provider.check(http)


@dataclass(frozen=True, slots=True)
class Description:
    """A connection as somebody described it."""

    name: str  # of the new environment
    provider: str
    base_url: str
    since: date
    token: str = field(default="", repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)


def add_connection(tenant: Tenant, wanted: Description, *, check: bool = True) -> Connection:
    """A new environment with its connection, tested first.

    Raises ConnectionRefused or UpstreamError, and then saves nothing. The wall of ``tenant`` must be open.
    """
    try:
        provider = registry.get(wanted.provider)
    except KeyError as error:
        raise ConnectionRefused(f"There is no vendor {wanted.provider!r}.") from error
    try:
        chosen = provider.check_settings(wanted.settings)
    except ValueError as error:
        raise ConnectionRefused(str(error)) from error
    base_url = wanted.base_url.rstrip("/")
    if not base_url.startswith(("https://", "http://") if settings.UPSTREAM_ALLOW_PRIVATE else "https://"):
        raise ConnectionRefused("The base address must begin with https://.")
    if not wanted.token and wanted.provider == "talkover":
        raise ConnectionRefused("The token is empty.")
    if Environment.objects.filter(name=wanted.name).exists():
        raise ConnectionRefused(f"There is an environment {wanted.name!r} already.")
    access = Access(base_url, wanted.token, chosen, settings.UPSTREAM_ALLOW_PRIVATE)
    provider.session(access).close()  # proves the form of address and header; sends nothing
    if check:
        check_access(provider, access)
    try:
        return _save(tenant, wanted, access, checked=check)
    except IntegrityError as error:
        raise ConnectionRefused(f"There is an environment {wanted.name!r} already.") from error


def _save(tenant: Tenant, wanted: Description, access: Access, *, checked: bool) -> Connection:
    with transaction.atomic():
        environment = Environment.objects.create(tenant=tenant, name=wanted.name, provider=wanted.provider)
        connection = Connection.objects.create(
            tenant=tenant,
            environment=environment,
            provider=wanted.provider,
            base_url=access.base_url,
            settings=access.settings,
            token=wanted.token,
            token_fingerprint=fingerprint(wanted.provider, wanted.token) if wanted.token else "",
            token_changed_at=timezone.now(),
            since=wanted.since,
        )
        if checked:
            note_request(connection)
        return connection


def change_token(connection: Connection, token: str, *, check: bool = True) -> None:
    """Replace the token; a running read takes the new one up by itself, and a paused connection stays paused.

    With ``check`` the vendor is asked first; raises UpstreamError, and then changes nothing.
    """
    if check:
        access = Access(
            connection.base_url.rstrip("/"), token, dict(connection.settings), settings.UPSTREAM_ALLOW_PRIVATE
        )
        if wait := Allowance(connection).take():
            raise UpstreamError(Fault.THROTTLED, "No request may leave now.", retry_after=wait)
        check_access(registry.get(connection.provider), access)
    connection.token = Masked(token)
    connection.token_fingerprint = fingerprint(connection.provider, token)
    connection.token_changed_at = timezone.now()
    connection.save(update_fields=["token", "token_fingerprint", "token_changed_at"])
    accept(connection)


def is_token_used(provider_key: str, token: str) -> bool:
    """Whether some environment, anybody's, is filled with this token already. Worth a warning that names nobody."""
    with wall.every_tenant("a new token is compared with those in use"):
        return Connection.objects.filter(token_fingerprint=fingerprint(provider_key, token)).exists()


def explain(error: UpstreamError) -> str:
    """One sentence for an administrator about a failed request."""
    said = f" The vendor said: {error.detail}" if error.detail else ""
    return {
        Fault.REJECTED: "The vendor rejected the token.",
        Fault.FORBIDDEN: "The vendor does not let this token read.",
        Fault.NOT_FOUND: "The vendor knows nothing at this address: is the base address right?",
        Fault.ADDRESS: "The base address is not allowed: it must be https and public.",
        Fault.NOT_JSON: "The base address does not answer with JSON: is it right?",
        Fault.THROTTLED: "The vendor asks to wait before the next request.",
        Fault.TIMEOUT: "The vendor did not answer in time.",
        Fault.NETWORK: "The base address cannot be reached.",
    }.get(error.fault, f"The vendor could not be read ({error.fault}).") + said
