"""Links to choose a password by mail: asked for by anybody, or sent by an administrator.

Whether an address is known must not show. So the same is done for a stranger's address as for a person's, up to the
row in the outbox; that row is held to a rule, and what goes to nobody never leaves.
"""

from dataclasses import dataclass
from uuid import uuid4

from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from portal.accounts.letters import put_letter
from portal.accounts.members import find_person
from portal.outbox import post
from portal.outbox.models import Letter
from portal.outbox.render import Button, Rendered, letter
from portal.tenants.brand import RINGBOOK, address_of, look_of
from portal.tenants.models.people import User
from portal.tenants.models.tenants import Tenant


@dataclass(frozen=True, slots=True)
class Asking:
    """What a mail with such a link says, but for the link."""

    subject: str
    sentence: str


def send_reset(email: str, *, at: Tenant | None = None) -> None:
    """Mail a link to whoever signs in with that address, in his language; to nobody for any other address.

    It carries the brand of the company under whose host name it was asked for, whoever asks for whom.
    """
    user = find_person(email) or User(pk=0, email=email)  # a stranger: he has no row
    with translation.override(user.language or translation.get_language()):
        subject = _("Set a new password for %(portal)s") % _names(at)
        _put(user, Asking(subject, _("Somebody, most likely you, asked to set a new password.")), at)


def send_first_link(user: User, *, at: Tenant | None = None) -> None:
    """Mail a new person the link to choose a password, in the brand of his company, if he has one."""
    names = _names(at)
    with translation.override(user.language or (at.language if at else settings.LANGUAGE_CODE)):
        if at is not None:
            subject = _("Your place in %(tenant)s on %(portal)s") % names
            sentence = _("%(tenant)s has given you a place on %(portal)s, where its calls and callbacks are reported.")
            sentence %= names
        else:
            subject, sentence = _("Your place on Ringbook"), _("You have been given a place on Ringbook.")
        _put(user, Asking(subject, sentence), at)


def objection(message: Letter) -> str:
    """Why a link that waits in the outbox may not leave, or "": its address is nobody's, or no more that person's."""
    person = User.objects.filter(pk=message.about["user"], email=message.to.lower(), is_active=True)
    return "" if person.exists() else "nobody"


def _names(at: Tenant | None) -> dict[str, str]:
    if at is None:
        return {"portal": RINGBOOK.name}
    return {"portal": look_of(at).name, "tenant": " ".join(at.name.split())}


def _put(user: User, asking: Asking, at: Tenant | None) -> None:
    """To the address as it is kept: one that merely looks the same may be another's."""
    about = {"user": user.pk} | ({"tenant": at.pk} if at else {})
    conduct = post.Conduct(rule="reset", about=about, holds_secret=True, urgent=True)
    put_letter(_written(user, asking, at), to=user.email, reference=f"reset:{uuid4()}", conduct=conduct)


def _written(user: User, asking: Asking, at: Tenant | None) -> Rendered:
    key = {"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)}
    home = address_of(at) if at else settings.BASE_URL
    link = f"{home}{reverse('account_reset_password_from_key', kwargs=key)}"
    days = {"days": settings.PASSWORD_RESET_TIMEOUT // 86400}
    small = [
        _("You sign in as %(email)s.") % {"email": user.email},
        _("The link serves once, for %(days)d days. If you do nothing, nothing changes.") % days,
    ]
    look = look_of(at) if at else RINGBOOK
    return letter(asking.subject, [asking.sentence], Button(_("Choose a password"), link), small=small, look=look)
