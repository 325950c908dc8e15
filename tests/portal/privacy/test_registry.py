"""The registry of personal columns names each column that can hold text, once, and none that is not there."""

from collections import Counter

from django.db import models

from portal.privacy import registry
from tests.walls.rows import MODELS

HOLDS_TEXT = (
    models.BinaryField,
    models.CharField,
    models.FileField,
    models.GenericIPAddressField,
    models.JSONField,
    models.TextField,
)


def declared() -> list[str]:
    personal = [column for columns in registry.PERSONAL.values() for column in columns]
    return personal + [f"{label}.{name}" for label, names in registry.IMPERSONAL.items() for name in names]


def test_every_column_of_text_is_declared_and_no_other() -> None:
    there = {
        f"{model._meta.label}.{field.name}"
        for model in MODELS
        for field in model._meta.concrete_fields
        if isinstance(field, HOLDS_TEXT)
    }
    assert set(declared()) == there


def test_each_is_declared_once() -> None:
    assert [column for column, times in Counter(declared()).items() if times > 1] == []


def test_columns_are_told_by_model() -> None:
    assert registry.columns(registry.Kind.NUMBER) == {
        "sync.Call": ["contact", "from_number", "to_number"],
        "sync.Line": ["digits", "number"],
    }
    assert "sync.Payload" in registry.columns()
