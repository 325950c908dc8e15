"""Sessions, what a browser that is signed in is known by, and invitations into a tenant."""

from typing import ClassVar

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.tenants.base import PublicModel
from portal.tenants.models.people import Role


class Way(models.TextChoices):
    """How somebody signed in."""

    PASSWORD = "password", _("password")
    PASSKEY = "passkey", _("passkey")


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
