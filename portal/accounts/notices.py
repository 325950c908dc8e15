"""Tells a person by mail what happened to his account, so that he notices what he did not do himself."""

from uuid import uuid4

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts.letters import put_letter
from portal.outbox import post
from portal.outbox.render import Button, letter
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
    """Mail the person about ``kind``, one of KINDS, in his language or else his first tenant's."""
    tenant = next(iter(members_tenants(user)), None)
    with translation.override(user.language or (tenant.language if tenant else settings.LANGUAGE_CODE)):
        mail = letter(
            _("Your account on Ringbook"),
            [str(KINDS[kind])],
            Button(_("Look at your account"), f"{settings.BASE_URL}/accounts/"),
            small=[_("If that was you, there is nothing to do. If not, change your password and end your sessions.")],
        )
        put_letter(mail, to=user.email, reference=f"notice:{kind}:{uuid4()}", conduct=post.Conduct(urgent=True))
