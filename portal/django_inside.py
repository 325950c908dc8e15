"""What Ringbook uses of Django that Django does not document: here alone, so that an upgrade is checked in one place.

Each piece turns an inside of Django into words of its own, which the rest of the code uses; each has a test of its own.
"""

import smtplib
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Self, TypeVar, cast

from django.core.cache.backends.redis import RedisCache
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend
from django.db import connection, models
from django.db.migrations.executor import MigrationExecutor
from django.db.models.sql.where import AND
from django.forms import ModelForm
from django.http.response import HttpResponseBase

R = TypeVar("R", bound=HttpResponseBase)
M = TypeVar("M", bound=models.Model, covariant=True)


class WatchedQuerySet(models.QuerySet[M]):
    """A queryset that hands on what it knows when it is copied, and is asked before it is combined with another."""

    def hand_on(self, copy: Self) -> None:
        """``copy`` was made of this queryset, by ``filter`` and all its like."""

    def refuse_mixing(self, other: models.QuerySet[Any]) -> None:
        """Raise where ``other`` may not be combined with this one by ``|``, ``&``, ``union`` and their like."""

    def _clone(self) -> Self:
        copy: Self = super()._clone()  # type: ignore[misc]
        self.hand_on(copy)
        return copy

    def _merge_sanity_check(self, other: Any) -> None:
        self.refuse_mixing(other)
        super()._merge_sanity_check(other)  # type: ignore[misc]

    def _combinator_query(self, combinator: str, *others: Any, **kwargs: Any) -> Any:
        for other in others:
            self.refuse_mixing(other)
        return super()._combinator_query(combinator, *others, **kwargs)  # type: ignore[misc]


class ChosenManager(models.Manager[M]):
    """A manager whose querysets are of the class that ``querysets`` names."""

    querysets: ClassVar[type[models.QuerySet[Any]]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "querysets" in vars(cls):
            cls._queryset_class = cls.querysets  # type: ignore[attr-defined]


class WatchedModel(models.Model):
    """A model that is asked before it is written, in whichever way an object can be saved."""

    class Meta:
        abstract = True

    def before_saving(self) -> None:
        """Raise where the row may not be written."""

    def updatable(self, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """Those of ``rows`` that saving this object may change; its UPDATE goes by the primary key among them."""
        return rows

    def rows_held(self) -> Iterable[object]:
        """The rows that this object's keys point at, as far as they were given as objects or read."""
        return list(self._state.fields_cache.values())

    def save_base(self, *args: Any, **kwargs: Any) -> None:
        self.before_saving()
        super().save_base(*args, **kwargs)

    def _do_update(self, base_qs: models.QuerySet[Any], *args: Any, **kwargs: Any) -> Any:
        return super()._do_update(self.updatable(base_qs), *args, **kwargs)


class CheckingForm(ModelForm):  # type: ignore[type-arg]  # mixed into forms of every model
    """A form that checks the constraints of the fields in ``checked`` too, although it does not show these fields.

    Django leaves out every constraint that names a field which is not on the form.
    """

    checked: ClassVar[frozenset[str]] = frozenset()

    def _get_validation_exclusions(self) -> set[str]:
        return cast("set[str]", super()._get_validation_exclusions()) - self.checked  # type: ignore[misc]


class OneByOne(EmailBackend):
    """Django's SMTP backend, with the handing over of one message, and the class of its connection, to be chosen."""

    plain: type[smtplib.SMTP] = smtplib.SMTP
    encrypted: type[smtplib.SMTP_SSL] = smtplib.SMTP_SSL

    def hand_over(self, message: EmailMessage) -> bool:
        """Whether it went; raises what smtplib raises."""
        return bool(super()._send(message))  # type: ignore[misc]

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return self.encrypted if self.use_ssl else self.plain

    def _send(self, email_message: EmailMessage) -> bool:
        return self.hand_over(email_message)


def add_condition(rows: models.QuerySet[Any], condition: models.Expression) -> None:
    """Add to what this very queryset asks for, where ``filter`` would make a copy."""
    rows.query.where.add(condition, AND)


def add_equation(rows: models.QuerySet[Any], name: str, value: object) -> None:
    """Add that the column of a field equals ``value``, as ``filter`` would: that takes a copy and ten times as long."""
    field: Any = rows.model._meta.get_field(name)
    column = field.get_col(rows.query.get_initial_alias(), field)
    rows.query.where.add(field.get_lookup("exact")(column, value), AND)


def redis_of(cache: RedisCache, key: str) -> Any:
    """The client of the server on which a cache keeps that key, to write to it."""
    return cache._cache.get_client(key, write=True)


def surely_empty(rows: models.QuerySet[Any]) -> bool:
    """Whether the queryset is known to have no rows without asking the database, as ``none()`` is."""
    return bool(rows.query.is_empty())


def statement(rows: models.QuerySet[Any]) -> tuple[str, tuple[Any, ...]]:
    """The SQL of a queryset and its values. Raises EmptyResultSet where no row can answer it."""
    return cast("tuple[str, tuple[Any, ...]]", rows.query.get_compiler(connection=connection).as_sql())


def unlogged(answer: R) -> R:
    """The answer, of which Django writes no line in the log: it would warn of each with a status of 400 or more."""
    answer._has_been_logged = True  # type: ignore[attr-defined]
    return answer


def on_close(answer: HttpResponseBase, act: Callable[[], object]) -> None:
    """Have ``act`` called when the answer is closed: when it was sent whole, or whoever asked for it has gone."""
    answer._resource_closers.append(act)  # type: ignore[attr-defined]


def unapplied_migrations() -> list[str]:
    """The names of the migrations that the database lacks, in their order."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]
