"""Sessions, what a browser that is signed in is known by, invitations into a tenant, and its identity provider."""

from typing import ClassVar

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.tenants.base import PublicModel
from portal.tenants.models.people import Role
from portal.vault import EncryptedText


class Way(models.TextChoices):
    """How somebody signed in."""

    PASSWORD = "password", _("password")
    PASSKEY = "passkey", _("passkey")
    PROVIDER = "provider", _("the company's sign-in")


class Session(AbstractBaseSession):
    """A visitor's or a person's. ``session_key`` holds the cookie's hash: who reads this table can't sign in by it."""

    session_key = models.CharField(_("session"), max_length=64, primary_key=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+", verbose_name=_("user")
    )
    begun_at = models.DateTimeField(_("begun"))
    seen_at = models.DateTimeField(_("last seen"))
    address = models.GenericIPAddressField(_("network address"), null=True)
    browser = models.CharField(_("browser"), max_length=40, blank=True)
    way = models.CharField(_("signed in by"), max_length=10, choices=Way.choices, blank=True)

    objects: ClassVar[models.Manager["Session"]] = models.Manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")


class Invitation(PublicModel):
    """A place in a tenant, offered to whoever reads the mail of an address. Of its secret the hash alone is kept.

    It is open until it is accepted or withdrawn, and can be accepted until it expires. ``invited_by`` is None for one
    made at the console.
    """

    OPEN: ClassVar[models.Q] = models.Q(accepted_at=None, withdrawn_at=None)

    email = models.EmailField(_("e-mail address"), max_length=254)
    role = models.CharField(_("role"), max_length=10, choices=Role.choices)
    grant = models.OneToOneField("tenants.Grant", on_delete=models.PROTECT, related_name="invitation")
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+", verbose_name=_("invited by")
    )
    digest = models.CharField(max_length=64, editable=False, db_index=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    sent_at = models.DateTimeField(_("sent"))
    expires_at = models.DateTimeField(_("expires"))
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True)
    accepted_at = models.DateTimeField(_("accepted"), null=True)

    class Meta(PublicModel.Meta):
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ("email",)
        constraints = (
            *PublicModel.Meta.constraints,
            models.UniqueConstraint(fields=("tenant", "digest"), name="accounts_invitation_digest"),
            models.UniqueConstraint(
                fields=("tenant", "email"),
                condition=models.Q(accepted_at=None, withdrawn_at=None),
                name="accounts_invitation_open",
            ),
        )

    def __str__(self) -> str:
        return self.email


class IdentityProvider(PublicModel):
    """Where a tenant's people are signed in by their own company, by OpenID Connect; one at most.

    Its ``public_id`` is its address of sign-in, which nobody finds who was not told. ``domains`` are those of the mail
    addresses it speaks for.
    """

    issuer = models.CharField(_("issuer"), max_length=300)
    client_id = models.CharField(_("client id"), max_length=200)
    client_secret = EncryptedText(_("client secret"))
    domains = models.JSONField(_("domains"), default=list)
    takes_strangers = models.BooleanField(_("gives strangers a place"), default=False)
    factor_counts = models.BooleanField(_("its second factor counts"), default=False)
    factor_acr = models.CharField(_("acr of a second factor"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta(PublicModel.Meta):
        verbose_name = _("identity provider")
        verbose_name_plural = _("identity providers")

    def __str__(self) -> str:
        return self.issuer


class Identity(PublicModel):
    """Whom a tenant's provider means by a subject. Bound at the first sign-in, and never moved to somebody else."""

    provider = models.ForeignKey(IdentityProvider, on_delete=models.CASCADE, related_name="+")
    subject = models.CharField(_("subject"), max_length=255)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    used_at = models.DateTimeField(_("last used"))

    class Meta(PublicModel.Meta):
        verbose_name = _("identity")
        verbose_name_plural = _("identities")
        constraints = (
            *PublicModel.Meta.constraints,
            models.UniqueConstraint(fields=("tenant", "provider", "subject"), name="accounts_identity_subject"),
            models.UniqueConstraint(fields=("tenant", "provider", "user"), name="accounts_identity_user"),
        )

    def __str__(self) -> str:
        return str(self.user)
