"""Builds a row of any tenant's table from its fields alone, so that tests of the wall cover each new table."""

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import models

from portal.audit.models import Entry
from portal.audit.record import record
from portal.lib.ids import uuid7
from portal.tenants import wall
from portal.tenants.base import TenantModel
from portal.tenants.models.people import User
from portal.tenants.models.tenants import Tenant

MODELS: list[type[TenantModel]] = sorted(
    (model for model in apps.get_models(include_auto_created=True) if issubclass(model, TenantModel)),
    key=lambda model: model._meta.label,
)
_serial = count(1_001)  # beyond the numbers of what a test writes itself, such as entries of the audit


def canary(tenant: Tenant) -> str:
    return f"CANARY-{tenant.slug}"


def values_of(model: type[TenantModel], tenant: Tenant, rows: dict[type, Any]) -> dict[str, Any]:
    """What a new row of ``tenant`` needs. ``rows`` are those it may point at; missing ones are made and added."""
    values: dict[str, Any] = {"tenant": tenant}
    for field in model._meta.concrete_fields:
        filled = field.has_default() or field.null or field.blank or isinstance(field, models.AutoField)
        if field.name == "tenant" or (filled and not isinstance(field, models.ForeignKey)):
            continue
        if isinstance(field, models.ForeignKey):
            if field.null:
                continue
            values[field.name] = _pointed_at(field, tenant, rows)
        else:
            values[field.name] = _plain(field, tenant)
    return values


def row_of(model: type[TenantModel], tenant: Tenant, rows: dict[type, Any]) -> Any:
    """A saved row, with the rows it points at; call it behind the wall of ``tenant``."""
    row = model(**values_of(model, tenant, rows))
    if isinstance(row, Entry):  # its number and its seal come from the chain
        row = record(canary(tenant), tenant_id=tenant.pk)
    else:
        row.save(force_insert=True)
    rows.setdefault(model, row)
    return row


def _pointed_at(field: models.ForeignKey, tenant: Tenant, rows: dict[type, Any]) -> Any:
    target = field.related_model
    # A one-to-one key needs a row of its own each time.
    if target in rows and not isinstance(field, models.OneToOneField):
        return rows[target]
    if issubclass(target, TenantModel):
        return row_of(target, tenant, {} if isinstance(field, models.OneToOneField) else rows)
    assert target is User, f"{field} points at {target}, which no test knows how to make"
    return User.objects.create_user(f"{canary(tenant).lower()}-{next(_serial)}@wall.example")


def _plain(field: models.Field, tenant: Tenant) -> Any:
    number = next(_serial)
    text = f"{canary(tenant)}-{number}"
    if field.choices:
        return field.flatchoices[0][0]
    makers: list[tuple[type[models.Field], Any]] = [
        (models.EmailField, f"{text.lower()}@wall.example"),
        (models.URLField, f"https://{text.lower()}.example"),
        (models.GenericIPAddressField, "192.0.2.1"),
        (models.CharField, text[: field.max_length or 200]),
        (models.TextField, text),
        (models.DateTimeField, datetime(2026, 7, 8, 15, tzinfo=UTC)),
        (models.DateField, date.fromordinal(date(2010, 1, 1).toordinal() + number % 3000)),
        (models.TimeField, "12:00"),
        (models.UUIDField, uuid7()),
        (models.BooleanField, False),
        (models.DecimalField, Decimal(1)),
        (models.FloatField, 1.5),
        (models.IntegerField, number),
        (models.JSONField, [text]),
        (models.BinaryField, text.encode()[-16:].rjust(16, b".")),
        (models.DurationField, None),
    ]
    for kind, value in makers:
        if isinstance(field, kind):
            return value
    raise AssertionError(f"no value for {field}")


def snapshot(model: type[TenantModel], tenant: Tenant) -> list[dict[str, Any]]:
    """Every row of ``tenant`` in the table, as plain values."""
    with wall.every_tenant("a test looks"):
        return list(model.objects.filter(tenant_id=tenant.pk).order_by("pk").values())


def leaks(result: Any, tenant: Tenant, keys: set[Any]) -> bool:
    """Whether ``result``, however nested, shows a row, a text or a key of ``tenant``."""
    if isinstance(result, models.Model):
        return getattr(result, "tenant_id", None) == tenant.pk or (isinstance(result, Tenant) and result == tenant)
    if isinstance(result, str | bytes):
        text = result if isinstance(result, str) else result.decode("latin-1")
        return canary(tenant).lower() in text.lower()
    if isinstance(result, UUID):
        return result in keys
    if isinstance(result, dict):
        return any(leaks(part, tenant, keys) for pair in result.items() for part in pair)
    if isinstance(result, models.QuerySet | list | tuple | set | frozenset):
        return any(leaks(part, tenant, keys) for part in result)
    return False
