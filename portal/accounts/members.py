"""People as acts: give somebody a place in a tenant, invite him to choose a password."""

from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from portal.audit.record import record
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import Tenant


def find_person(email: str) -> User | None:
    """Whoever signs in with that address, in whatever case it is written."""
    return User.objects.filter(email__iexact=email).first()


def add_person(email: str, password: str = "", *, language: str = "") -> User:
    """A new person. Without a password he can't sign in until he has chosen one."""
    return User.objects.create_user(email, password or None, language=language)


def give_password(person: User, password: str) -> str:
    """Give somebody who has none a password, unless it is empty; returns what is weak about it, or ""."""
    if not password or person.has_usable_password():
        return ""
    weak = ""
    try:
        validate_password(password, person)
    except ValidationError as error:
        weak = " ".join(error.messages)
    person.set_password(password)
    person.save(update_fields=["password"])
    return weak


def add_member(tenant: Tenant, user: User, *, role: Role, by: Any = None) -> Membership:
    """Give a person a place in the tenant, with every environment in sight; owners see full numbers. Audited."""
    with wall.tenant(tenant), transaction.atomic():
        grant = Grant.objects.create(tenant=tenant, sees_numbers=role == Role.OWNER)
        membership = Membership.objects.create(tenant=tenant, user=user, role=role, grant=grant)
        record("member.added", tenant_id=tenant.pk, user=by, about={"user": user.pk, "role": str(role)})
    return membership


def send_invitation(user: User, tenant: Tenant | None) -> None:
    """Mail the person a link to choose a password, good for three days and for one use.

    Goes out at once through the mail backend; raises OSError or SMTPException when that fails.
    """
    address = reverse(
        "account_reset_password_from_key",
        kwargs={"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)},
    )
    name = " ".join(tenant.name.split()) if tenant else ""
    with translation.override(user.language or (tenant.language if tenant else settings.LANGUAGE_CODE)):
        subject = _("Your place in %(tenant)s on Ringbook") % {"tenant": name} if name else _("Your place on Ringbook")
        text = render_to_string(
            "accounts/invitation.txt",
            {
                "name": name,
                "user": user,
                "link": f"{settings.BASE_URL}{address}",
                "days": settings.PASSWORD_RESET_TIMEOUT // 86400,
            },
        )
    EmailMessage(subject, text, to=[user.email]).send()
