"""The wall, attacked through every public method that a manager or a queryset has, on every tenant's table.

The methods are found by introspection. One that Django adds later, or a queryset of ours, makes these tests fail until
it stands in ``CALLS`` (how an attacker would call it) or in ``ROWLESS`` (why it can show nothing).
"""

import inspect
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import models, transaction
from django.db.models import Count, F, Max

from portal.tenants import wall
from portal.tenants.base import TenantModel, WalledQuerySet
from portal.tenants.models.tenants import Tenant
from tests.walls.rows import MODELS, leaks, row_of, snapshot, values_of

by_table = pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)

ROWLESS = {
    "as_manager": "makes a manager",
    "check": "Django's system check",
    "contribute_to_class": "called when the model is built",
    "db_manager": "copies the manager",
    "deconstruct": "describes the manager to a migration",
    "from_queryset": "makes a class",
    "get_queryset": "the door itself: tried as all()",
    "hand_on": "tells a copy of a queryset what its original knew",
    "of": "makes a manager",
    "querysets": "the class of a manager's querysets",
    "refuse_mixing": "asked before two querysets are combined",
    "resolve_expression": "turns a queryset into a subquery; it keeps its filter",
    "standing": "narrows API keys to those that open something: a filter, tried as filter()",
    "walled": "what the door does to a fresh queryset",
}


@dataclass
class World:
    """A table with one row of ours and two of theirs."""

    model: type[TenantModel]
    ours: Any
    theirs: Any
    ours_values: Callable[[], dict[str, Any]]
    their_values: Callable[[], dict[str, Any]]

    @property
    def field(self) -> models.Field:
        """A field to write: any that is neither key nor tenant, the key when there is no other."""
        plain = [f for f in self.model._meta.concrete_fields if not f.primary_key and not f.is_relation]
        return (plain or [self.model._meta.pk])[0]

    @property
    def change(self) -> dict[str, Any]:
        return {self.field.attname: getattr(self.ours, self.field.attname)}

    def moment(self) -> str:
        names = [f.name for f in self.model._meta.concrete_fields if isinstance(f, models.DateTimeField)]
        return (names or ["pk"])[0]

    def date(self) -> str:
        names = [f.name for f in self.model._meta.concrete_fields if type(f) is models.DateField]
        return (names or ["pk"])[0]


Call = Callable[[Any, World], Any]

# How each method is called to reach their rows: on a manager or a queryset, in the world of one table.
CALLS: dict[str, list[Call]] = {
    "aggregate": [lambda q, w: q.aggregate(Count("pk")), lambda q, w: list(q.aggregate(Max("tenant__slug")).values())],
    "alias": [lambda q, w: q.alias(slug=F("tenant__slug"))],
    "all": [lambda q, w: q.all()],
    "annotate": [lambda q, w: q.annotate(slug=F("tenant__slug"))],
    "bulk_create": [
        lambda q, w: q.bulk_create([w.model(**w.their_values())]),
        lambda q, w: q.bulk_create([w.theirs], None, False, True, [w.field.name], [w.model._meta.pk.name]),
        lambda q, w: q.bulk_create([forged(w)], None, False, True, [w.field.name], [w.model._meta.pk.name]),
        lambda q, w: q.bulk_create([forged(w)], ignore_conflicts=True),
    ],
    "bulk_update": [
        lambda q, w: q.bulk_update([w.theirs], [w.field.name]),
        lambda q, w: q.bulk_update([forged(w)], [w.field.name]),
        lambda q, w: q.bulk_update([w.ours], ["tenant"]),
    ],
    "complex_filter": [lambda q, w: q.complex_filter({"pk": w.theirs.pk})],
    "contains": [lambda q, w: refused(q.contains(w.theirs))],
    "count": [lambda q, w: at_most_ours(q.count())],
    "create": [lambda q, w: q.create(**w.their_values())],
    "dates": [lambda q, w: at_most_ours(len(q.dates(w.date(), "day")))],
    "datetimes": [lambda q, w: at_most_ours(len(q.datetimes(w.moment(), "day")))],
    "defer": [lambda q, w: q.defer(w.field.name)],
    "delete": [lambda q, w: q.filter(pk=w.theirs.pk).delete(), lambda q, w: q.all().delete()],
    "difference": [lambda q, w: q.difference(q.none())],
    "distinct": [lambda q, w: q.distinct(), lambda q, w: at_most_ours(q.distinct().count())],
    "earliest": [lambda q, w: q.earliest("pk")],
    "exclude": [lambda q, w: q.exclude(pk=w.ours.pk), lambda q, w: refused(q.exclude(pk=w.ours.pk).exists())],
    "exists": [lambda q, w: refused(q.filter(pk=w.theirs.pk).exists())],
    "explain": [lambda q, w: q.explain()],
    "extra": [lambda q, w: q.extra(where=["1=1"])],
    "filter": [lambda q, w: q.filter(pk=w.theirs.pk), lambda q, w: q.filter(tenant=w.theirs.tenant_id)],
    "first": [lambda q, w: q.first()],
    "get": [lambda q, w: q.get(pk=w.theirs.pk)],
    "get_or_create": [
        lambda q, w: q.get_or_create(pk=w.theirs.pk, defaults=w.their_values()),
        lambda q, w: q.get_or_create(pk=w.theirs.pk, defaults=w.ours_values()),
    ],
    "in_bulk": [lambda q, w: q.in_bulk([w.theirs.pk]), lambda q, w: q.in_bulk()],
    "intersection": [lambda q, w: q.intersection(q.all())],
    "iterator": [lambda q, w: list(q.iterator(chunk_size=10))],
    "last": [lambda q, w: q.last()],
    "latest": [lambda q, w: q.latest("pk")],
    "none": [lambda q, w: q.none()],
    "only": [lambda q, w: q.only("pk", "tenant")],
    "order_by": [lambda q, w: q.order_by("-pk")],
    "prefetch_related": [lambda q, w: q.prefetch_related("tenant")],
    "raw": [lambda q, w: list(q.raw(f'SELECT * FROM "{w.model._meta.db_table}"'))],
    "reverse": [lambda q, w: q.reverse()],
    "select_for_update": [lambda q, w: q.select_for_update()],
    "select_related": [lambda q, w: q.select_related("tenant")],
    "union": [lambda q, w: q.union(q.all())],
    "update": [
        lambda q, w: q.update(**w.change),
        lambda q, w: q.filter(pk=w.theirs.pk).update(**w.change),
        lambda q, w: q.update(tenant=w.ours.tenant),
        lambda q, w: q.update(tenant_id=w.theirs.tenant_id),
    ],
    "update_or_create": [
        lambda q, w: q.update_or_create(pk=w.theirs.pk, defaults=w.their_values()),
        lambda q, w: q.update_or_create(pk=w.theirs.pk, defaults=w.ours_values()),
        lambda q, w: q.update_or_create(pk=w.ours.pk, defaults={"tenant_id": w.theirs.tenant_id}),
    ],
    "using": [lambda q, w: q.using("default")],
    "values": [lambda q, w: q.values(), lambda q, w: q.values("tenant__slug"), lambda q, w: q.values(*pointing(w))],
    "values_list": [lambda q, w: q.values_list(), lambda q, w: q.values_list("tenant__slug", flat=True)],
}


class Asynchronous:
    """A manager or queryset whose methods are its asynchronous twins, waited for."""

    def __init__(self, rows: Any) -> None:
        self.rows = rows

    def __getattr__(self, name: str) -> Any:
        twin = getattr(self.rows, f"a{name}", None)
        if twin is None:
            return lambda *args, **kwargs: Asynchronous(getattr(self.rows, name)(*args, **kwargs))

        def waited(*args: Any, **kwargs: Any) -> Any:
            result = twin(*args, **kwargs)
            if inspect.isasyncgen(result):
                return async_to_sync(_gathered)(result)
            return async_to_sync(_awaited)(result)

        return waited


async def _awaited(result: Any) -> Any:
    return await result


async def _gathered(result: Any) -> list[Any]:
    return [row async for row in result]


def forged(world: World) -> Any:
    """Their row's key in an object that says it is ours."""
    return world.model(**world.ours_values() | {"pk": world.theirs.pk})


def pointing(world: World) -> list[str]:
    return [f"{field.name}__pk" for field in world.model._meta.concrete_fields if field.is_relation]


def refused(answer: bool) -> None:
    """Fails the test, past any ``suppress(Exception)``."""
    if answer is not False:
        pytest.fail("a question about their row was answered with yes")


def at_most_ours(count: int) -> None:
    if count > 1:
        pytest.fail(f"their rows were counted: {count}")


def public_methods(thing: Any) -> set[str]:
    names = {name for name in dir(type(thing)) if not name.startswith("_")}
    return {name for name in names if callable(inspect.getattr_static(type(thing), name)) or _is_bound(thing, name)}


def _is_bound(thing: Any, name: str) -> bool:
    return isinstance(inspect.getattr_static(type(thing), name), classmethod | staticmethod)


@pytest.fixture
def world(model, acme, globex) -> World:
    with wall.tenant(acme):
        our_rows: dict[type, Any] = {}
        ours = row_of(model, acme, our_rows)
    with wall.tenant(globex):
        their_rows: dict[type, Any] = {}
        theirs = row_of(model, globex, their_rows)
        row_of(model, globex, {})
    return World(
        model=model,
        ours=ours,
        theirs=theirs,
        ours_values=lambda: values_of(model, acme, our_rows),
        their_values=lambda: values_of(model, globex, their_rows),
    )


@by_table
def test_every_public_method_is_known(model) -> None:
    with wall.every_tenant("a test looks at classes"):
        found = public_methods(model._default_manager) | public_methods(model._default_manager.all())
    twins = {f"a{name}" for name in CALLS}

    assert found - twins - set(ROWLESS) <= set(CALLS)


@by_table
def test_without_a_tenant_every_method_raises(model) -> None:
    for manager in {*model._meta.managers, model._default_manager, model._base_manager}:
        for name in sorted(public_methods(manager) - set(ROWLESS)):
            with pytest.raises(wall.NoTenant):
                getattr(manager, name)()
        with pytest.raises(wall.NoTenant):
            manager.db_manager("default").all()


@by_table
def test_no_method_reaches_anothers_rows(model, world, globex) -> None:
    attack(world, globex, lambda rows: rows)


@by_table
def test_no_asynchronous_method_reaches_anothers_rows(model, world, globex) -> None:
    """All of a table's in one event loop: the attack runs in this thread, and its twins find the loop around it."""
    async_to_sync(sync_to_async(attack))(world, globex, Asynchronous)


def attack(world: World, globex: Tenant, twin: Callable[[Any], Any]) -> None:
    model = world.model
    before = snapshot(model, globex)
    keys = {row[model._meta.pk.attname] for row in before}
    starts = (lambda: model._default_manager, lambda: model._default_manager.all(), lambda: model._base_manager.all())
    for name, calls in CALLS.items():
        if twin is Asynchronous and not hasattr(WalledQuerySet, f"a{name}"):
            continue
        for (number, call), start in product(enumerate(calls), starts):
            # Most of these calls must fail; what may not happen is that they show or change anything of theirs.
            with wall.tenant(world.ours.tenant), suppress(Exception), transaction.atomic():
                result = _whole(call(twin(start()), world))
                if leaks(result, globex, keys):
                    pytest.fail(f"{name}, call {number}, shows their rows: {result!r}")
                if snapshot(model, globex) != before:
                    pytest.fail(f"{name}, call {number}, wrote their rows")
                transaction.set_rollback(True)
    assert snapshot(model, globex) == before


def _whole(result: Any) -> Any:
    if isinstance(result, Asynchronous):
        result = result.rows
    return list(result) if isinstance(result, models.QuerySet) else result
