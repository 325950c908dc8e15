"""A company's identity provider as acts of its owners: set up, change, remove; forget whom it knows. All audited."""

from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from django.db import transaction
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.accounts.models import Identity, IdentityProvider, Session, Way
from portal.accounts.sso.discovery import describe, read_keys
from portal.accounts.sso.refusals import Unusable
from portal.audit.record import record
from portal.lib.outward.trials import TESTS
from portal.tenants import wall
from portal.tenants.models.people import User
from portal.tenants.models.tenants import Tenant


@dataclass(frozen=True, slots=True)
class Wanted:
    """A provider as an owner wants it. An empty secret keeps the one that is stored."""

    issuer: str
    client_id: str
    client_secret: str
    domains: tuple[str, ...]
    required: bool
    takes_strangers: bool
    factor_counts: bool
    factor_acr: str


def provider_of(tenant: Tenant) -> IdentityProvider | None:
    with wall.tenant(tenant):
        return IdentityProvider.objects.filter(tenant=tenant).first()


def address_id(tenant: Tenant) -> UUID:
    """What the addresses of a tenant's sign-in hold: known before it is set up, and to be guessed by nobody."""
    return UUID(bytes=salted_hmac("portal.accounts.sso", str(tenant.pk), algorithm="sha256").digest()[:16], version=4)


def try_out(tenant: Tenant, issuer: str) -> str:
    """Ask the provider, and say in a sentence how it answers. Raises :class:`Unusable`, and TooManyTrials."""
    with TESTS.take(tenant.pk):
        count = len(read_keys(describe(issuer).keys).keys)
    sentence = ngettext(
        "The provider answers, and names %(count)d key.", "The provider answers, and names %(count)d keys.", count
    )
    return sentence % {"count": count}


def save(tenant: Tenant, wanted: Wanted, *, by: User) -> IdentityProvider:
    """Set the provider up, or change it; it is asked first. Raises :class:`Unusable`, and then nothing is changed.

    Its secret stays where it was given: another issuer needs it anew. With another issuer or client the subjects mean
    other people, so all are forgotten, and whoever came by the provider is signed out.
    """
    try_out(tenant, wanted.issuer)
    with wall.tenant(tenant), transaction.atomic():
        Tenant.objects.select_for_update().get(pk=tenant.pk)  # two owners at once set up one
        row = IdentityProvider.objects.filter(tenant=tenant).first()
        kept = row is not None and (row.issuer, row.client_id) == (wanted.issuer, wanted.client_id)
        if not wanted.client_secret and not kept:
            raise Unusable(_("Enter the client secret: another issuer or client has another."))
        if wanted.required and not (kept and Identity.objects.filter(provider=row).exists()):
            raise Unusable(_("Somebody has to sign in this way first, before it is asked of everybody."))
        was = _told(row, tenant)
        if row is not None and not kept:
            _forget(list(Identity.objects.filter(provider=row)))
        provider = row or IdentityProvider(tenant=tenant, public_id=address_id(tenant))
        provider.issuer, provider.client_id = wanted.issuer, wanted.client_id
        provider.domains = list(wanted.domains)
        provider.takes_strangers, provider.factor_counts = wanted.takes_strangers, wanted.factor_counts
        provider.factor_acr = wanted.factor_acr
        if wanted.client_secret:
            provider.client_secret = wanted.client_secret
        provider.save()
        _require(tenant, wanted.required)
        changes = {name: (was.get(name), value) for name, value in _told(provider, tenant).items()}
        action = "provider.changed" if row is not None else "provider.created"
        record(
            action,
            tenant_id=tenant.pk,
            user=by,
            about={"secret": "new" if wanted.client_secret else "kept"},
            changes=changes,
        )
    return provider


def remove(tenant: Tenant, *, by: User) -> None:
    """Take the provider away. Whoever came by it is signed out; passwords serve again."""
    with wall.tenant(tenant), transaction.atomic():
        provider = IdentityProvider.objects.filter(tenant=tenant).first()
        if provider is None:
            return
        _forget(list(Identity.objects.filter(provider=provider)))
        _require(tenant, False)
        provider.delete()
        record("provider.removed", tenant_id=tenant.pk, user=by)


def unbind(identity: Identity, *, by: User) -> None:
    """Forget by which account the provider knows a member; his next sign-in by it binds him anew."""
    with wall.tenant(identity.tenant_id), transaction.atomic():
        _forget([identity])
        record("provider.unbound", tenant_id=identity.tenant_id, user=by, about={"user": identity.user_id})


def _forget(identities: list[Identity]) -> None:
    people = [identity.user_id for identity in identities]
    Session.objects.filter(user_id__in=people, way=Way.PROVIDER).delete()
    for identity in identities:
        identity.delete()


def _require(tenant: Tenant, required: bool) -> None:
    tenant.requires_provider = required
    tenant.save(update_fields=["requires_provider"])


def _told(provider: IdentityProvider | None, tenant: Tenant) -> dict[str, str | bool | list[str]]:
    """What of a provider the audit keeps: never a secret."""
    if provider is None:
        return {}
    place = urlsplit(provider.issuer)
    return {
        "host": f"{place.scheme}://{place.netloc}"[:100],  # an address of digits alone would pass for a phone number
        "domains": list(provider.domains),
        "required": tenant.requires_provider,
        "takes_strangers": provider.takes_strangers,
        "factor_counts": provider.factor_counts,
    }
