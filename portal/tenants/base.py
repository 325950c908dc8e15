"""The base of every tenant's table.

Closed by construction rather than by a list of methods: the manager's one source of querysets asks the wall first, so
whatever is called on a manager raises without a tenant, and whatever it returns already carries the tenant's filter.
``base_manager_name`` makes Django's own look-ups (forward keys, refreshes, cascades) take the same door.

What stays outside: SQL written by hand (``connection.cursor``, ``RawSQL``), and a foreign key given as a bare number,
which the database alone could refuse. Rows given as objects are checked.
"""

from collections.abc import Collection, Iterable
from typing import Any, ClassVar, NoReturn, Self, TypeVar

from django.core.exceptions import FullResultSet
from django.db import models

from portal import django_inside
from portal.lib.ids import uuid7
from portal.tenants import wall

M = TypeVar("M", bound=models.Model, covariant=True)
_TENANT = frozenset({"tenant", "tenant_id"})


class Crossing(models.Expression):
    """Stands where the tenant's filter would. Adds nothing to the SQL, but only inside ``wall.every_tenant``."""

    output_field = models.BooleanField()

    def as_sql(self, compiler: Any, connection: Any) -> NoReturn:
        wall.demand_crossing()
        raise FullResultSet


class WalledQuerySet(django_inside.WatchedQuerySet[M]):
    """Reads carry the filter they were made with; writes are checked against the wall that is open now."""

    _made_for: int | None = None  # the tenant of the filter; None when made across all of them

    def walled(self) -> Self:
        """The queryset behind the open wall. :class:`WalledManager` calls it on each that it makes."""
        active = wall.current()
        if active is None:
            django_inside.add_condition(self, Crossing())
            return self
        django_inside.add_equation(self, "tenant", active)
        self._made_for = active
        return self

    def hand_on(self, copy: Self) -> None:
        copy._made_for = self._made_for

    def refuse_mixing(self, other: models.QuerySet[Any]) -> None:
        """``|``, ``&``, union and their like take no rows made behind another wall; an empty queryset has none."""
        if getattr(other, "_made_for", self._made_for) != self._made_for:
            raise wall.ForeignTenant("Querysets of two walls do not combine.")

    def _demand(self) -> None:
        if self._made_for is None:
            wall.demand_crossing()
        else:
            wall.demand(self._made_for)

    def update(self, **kwargs: Any) -> int:
        self._demand()
        _refuse_move(kwargs)
        for value in kwargs.values():
            _refuse_foreign(value)
        return super().update(**kwargs)

    def delete(self) -> tuple[int, dict[str, int]]:
        self._demand()
        return super().delete()

    # Django marks delete so that no manager offers it, and the marks are not inherited.
    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def bulk_create(
        self,
        objs: Iterable[Any],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Collection[str] | None = None,
        unique_fields: Collection[str] | None = None,
    ) -> list[Any]:
        self._demand()
        rows = list(objs)
        for row in rows:
            row.check_wall()
        if update_conflicts and not _TENANT & set(unique_fields or ()):
            raise wall.WallError("An upsert must name the tenant among its unique fields.")
        _refuse_move(update_fields or ())
        return super().bulk_create(rows, batch_size, ignore_conflicts, update_conflicts, update_fields, unique_fields)

    def bulk_update(self, objs: Iterable[Any], fields: Iterable[str], batch_size: int | None = None) -> int:
        self._demand()
        rows, names = list(objs), list(fields)
        for row in rows:
            row.check_wall()
        _refuse_move(names)
        return super().bulk_update(rows, names, batch_size)

    def raw(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise wall.WallError("Raw queries carry no tenant filter; write them as querysets.")

    def extra(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise wall.WallError("SQL in extra() carries no tenant filter; write it as expressions.")


def _refuse_move(names: Iterable[str]) -> None:
    if _TENANT & set(names):
        raise wall.ForeignTenant("A row never moves to another tenant.")


def _refuse_foreign(value: object, owner: int | None = None) -> None:
    """Raise if ``value`` is a row of another tenant than ``owner``, else than the active one."""
    if not isinstance(value, TenantModel):
        return
    wall.demand(value.tenant_id)
    if owner is not None and value.tenant_id != owner:
        raise wall.ForeignTenant("A row never points at another tenant's row.")


class WalledManager(django_inside.ChosenManager[M]):
    """The only door to a tenant's table."""

    use_in_migrations = False
    querysets = WalledQuerySet

    def get_queryset(self) -> WalledQuerySet[M]:
        wall.current()
        rows: Any = super().get_queryset()
        return rows.walled()  # type: ignore[no-any-return]

    @classmethod
    def of(cls, queryset: type[WalledQuerySet[Any]]) -> Any:
        """A walled manager with the words of ``queryset``, a subclass of :class:`WalledQuerySet`."""
        return cls.from_queryset(queryset)()


class TenantModel(django_inside.WatchedModel):
    """A row of one tenant. Every unique constraint of a subclass begins with ``tenant``.

    Nothing without a tenant may have a way back to it: a foreign key to ``User`` or ``Tenant`` says
    ``related_name="+"``, since a join from there would pass the wall.
    """

    tenant = models.ForeignKey(
        "tenants.Tenant", on_delete=models.CASCADE, related_name="+", editable=False, db_index=False
    )

    objects: ClassVar[WalledManager[Self]] = WalledManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def check_wall(self) -> None:
        """Raise unless this row may be written here: it and all rows it holds are of one tenant, the active one."""
        wall.demand(self.tenant_id)
        for value in self.rows_held():
            _refuse_foreign(value, self.tenant_id)

    def before_saving(self) -> None:
        self.check_wall()

    def updatable(self, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """Not a row that belongs to another tenant than this object says."""
        return rows.filter(tenant_id=self.tenant_id)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Django deletes by primary key alone, so the row is looked up first; one that is not there is left at that."""
        wall.demand(self.tenant_id)
        if not type(self)._base_manager.filter(pk=self.pk, tenant_id=self.tenant_id).exists():
            return 0, {}
        return super().delete(*args, **kwargs)

    delete.alters_data = True  # type: ignore[attr-defined]


class PublicModel(TenantModel):
    """A tenant's row that has an address outside: ``public_id`` stands in URLs and answers, the key stays inside."""

    public_id = models.UUIDField(default=uuid7, editable=False)

    class Meta(TenantModel.Meta):
        abstract = True
        constraints: ClassVar[tuple[models.BaseConstraint, ...]] = (
            models.UniqueConstraint(fields=("tenant", "public_id"), name="%(app_label)s_%(class)s_public_id"),
        )
