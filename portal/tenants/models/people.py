"""People and the tenants they belong to."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.tenants.base import PublicModel
from portal.tenants.models.tenants import validate_zone


class Role(models.TextChoices):
    """What a member may do. Each role may all that the ones after it may."""

    OWNER = "owner", _("owner")
    MANAGER = "manager", _("manager")
    VIEWER = "viewer", _("viewer")

    def covers(self, needed: "Role") -> bool:
        order = list(Role)
        return order.index(self) <= order.index(needed)


class UserManager(BaseUserManager):  # type: ignore[type-arg]
    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "User":
        user: User = self.model(email=self.normalize_email(email).lower(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra)

    def get_by_natural_key(self, username: str | None) -> "User":
        user: User = self.get(email=(username or "").lower())
        return user


class User(AbstractUser):
    """A person who signs in by e-mail address. ``is_staff`` marks the platform's administrators, not a tenant's."""

    username = None  # type: ignore[assignment]
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(_("name"), max_length=120, blank=True)
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, blank=True)
    zone = models.CharField(
        _("time zone"), max_length=64, blank=True, validators=[validate_zone], help_text=_("Empty: the company's.")
    )

    staff_since = models.DateTimeField(null=True, editable=False)

    # Which companies the session opens by which he reads (portal.tenants.admission); None where he is no reader.
    admission: Any = None

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")

    def __str__(self) -> str:
        return self.name or self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.is_staff != bool(self.staff_since):
            self.staff_since = timezone.now() if self.is_staff else None
            _save_too("staff_since", kwargs)
        super().save(*args, **kwargs)

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name or self.email


class Membership(PublicModel):
    """A person's place in a tenant. Its grant says what of the data it may see."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", verbose_name=_("user"))
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.VIEWER)
    role_since = models.DateTimeField(default=timezone.now, editable=False)
    grant = models.OneToOneField("tenants.Grant", on_delete=models.PROTECT, related_name="membership")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta(PublicModel.Meta):
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = (
            *PublicModel.Meta.constraints,
            models.UniqueConstraint(fields=("tenant", "user"), name="tenants_membership_user"),
        )

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding and Membership.objects.filter(pk=self.pk).exclude(role=self.role).exists():
            self.role_since = timezone.now()
            _save_too("role_since", kwargs)
        super().save(*args, **kwargs)


def _save_too(name: str, kwargs: dict[str, Any]) -> None:
    """Write the field as well, where a save names the few that it writes."""
    if kwargs.get("update_fields") is not None:
        kwargs["update_fields"] = {*kwargs["update_fields"], name}
