"""The address of a company's sign-in by mail, to whoever asks for it.

Which companies are here must not show: the page says the same for every address, and for a stranger's a letter is
written as well, which never leaves.
"""

from uuid import uuid4

from django.utils import translation
from django.utils.translation import gettext as _

from portal.accounts.letters import put_letter
from portal.accounts.members import find_person
from portal.accounts.models import IdentityProvider
from portal.accounts.sso.flow import start_address
from portal.accounts.sso.people import speaks_for
from portal.outbox import post
from portal.outbox.models import Letter
from portal.outbox.render import Button, letter
from portal.tenants import wall
from portal.tenants.brand import look_of
from portal.tenants.guards import places_of
from portal.tenants.models.people import User
from portal.tenants.models.tenants import Tenant

_NOBODYS = IdentityProvider(tenant=Tenant(name="-"))


def send_addresses(email: str) -> None:
    """Mail the address of sign-in of each company whose provider speaks for that address and would let it in."""
    user = find_person(email) or User(pk=0, email=email)  # a stranger: he has no row
    providers = _letting_in(user)
    with translation.override(user.language or translation.get_language()):
        for provider in providers or [_NOBODYS]:
            _put(provider, user.email)


def objection(message: Letter) -> str:
    """Why such a mail may not leave, or "": it is nobody's, or its provider lets that address in no longer."""
    providers = _letting_in(find_person(message.to) or User(pk=0, email=message.to))
    return "" if message.about["provider"] in {provider.pk for provider in providers} else "nobody"


def _letting_in(user: User) -> list[IdentityProvider]:
    """The same questions for a stranger as for a member, so that the time taken tells nothing."""
    with wall.every_tenant("which company's sign-in speaks for a mail address"):
        rows = IdentityProvider.objects.filter(tenant__active=True).order_by("tenant__name", "pk")
        providers = list(rows.select_related("tenant").defer("client_secret"))
    homes = {place.tenant_id for place in places_of(user)}
    return [
        provider
        for provider in providers
        if user.is_active
        and speaks_for(provider, user.email)
        and (provider.tenant_id in homes or (provider.takes_strangers and not user.pk))
    ]


def _put(provider: IdentityProvider, to: str) -> None:
    look = look_of(provider.tenant)
    name = {"name": " ".join(provider.tenant.name.split()), "portal": look.name}
    mail = letter(
        _("Sign in to %(name)s on %(portal)s") % name,
        [_("Somebody, most likely you, asked for the address at which people of %(name)s sign in.") % name],
        Button(_("Sign in"), start_address(provider.public_id)),
        small=[_("Keep the address: it stays the same. A browser that you signed in from knows it by itself.")],
        look=look,
    )
    about = {"provider": provider.pk or 0, "tenant": provider.tenant_id or 0}
    conduct = post.Conduct(rule="company", about=about, holds_secret=True, urgent=True)
    put_letter(mail, to=to, reference=f"company:{uuid4()}", conduct=conduct)
