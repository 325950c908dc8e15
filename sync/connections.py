"""Connections as acts: add, check, rotate the token, speak to the vendor."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from portal.tenants import wall
from portal.tenants.models.tenants import Environment, Tenant
from portal.vault import Masked, keyed_hash
from sync.models.connections import Connection, ConnectionState
from sync.providers import registry
from sync.providers.base import Access, Provider, UpstreamError
from sync.taxonomy import Fault


class ConnectionRefused(ValueError):
    """A connection can't be made as described; the text is one sentence for whoever described it."""


def fingerprint(provider: str, token: str) -> str:
    """Recognises a token without holding it."""
    return keyed_hash("token", provider, token)


def access_of(connection: Connection) -> Access:
    """What the provider needs; opens the vault."""
    token = connection.token
    return Access(
        base_url=connection.base_url.rstrip("/"),
        token=token.reveal() if isinstance(token, Masked) else str(token),
        settings=dict(connection.settings),
        allow_private=settings.UPSTREAM_ALLOW_PRIVATE,
    )


def check_connection(connection: Connection) -> None:
    """Prove that address and token serve. Raises UpstreamError, and notes a token that was accepted again."""
    check_access(registry.get(connection.provider), access_of(connection))
    if connection.state == ConnectionState.REJECTED:
        set_state(connection, ConnectionState.OK)


def set_state(connection: Connection, state: ConnectionState) -> None:
    connection.state, connection.state_since, connection.next_check_at = state, timezone.now(), None
    connection.save(update_fields=["state", "state_since", "next_check_at"])


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
    if check:
        check_access(provider, Access(base_url, wanted.token, chosen, settings.UPSTREAM_ALLOW_PRIVATE))
    with transaction.atomic():
        environment = Environment.objects.create(tenant=tenant, name=wanted.name, provider=wanted.provider)
        return Connection.objects.create(
            tenant=tenant,
            environment=environment,
            provider=wanted.provider,
            base_url=base_url,
            settings=chosen,
            token=wanted.token,
            token_fingerprint=fingerprint(wanted.provider, wanted.token) if wanted.token else "",
            token_changed_at=timezone.now(),
            since=wanted.since,
        )


def change_token(connection: Connection, token: str, *, check: bool = True) -> None:
    """Replace the token; a running read takes the new one up by itself. Raises as :func:`add_connection`."""
    if check:
        access = access_of(connection)
        check_access(
            registry.get(connection.provider), Access(access.base_url, token, access.settings, access.allow_private)
        )
    connection.token = Masked(token)
    connection.token_fingerprint = fingerprint(connection.provider, token)
    connection.token_changed_at = timezone.now()
    connection.state, connection.state_since, connection.next_check_at = ConnectionState.OK, timezone.now(), None
    connection.save()


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
