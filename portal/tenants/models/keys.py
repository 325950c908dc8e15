"""API keys: shown once, kept as a hash."""

import hashlib
import secrets
from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from portal.tenants.base import PublicModel, WalledManager, WalledQuerySet
from portal.tenants.models.people import Role, User
from portal.tenants.models.tenants import Environment

PREFIX = "ring_"


def new_secret() -> str:
    """A key's secret, of 240 random bits; the prefix lets scanners find leaked ones."""
    return PREFIX + secrets.token_urlsafe(30)


def digest(secret: str) -> str:
    """The stored form. A key has 240 random bits, so a plain hash is enough and a look-up by it gives nothing away."""
    return hashlib.sha256(secret.encode()).hexdigest()


class KeyState(models.TextChoices):
    """Whether a key opens something."""

    STANDING = "standing", pgettext_lazy("an API key", "valid")
    EXPIRED = "expired", pgettext_lazy("an API key", "expired")
    REVOKED = "revoked", pgettext_lazy("an API key", "revoked")
    CLOSED = "closed", pgettext_lazy("an API key", "its maker's account is closed")


class ApiKeys(WalledQuerySet["ApiKey"]):
    def standing(self, now: datetime) -> models.QuerySet["ApiKey"]:
        """Those that open something then; :meth:`ApiKey.state` says the same of one."""
        return self.filter(
            Q(expires_at=None) | Q(expires_at__gt=now),
            Q(made_by=None) | Q(made_by__is_active=True),
            revoked_at=None,
        )


class ApiKey(PublicModel):
    """A key of the REST API, and of the vendor's own form when it is bound to one environment."""

    name = models.CharField(_("name"), max_length=120)
    hint = models.CharField(_("begins with"), max_length=12)
    digest = models.CharField(max_length=64, editable=False, db_index=True)
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.VIEWER)
    grant = models.OneToOneField("tenants.Grant", on_delete=models.PROTECT, related_name="api_key")
    environment = models.ForeignKey(Environment, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    made_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("made by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    objects: ClassVar[Any] = WalledManager.of(ApiKeys)

    class Meta(PublicModel.Meta):
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        constraints = (
            *PublicModel.Meta.constraints,
            models.UniqueConstraint(fields=("tenant", "digest"), name="tenants_apikey_digest"),
        )

    def __str__(self) -> str:
        return self.name

    def state(self, now: datetime) -> KeyState:
        if self.revoked_at is not None:
            return KeyState.REVOKED
        if self.expires_at is not None and self.expires_at <= now:
            return KeyState.EXPIRED
        if self.made_by is not None and not self.made_by.is_active:
            return KeyState.CLOSED
        return KeyState.STANDING

    def stands(self, now: datetime) -> bool:
        """Whether it opens something, and so whether what was set up by it goes on; reads its maker."""
        return self.state(now) == KeyState.STANDING
