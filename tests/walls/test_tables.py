"""What every table must be for the wall to hold. An exception stands in a list here, with its reason, or not at all."""

from django.apps import apps
from django.db import models

from portal.tenants.base import TenantModel, WalledManager
from portal.tenants.models.tenants import Tenant
from tests.walls.rows import MODELS

OURS = {config.label for config in apps.get_app_configs() if config.name.split(".")[0] in {"portal", "sync", "reports"}}

# Tables of ours that belong to no tenant.
OPEN_TABLES = {
    "tenants.Tenant": "the tenants themselves",
    "tenants.User": "a person may belong to several tenants",
    "tenants.User_groups": "Django's, for administrators",
    "tenants.User_user_permissions": "Django's, for administrators",
    "audit.PlatformEntry": "acts across tenants, read by administrators only",
    "outbox.PlatformMessage": "mails about accounts, whose holder may be of no tenant or several",
    "outbox.PlatformAttempt": "tries at sending these",
    "audit.PlatformEntryHead": "where the chain of these ends",
    "accounts.Session": "a person's, whatever his tenants; a visitor's before he is anybody",
    "runtime.Alarm": "what the platform's administrators are told is wrong",
    "runtime.Heartbeat": "the workers' own",
    "runtime.SetupCode": "of a portal that has no tenant yet",
}

# Unique constraints that do not begin with the tenant.
OPEN_UNIQUES: dict[str, str] = {}


def our_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models(include_auto_created=True) if model._meta.app_label in OURS]


def test_a_table_has_its_tenants_key_or_is_named_here() -> None:
    open_tables = {model._meta.label for model in our_models() if not issubclass(model, TenantModel)}

    assert open_tables == set(OPEN_TABLES)


def test_a_tenants_key_comes_from_the_base_only() -> None:
    for model in apps.get_models(include_auto_created=True):
        pointing = [field.name for field in model._meta.concrete_fields if field.related_model is Tenant]
        assert pointing == (["tenant"] if issubclass(model, TenantModel) else []), model._meta.label


def test_tenants_tables_are_behind_the_wall() -> None:
    def outside(model: type[TenantModel]) -> bool:
        managers = (model._base_manager, model._default_manager, *model._meta.managers)
        behind = all(isinstance(manager, WalledManager) for manager in managers)
        return model._meta.get_field("tenant").null or not behind

    assert len(MODELS) > 35
    assert [model._meta.label for model in MODELS if outside(model)] == []


def test_uniques_begin_with_the_tenant() -> None:
    assert set().union(*map(open_uniques, MODELS)) == set(OPEN_UNIQUES)


def open_uniques(model: type[TenantModel]) -> set[str]:
    found = {
        f"{model._meta.label}.{constraint.name}"
        for constraint in model._meta.constraints
        if isinstance(constraint, models.UniqueConstraint)
        and (not constraint.fields or constraint.fields[0] != "tenant")
    }
    found |= {f"{model._meta.label}{names}" for names in model._meta.unique_together if names[0] != "tenant"}
    return found | {
        str(field)
        for field in model._meta.concrete_fields
        # A one-to-one key is as foreign as the row it points at, which the wall has checked.
        if field.unique and not field.primary_key and not isinstance(field, models.OneToOneField)
    }


def test_nothing_without_a_tenant_has_a_way_back() -> None:
    visible = [
        str(field)
        for model in MODELS
        for field in model._meta.get_fields()
        if field.is_relation and not field.auto_created and not issubclass(field.related_model, TenantModel)
        if not field.remote_field.hidden
    ]
    assert visible == []  # each of them needs related_name="+"


def test_the_exceptions_are_still_needed() -> None:
    labels = {model._meta.label for model in our_models()}

    assert set(OPEN_TABLES) <= labels
