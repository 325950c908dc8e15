"""Who is written to: what all readers have in common, of a scheduled mail or of anything else with a list of its own.

Consent, leaving, vouching and the lists themselves (``consent``, ``rights``, ``lists``) know readers by this alone.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Self

from django.apps import apps
from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.tenants.base import PublicModel
from portal.tenants.models.grants import Grant
from portal.tenants.models.keys import ApiKey


class AddedBy(models.TextChoices):
    """Who put a reader on a list. Of members and keys it counts whether they still may; the console's word stands."""

    MEMBER = "member", _("a member")
    KEY = "key", _("an API key")
    CONSOLE = "console", _("an administrator")


class Reader(PublicModel):
    """Somebody on a list. A member reads by the rights of the membership as it stands when a mail is made; an address
    without an account reads by ``grant``, once it has confirmed, and as long as whoever added it still may.

    ``left_at`` is the reader's own act, ``removed_at`` somebody else's. A subclass names in ``OF`` its field of what is
    read: a row with ``name``, ``grant`` and ``removed_at``. ``WORD`` stands in the reader's links.
    """

    OF: ClassVar[str]
    WORD: ClassVar[str]

    email = models.EmailField(_("e-mail address"), max_length=254)
    name = models.CharField(_("name"), max_length=120, blank=True)
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES)
    as_member = models.BooleanField(_("as member"), default=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("user")
    )
    grant = models.ForeignKey(
        Grant, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("what may be seen")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True)
    left_at = models.DateTimeField(_("left"), null=True, blank=True)
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True)
    added_as = models.CharField(_("added by"), max_length=10, choices=AddedBy.choices, default=AddedBy.CONSOLE)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("by member")
    )
    added_key = models.ForeignKey(
        ApiKey, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("by API key")
    )

    class Meta(PublicModel.Meta):
        abstract = True

    def __str__(self) -> str:
        return self.name or self.email

    @classmethod
    def rows(cls) -> models.QuerySet[Self]:
        """All of this kind behind the open wall."""
        return cls.objects.all()

    @property
    def read(self) -> Any:
        """What is read."""
        return getattr(self, self.OF)

    @property
    def read_id(self) -> int:
        key: int = getattr(self, f"{self.OF}_id")
        return key

    @property
    def gone(self) -> bool:
        """Whether nothing will be sent any more, by the reader's own word or somebody else's."""
        return any((self.left_at, self.removed_at, self.read.removed_at))

    @property
    def tongue(self) -> str:
        """The language that mails to the reader are in."""
        return str(self.language)

    def offer(self) -> str:
        """What a stranger is asked to agree to, in the active language."""
        raise NotImplementedError

    def comes(self, now: datetime) -> str:
        """How often mails come, and when next if that is known, in the active language."""
        raise NotImplementedError


def kinds() -> Mapping[str, type[Reader]]:
    """All kinds of readers there are, by the word in their links."""
    return {model.WORD: model for model in apps.get_models() if issubclass(model, Reader)}
