"""The base of every tenant's table.

Closed by construction rather than by a list of methods: the manager's one source of querysets asks the wall first, so
whatever is called on a manager raises without a tenant, and whatever it returns already carries the tenant's filter.
``base_manager_name`` makes Django's own look-ups (forward keys, refreshes, cascades) take the same door.
"""

from collections.abc import Iterable
from typing import Any, Self, TypeVar

from django.db import models

from portal.lib.ids import uuid7
from portal.tenants import wall

M = TypeVar("M", bound=models.Model, covariant=True)


class WalledQuerySet(models.QuerySet[M]):
    """Writes are checked against the wall; reads carry its filter since :class:`WalledManager` made them."""

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
        rows = list(objs)
        for row in rows:
            wall.demand(row.tenant_id)
        unique = kwargs.get("unique_fields")
        if kwargs.get("update_conflicts") and not {"tenant", "tenant_id"} & set(unique or ()):
            raise wall.WallError("An upsert must name the tenant among its unique fields.")
        return super().bulk_create(rows, *args, **kwargs)

    def bulk_update(self, objs: Iterable[Any], fields: Iterable[str], *args: Any, **kwargs: Any) -> int:
        rows = list(objs)
        names = list(fields)
        for row in rows:
            wall.demand(row.tenant_id)
        self._refuse_move(names)
        return super().bulk_update(rows, names, *args, **kwargs)

    def update(self, **kwargs: Any) -> int:
        wall.current()
        self._refuse_move(kwargs)
        return super().update(**kwargs)

    def raw(self, *args: Any, **kwargs: Any) -> Any:
        raise wall.WallError("Raw queries carry no tenant filter; write them as querysets.")

    @staticmethod
    def _refuse_move(names: Iterable[str]) -> None:
        if {"tenant", "tenant_id"} & set(names):
            raise wall.ForeignTenant("A row never moves to another tenant.")


class WalledManager(models.Manager.from_queryset(WalledQuerySet)):  # type: ignore[misc]
    """The only door to a tenant's table."""

    use_in_migrations = False

    def get_queryset(self) -> models.QuerySet[Any]:
        active = wall.current()
        rows = super().get_queryset()
        return rows if active is None else rows.filter(tenant_id=active)

    @classmethod
    def of(cls, queryset: type[WalledQuerySet[Any]]) -> Self:
        """A walled manager with the words of ``queryset``, a subclass of :class:`WalledQuerySet`."""
        return cls.from_queryset(queryset)()  # type: ignore[no-any-return]


class TenantModel(models.Model):
    """A row of one tenant. Every unique constraint of a subclass begins with ``tenant``."""

    tenant = models.ForeignKey(
        "tenants.Tenant", on_delete=models.CASCADE, related_name="+", editable=False, db_index=False
    )

    objects = WalledManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        wall.demand(self.tenant_id)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        wall.demand(self.tenant_id)
        return super().delete(*args, **kwargs)


class PublicModel(TenantModel):
    """A tenant's row that has an address outside: ``public_id`` stands in URLs and answers, the key stays inside."""

    public_id = models.UUIDField(default=uuid7, editable=False)

    class Meta(TenantModel.Meta):
        abstract = True
        constraints = (
            models.UniqueConstraint(fields=("tenant", "public_id"), name="%(app_label)s_%(class)s_public_id"),
        )
