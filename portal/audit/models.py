"""What was done, by whom, when: rows that are written once and never again, each sealed to the one before.

See portal/decisions/0038-audit-chains.md.
"""

from datetime import datetime
from typing import Any, ClassVar, NoReturn, Self

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.tenants.base import PublicModel, TenantModel, WalledManager, WalledQuerySet
from portal.tenants.models.keys import ApiKey


class Permanent(Exception):
    """An audit entry was to be changed or removed."""

    def __init__(self) -> None:
        super().__init__("Audit entries are written once: they are never changed and never removed.")


class _WrittenOnce:
    """For querysets: all writes but the first are refused. (A tenant's removal takes its entries along.)"""

    def update(self, **kwargs: Any) -> NoReturn:
        raise Permanent

    def delete(self) -> NoReturn:
        raise Permanent

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise Permanent

    def bulk_create(
        self, objs: Any, batch_size: int | None = None, ignore_conflicts: bool = False, **kwargs: Any
    ) -> Any:
        if kwargs:
            raise Permanent
        return super().bulk_create(objs, batch_size, ignore_conflicts)  # type: ignore[misc]


class TenantEntries(_WrittenOnce, WalledQuerySet["Entry"]):  # type: ignore[misc]
    pass


class PlatformEntries(_WrittenOnce, models.QuerySet["PlatformEntry"]):  # type: ignore[misc]
    pass


class Act(models.Model):
    """Common to both kinds. ``about`` holds ids and counts only: names and numbers would outlive their erasure."""

    append_only = True  # for the database's role as well: portal.tenants.roles

    at = models.DateTimeField(_("when"), default=timezone.now, editable=False)
    action = models.CharField(_("what"), max_length=60, editable=False)
    # No constraint and no cascade: the entry outlives the person, with the number that was his.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
        verbose_name=_("who"),
    )
    about = models.JSONField(_("about"), default=dict, editable=False)
    changes = models.JSONField(_("what changed"), default=dict, editable=False)  # {field: [before, after]}
    address = models.GenericIPAddressField(_("network address"), null=True, editable=False)
    number = models.PositiveBigIntegerField(_("number"), editable=False)  # within its chain, from 1 on
    previous = models.CharField(max_length=64, editable=False)  # the digest of the entry before, "" of the first
    digest = models.CharField("SHA-256", max_length=64, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.action} {self.at:%Y-%m-%d %H:%M}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise Permanent
        super().save(*args, **kwargs | {"force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise Permanent


class Entry(Act, TenantModel):
    """An act within a tenant; its owners may read it."""

    key = models.ForeignKey(
        ApiKey,
        null=True,
        editable=False,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
        verbose_name=_("by API key"),
    )

    objects: ClassVar[Any] = WalledManager.of(TenantEntries)

    class Meta(TenantModel.Meta):
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ("-at", "-id")
        constraints = (models.UniqueConstraint(fields=("tenant", "number"), name="audit_entry_number"),)
        indexes = (models.Index(fields=("tenant", "-at", "-id"), name="audit_entry_at"),)


class PlatformEntry(Act):
    """An act of nobody's tenant: an administrator's look across all of them, a sign-in that failed."""

    objects: ClassVar[models.Manager[Self]] = models.Manager.from_queryset(PlatformEntries)()

    class Meta:
        verbose_name = _("platform entry")
        verbose_name_plural = _("platform entries")
        ordering = ("-at", "-id")
        constraints = (models.UniqueConstraint(fields=("number",), name="audit_platformentry_number"),)
        indexes = (models.Index(fields=("-at", "-id"), name="audit_platformentry_at"),)


class Head(models.Model):
    """Where a chain ends: what the next entry is sealed to, and by what an end that was cut off is noticed.

    Whoever adds an entry holds this row until he commits. Entries themselves are only ever inserted.
    """

    number = models.PositiveBigIntegerField(_("number"), default=0, editable=False)
    digest = models.CharField("SHA-256", max_length=64, blank=True, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.number)


class EntryHead(Head, TenantModel):
    """Its key is the tenant's, so that there is one for each."""

    id = models.BigIntegerField(primary_key=True, editable=False)

    class Meta(TenantModel.Meta):
        verbose_name = _("end of an audit chain")
        verbose_name_plural = _("ends of audit chains")


class PlatformEntryHead(Head):
    """The only row has the key 1."""

    objects: ClassVar[models.Manager[Self]] = models.Manager()

    class Meta:
        verbose_name = _("end of the platform's audit chain")
        verbose_name_plural = _("end of the platform's audit chain")


class Visit(PublicModel):
    """A platform administrator's look at the pages of a tenant that he is no member of: why, and from when until when.

    It is open until it runs out or he ends it, and opens nothing once he is no administrator any more.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name=_("who")
    )
    reason = models.CharField(_("reason"), max_length=300)
    begun_at = models.DateTimeField(_("begun"), default=timezone.now)
    until = models.DateTimeField(_("until"))
    ended_at = models.DateTimeField(_("ended"), null=True)

    class Meta(PublicModel.Meta):
        verbose_name = _("visit")
        verbose_name_plural = _("visits")
        ordering = ("-begun_at", "-id")
        indexes = (models.Index(fields=("user", "until"), name="audit_visit_user"),)

    def __str__(self) -> str:
        return f"{self.begun_at:%Y-%m-%d %H:%M}"

    @property
    def over_at(self) -> datetime:
        return self.ended_at or self.until
