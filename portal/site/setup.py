"""The first steps of an empty portal: the code that opens them, and the company and owner that they end with.

Empty is a portal in which nobody has an account. Its code is told where it is started, so that whoever sets it up is
whoever runs it and not whoever finds its address first.
"""

import hashlib
import secrets
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from portal.accounts.members import add_member, add_person, whole
from portal.audit.record import record
from portal.site.models import SetupCode
from portal.tenants.models.people import Membership, Role, User
from portal.tenants.models.tenants import Tenant

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that is taken for another
_GROUPS = _GROUP = 4


class NotEmpty(Exception):
    """Somebody has an account already, or the code was used or replaced meanwhile."""


@dataclass(frozen=True, slots=True)
class First:
    """The first company, and its owner."""

    company: str
    zone: str
    language: str
    name: str
    email: str
    password: str
    administers: bool  # the installation too


def is_empty() -> bool:
    """Whether nobody has an account here. One query."""
    return not User.objects.exists()


def new_code() -> str:
    """A code that opens the first page, once; the one before opens nothing any more."""
    code = "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    with transaction.atomic():
        SetupCode.objects.all().delete()
        SetupCode.objects.create(digest=_digest(code), made_at=timezone.now())
    return code


def invitation_to_set_up() -> str:
    """What to tell whoever starts an empty portal, with a new code; "" where somebody has an account."""
    if not is_empty():
        return ""
    return (
        "This portal is empty. Whoever opens it is asked for this code, which serves once:\n\n"
        f"    {new_code()}\n\n"
        f"    {settings.BASE_URL}/setup/"
    )


def opens(code: str) -> bool:
    """Whether it is the code that was told last."""
    return SetupCode.objects.filter(digest=_digest(code)).exists()


def begin(code: str, first: First) -> Membership:
    """Make the company and its owner, and end the code. Raises :class:`NotEmpty`."""
    with transaction.atomic():
        used, _rows = SetupCode.objects.filter(digest=_digest(code)).delete()  # of two at once, one gets it
        if not used or not is_empty():
            raise NotEmpty
        tenant = Tenant.objects.create(
            slug=_address(first.company), name=first.company, zone=first.zone, language=first.language
        )
        record("tenant.added", tenant_id=tenant.pk, about={"tenant": tenant.pk})
        owner = add_person(first.email, first.password, name=first.name, language=first.language)
        if first.administers:
            owner.is_staff = owner.is_superuser = True
            owner.save(update_fields=["is_staff", "is_superuser"])
            record("administrator.added", tenant_id=None, user=owner, about={"user": owner.pk})
        return add_member(tenant, owner, whole(Role.OWNER), by=owner)


def _address(company: str) -> str:
    """The company's part of its pages' addresses: its name, as far as letters go."""
    plain = slugify(company)[:40].strip("-_") or "company"
    taken = set(Tenant.objects.filter(slug__startswith=plain).values_list("slug", flat=True))
    return next(slug for slug in (plain, *(f"{plain}-{n}" for n in range(2, 10_000))) if slug not in taken)


def _digest(code: str) -> str:
    """Of 80 random bits a plain hash is enough. Case and hyphens do not count."""
    plain = "".join(filter(str.isalnum, code.upper()))
    return hashlib.sha256(plain.encode()).hexdigest()
