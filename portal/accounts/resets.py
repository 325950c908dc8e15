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
from portal.tenants.models.people import User


@dataclass(frozen=True, slots=True)
class Asking:
    """What a mail with such a link says, but for the link."""

    subject: str
    sentence: str


def send_reset(email: str) -> None:
    """Mail a link to whoever signs in with that address, in his language; to nobody for any other address."""
    user = find_person(email) or User(pk=0, email=email)  # a stranger: he has no row
    with translation.override(user.language or translation.get_language()):
        asking = Asking(
            _("Set a new password for Ringbook"), _("Somebody, most likely you, asked to set a new password.")
        )
        _put(user, asking)


def send_first_link(user: User, *, place: str = "", language: str = "") -> None:
    """Mail a new person the link to choose a password. ``place`` is the tenant's name, if he has one."""
    names = {"name": " ".join(place.split())}
    with translation.override(user.language or language or settings.LANGUAGE_CODE):
        if place:
            subject = _("Your place in %(name)s on Ringbook") % names
            sentence = _("%(name)s has given you a place on Ringbook, where its calls and callbacks are reported.")
            sentence %= names
        else:
            subject, sentence = _("Your place on Ringbook"), _("You have been given a place on Ringbook.")
        _put(user, Asking(subject, sentence))


def objection(message: Letter) -> str:
    """Why a link that waits in the outbox may not leave, or "": its address is nobody's, or no more that person's."""
    person = User.objects.filter(pk=message.about["user"], email=message.to.lower(), is_active=True)
    return "" if person.exists() else "nobody"


def _put(user: User, asking: Asking) -> None:
    """To the address as it is kept: one that merely looks the same may be another's."""
    conduct = post.Conduct(rule="reset", about={"user": user.pk}, holds_secret=True, urgent=True)
    put_letter(_written(user, asking), to=user.email, reference=f"reset:{uuid4()}", conduct=conduct)


def _written(user: User, asking: Asking) -> Rendered:
    key = {"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)}
    link = f"{settings.BASE_URL}{reverse('account_reset_password_from_key', kwargs=key)}"
    days = {"days": settings.PASSWORD_RESET_TIMEOUT // 86400}
    small = [
        _("You sign in as %(email)s.") % {"email": user.email},
        _("The link serves once, for %(days)d days. If you do nothing, nothing changes.") % days,
    ]
    return letter(asking.subject, [asking.sentence], Button(_("Choose a password"), link), small=small)
