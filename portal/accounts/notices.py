"""Tells a person by mail what happened to his account, so that he notices what he did not do himself."""

from uuid import uuid4

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.letters import put_letter
from portal.outbox import post
from portal.outbox.render import Button, letter
from portal.tenants.brand import RINGBOOK, address_of, look_of
from portal.tenants.guards import members_tenants
from portal.tenants.models.people import User

KINDS = {
    "factor_added": gettext_lazy("A second factor was added to your account."),
    "factor_removed": gettext_lazy("A second factor was removed from your account."),
    "factors_reset": gettext_lazy("The second factor of your account was reset."),
    "codes_made": gettext_lazy("New recovery codes were made for your account."),
    "password_changed": gettext_lazy("The password of your account was changed."),
}


def tell(user: User, kind: str) -> None:
    """Mail the person about ``kind``, one of KINDS, in his language or else his first company's.

    Of one company alone, it carries that one's brand; of several, the portal's own, for the account is in all of them.
    """
    tenants = members_tenants(user)
    only = tenants[0] if len(tenants) == 1 else None
    look, home = (look_of(only), address_of(only)) if only else (RINGBOOK, settings.BASE_URL)
    with translation.override(user.language or (tenants[0].language if tenants else settings.LANGUAGE_CODE)):
        mail = letter(
            _("Your account on %(portal)s") % {"portal": look.name},
            [str(KINDS[kind])],
            Button(_("Look at your account"), f"{home}/accounts/"),
            small=[_("If that was you, there is nothing to do. If not, change your password and end your sessions.")],
            look=look,
        )
        conduct = post.Conduct(about={"tenant": only.pk} if only else {}, urgent=True)
        put_letter(mail, to=user.email, reference=f"notice:{kind}:{uuid4()}", conduct=conduct)
