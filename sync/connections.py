"""Connections as acts: add, check, rotate the token, speak to the vendor."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from portal.obstacles import OUTWARD, in_words
from portal.tenants import wall
from portal.tenants.models.tenants import Environment, Tenant
from portal.vault import ROW, Masked, VaultError, keyed_hash
from sync.budget import Allowance, note_request
from sync.history import WrongDay, check_day
from sync.models.connections import Connection, ConnectionState
from sync.models.runs import Window, WindowState
from sync.providers import registry
from sync.providers.access import Access
from sync.providers.base import Provider
from sync.providers.errors import UpstreamError, WrongPath
from sync.taxonomy import Fault

logger = logging.getLogger("ringbook.sync")

READ = (ConnectionState.OK, ConnectionState.UNTESTED)  # the states in which workers read
# Faults whose details are words of ours, since the vendor said nothing; those that a test of a connection meets.
_OURS = frozenset({Fault.NETWORK, Fault.TIMEOUT, Fault.ADDRESS, Fault.TRUNCATED, Fault.TOO_LARGE, Fault.NOT_JSON})
_DETAILS = (
    *OUTWARD,
    gettext_noop("The answer ended before its end."),
    gettext_noop("The answer's compression is broken."),
    gettext_noop("The host's certificate is not valid: %(reason)s."),
    gettext_noop("No secure connection: %(reason)s."),
    gettext_noop("The connection broke."),
    gettext_noop("The connection broke: %(reason)s."),
    gettext_noop("The whole answer took longer than %(reason)s seconds."),
    gettext_noop("The answer did not begin within %(reason)s seconds."),
    gettext_noop("Nothing came for %(reason)s seconds."),
    gettext_noop("The answer came more slowly than %(reason)s bytes a second."),
    gettext_noop("The answer is made of anything but content."),
    gettext_noop("The answer is compressed more than %(reason)s times."),
    gettext_noop("The answer is nested more than %(reason)s deep."),
    gettext_noop("The answer holds more brackets than content."),
    gettext_noop("The answer holds more than %(reason)s elements."),
    gettext_noop("The answer holds more than %(reason)s elements without an id."),
    gettext_noop("The document does not begin with %(reason)s."),
    gettext_noop("The document is not JSON."),
    gettext_noop("The document is empty."),
    gettext_noop("The document ends early."),
    gettext_noop("Something follows the end of the document."),
    gettext_noop("An element between two commas is missing."),
    gettext_noop("Ringbook itself failed at the answer. Its log says where."),
)
_OF_ADDRESS_TOO = frozenset({Fault.REJECTED, Fault.FORBIDDEN, Fault.NOT_FOUND, Fault.NOT_JSON, Fault.FORM})
_PORTS = {"https": 443, "http": 80}
TRIAL_SECONDS = 45.0  # for tests that a person waits for: a vendor gathers a history before its first byte
CHECK_REJECTED = timedelta(minutes=15)  # how often a rejected token is tried again


class TokenSealed(Exception):
    """The stored token does not open with the keys at hand: a fault of this installation, of which the vendor knows
    nothing. No state changes by it. The text is one sentence that names the missing key by its mark."""


class ConnectionRefused(ValueError):
    """A connection can't be made as described; the text is one sentence for whoever described it."""


class ChangedMeanwhile(ConnectionRefused):
    """Somebody else changed the connection after it was looked at."""

    def __str__(self) -> str:
        return _("Somebody changed this connection meanwhile, so nothing was saved. Look at it and try again.")


def fingerprint(provider: str, token: str) -> str:
    """Recognises a token without holding it; that of no token is empty."""
    return keyed_hash("token", provider, token) if token else ""


def destination(provider: Provider, base_url: str, settings: Mapping[str, str]) -> dict[str, str]:
    """Where a token goes and in which form: host with scheme and port, and the settings that carry it.

    A token was given for one destination; whoever changes that has to give the token anew. Raises ValueError for an
    address that is none.
    """
    parts = urlsplit(base_url)
    host = f"{parts.scheme}://{parts.hostname or ''}:{parts.port or _PORTS.get(parts.scheme, 0)}"
    carried = {field.key: settings.get(field.key, field.default) for field in provider.fields if field.carries_token}
    return {"host": host[:200]} | carried


def access_of(connection: Connection) -> Access:
    """What the provider needs, as it is stored now: a token is used with the address that it was given for, whatever
    ``connection`` says that was found earlier. Raises TokenSealed.
    """
    stored = _stored(connection)
    return access_with(stored, stored.token)


def access_unsaved(connection: Connection) -> Access:
    """What the provider needs of a connection that is changed and not saved yet, with the token that is stored.

    Raises TokenSealed, and ChangedMeanwhile where that token is for another destination.
    """
    stored, provider = _stored(connection), registry.get(connection.provider)
    now, changed = (destination(provider, row.base_url, row.settings) for row in (stored, connection))
    if now != changed:
        raise ChangedMeanwhile
    return access_with(connection, stored.token)


def _stored(connection: Connection) -> Connection:
    """Alone in opening the vault."""
    try:
        with wall.tenant(connection.tenant_id):
            stored: Connection = Connection.objects.only("token", "base_url", "settings", *ROW).get(pk=connection.pk)
            stored.token  # noqa: B018 - opens the vault
    except VaultError as error:
        raise TokenSealed(str(error)) from error
    return stored


def access_with(connection: Connection, token: str) -> Access:
    """What the provider needs to use a connection with ``token``."""
    return Access(
        base_url=connection.base_url.rstrip("/"),
        token=token.reveal() if isinstance(token, Masked) else str(token),
        settings=dict(connection.settings),
        allow_private=settings.UPSTREAM_ALLOW_PRIVATE,
    )


def sealed(keys: Collection[int]) -> dict[int, str]:
    """Those of the connections whose token does not open here, with the sentence that says why. One query."""
    sentences = {}
    for row in Connection.objects.filter(pk__in=keys).only("token", *ROW):
        try:
            row.token  # noqa: B018 - opens the vault
        except VaultError as error:
            sentences[row.pk] = str(error)
    return sentences


def check_connection(connection: Connection) -> None:
    """Prove that address and token serve, with one request of the budget; notes a token that was accepted again.

    Raises TokenSealed, or UpstreamError; THROTTLED also when the budget has no request left now.
    """
    test(connection, access_of(connection))
    Connection.objects.filter(pk=connection.pk).update(tested_at=timezone.now())
    accept(connection)


def reject(connection: Connection) -> None:
    """Note that the vendor rejects the token. One changed meanwhile, or a paused connection, is left alone."""
    if _move(connection, READ, ConnectionState.REJECTED, timezone.now() + CHECK_REJECTED):
        logger.warning("connection %s: the vendor rejects its token", connection.public_id)


def accept(connection: Connection) -> None:
    """Note that the vendor accepts a token that it had rejected, or had not seen; what it refused is due again then."""
    if _move(connection, (ConnectionState.REJECTED, ConnectionState.UNTESTED), ConnectionState.OK, None):
        _retry_refused(connection)


def _retry_refused(connection: Connection) -> None:
    refused = Window.objects.filter(environment_id=connection.environment_id, fault=Fault.REJECTED)
    refused.filter(state=WindowState.INCOMPLETE).update(next_attempt_at=timezone.now())


def _move(
    connection: Connection, was: Collection[ConnectionState], state: ConnectionState, next_check: datetime | None
) -> bool:
    same = Connection.objects.filter(pk=connection.pk, token_fingerprint=connection.token_fingerprint)
    moved = bool(
        same.filter(state__in=was)
        .exclude(state=state)
        .update(state=state, state_since=timezone.now(), next_check_at=next_check)
    )
    if moved:
        connection.state = state
    return moved


def check_access(provider: Provider, access: Access) -> None:
    """Like :func:`check_connection`, before anything is saved. Raises WrongPath where the address may be what is wrong:
    some vendors answer 401 at any address below their host.
    """
    with provider.session(access) as http:
        try:
            provider.check(http)
        except UpstreamError as error:
            path = urlsplit(access.base_url).path.rstrip("/")
            if error.fault in _OF_ADDRESS_TOO and not path.endswith(provider.base_path):
                raise WrongPath(provider.base_path, error) from error
            raise


@dataclass(frozen=True, slots=True)
class Description:
    """A connection as somebody described it."""

    name: str  # of the new environment
    provider: str
    base_url: str
    since: date
    token: str = field(default="", repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)


def add_connection(tenant: Tenant, description: Description, *, check: bool = True, begin: bool = True) -> Connection:
    """A new environment with its connection, tested first. Without ``begin`` it is paused until somebody says so.

    Raises ConnectionRefused or UpstreamError, and then saves nothing. The wall of ``tenant`` must be open.
    """
    access = prepared(tenant, description)
    if check:
        check_access(registry.get(description.provider), access)
    return keep(tenant, description, access, tested=check, begin=begin)


def prepared(tenant: Tenant, description: Description) -> Access:
    """What a described connection would be tested with; asks no vendor. Raises as :func:`add_connection`."""
    try:
        provider = registry.get(description.provider)
    except KeyError as error:
        raise ConnectionRefused(_("There is no vendor '%(key)s'.") % {"key": description.provider}) from error
    try:
        chosen = provider.check_settings(description.settings)
    except ValueError as error:
        raise ConnectionRefused(str(error)) from error
    base_url = description.base_url.rstrip("/")
    if not base_url.startswith(("https://", "http://") if settings.UPSTREAM_ALLOW_PRIVATE else "https://"):
        raise ConnectionRefused(_("The base address must begin with https://."))
    if not description.token and provider.needs_token:
        raise ConnectionRefused(_("The token is empty."))
    try:
        check_day(description.since)
    except WrongDay as error:
        raise ConnectionRefused(str(error)) from error
    refuse_elsewhere(tenant.pk, description.provider, description.token)
    if Environment.objects.filter(name=description.name).exists():
        raise _name_taken(description)
    access = Access(base_url, description.token, chosen, settings.UPSTREAM_ALLOW_PRIVATE)
    provider.session(access).close()  # proves the form of address and header; sends nothing
    return access


def keep(tenant: Tenant, description: Description, access: Access, *, tested: bool, begin: bool = True) -> Connection:
    """Save what was :func:`prepared`. Raises ConnectionRefused for a name that was taken meanwhile."""
    try:
        return _save(tenant, description, access, _first_state(tested, begin))
    except IntegrityError as error:
        raise _name_taken(description) from error


def _name_taken(description: Description) -> ConnectionRefused:
    return ConnectionRefused(_("There is an environment '%(name)s' already.") % {"name": description.name})


def _first_state(checked: bool, begin: bool) -> dict[str, Any]:
    now = timezone.now()
    state = ConnectionState.OK if checked else ConnectionState.UNTESTED
    return {"state": state if begin else ConnectionState.PAUSED, "tested_at": now if checked else None}


def _save(tenant: Tenant, description: Description, access: Access, first: Mapping[str, Any]) -> Connection:
    with transaction.atomic():
        environment = Environment.objects.create(tenant=tenant, name=description.name, provider=description.provider)
        connection = Connection.objects.create(
            tenant=tenant,
            environment=environment,
            provider=description.provider,
            base_url=access.base_url,
            settings=access.settings,
            token=description.token,
            token_fingerprint=fingerprint(description.provider, description.token),
            token_changed_at=timezone.now(),
            since=description.since,
            state_since=timezone.now(),
            **first,
        )
        if first["tested_at"]:
            note_request(connection)
        return connection


def change_token(connection: Connection, token: str, *, check: bool = True) -> None:
    """Replace the token; a running read takes the new one up by itself, and a paused connection stays paused.

    With ``check`` the vendor is asked first. Raises ConnectionRefused or UpstreamError, and then changes nothing.
    """
    refuse_elsewhere(connection.tenant_id, connection.provider, token)
    if check:
        test(connection, access_with(connection, token))
    connection.token = Masked(token)
    connection.token_fingerprint = fingerprint(connection.provider, token)
    connection.token_changed_at = timezone.now()
    connection.save(update_fields=["token", "token_fingerprint", "token_changed_at"])
    note_tested(connection, well=check)


def forget_token(connection: Connection) -> None:
    """Keep the token no longer. The connection must not be read any more then."""
    connection.token, connection.token_fingerprint, connection.tested_at = Masked(""), "", None
    connection.save(update_fields=["token", "token_fingerprint", "tested_at"])


def test(connection: Connection, access: Access) -> None:
    """Like :func:`check_connection`, with an access that is not saved yet. Changes nothing but the budget."""
    if wait := Allowance(connection).take():
        raise UpstreamError(Fault.THROTTLED, _("No request may leave now."), retry_after=wait)
    check_access(registry.get(connection.provider), access)


def note_tested(connection: Connection, *, well: bool) -> None:
    """Note that address and token, as they are saved now, were tested well, or not at all. What is paused stays so."""
    now, state = timezone.now(), ConnectionState.OK if well else ConnectionState.UNTESTED
    same = Connection.objects.filter(pk=connection.pk)
    same.update(tested_at=now if well else None)
    if same.exclude(state__in=(state, ConnectionState.PAUSED)).update(state=state, state_since=now, next_check_at=None):
        connection.state = state
        _retry_refused(connection)


def is_token_shared(provider_key: str, token: str) -> bool:
    """Whether an environment of the active tenant is filled with this token already. Worth a warning."""
    return bool(token) and Connection.objects.filter(token_fingerprint=fingerprint(provider_key, token)).exists()


def refuse_elsewhere(tenant_id: int, provider_key: str, token: str) -> None:
    """Raise ConnectionRefused for a token that fills an environment of another tenant: pasted by mistake, it would show
    one company's calls to another. Whose it is, nobody is told.
    """
    with wall.every_tenant("a new token is compared with those in use"):
        same = Connection.objects.filter(token_fingerprint=fingerprint(provider_key, token))
        if token and same.exclude(tenant_id=tenant_id).exists():
            raise ConnectionRefused(_("This token can't be used here. Ask the vendor for one of your own."))


def explain(error: UpstreamError) -> str:
    """One sentence for an administrator about a failed request."""
    if isinstance(error, WrongPath):
        return _("The vendor refused the request. Check the base address first: it usually ends with %(path)s.") % {
            "path": error.expected
        }
    detail = ""
    if error.detail:
        ours = error.fault in _OURS or error.detail in _DETAILS
        detail = " " + (
            in_words(error.detail, _DETAILS) if ours else _("The vendor said: %(detail)s") % {"detail": error.detail}
        )
    sentences = {
        Fault.REJECTED: _("The vendor rejected the token."),
        Fault.FORBIDDEN: _("The vendor does not let this token read."),
        Fault.NOT_FOUND: _("The vendor knows nothing at this address: is the base address right?"),
        Fault.ADDRESS: _("The base address is not allowed: it must be https and public."),
        Fault.NOT_JSON: _("The base address does not answer with JSON: is it right?"),
        Fault.THROTTLED: _("The vendor asks to wait before the next request."),
        Fault.TIMEOUT: _("The vendor did not answer in time."),
        Fault.NETWORK: _("The base address cannot be reached."),
    }
    return sentences.get(error.fault, _("The vendor could not be read (%(fault)s).") % {"fault": error.fault}) + detail
