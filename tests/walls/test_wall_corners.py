"""What a list of methods does not reach: objects at hand, keys, related rows, queries that travel, threads."""

import threading
from contextlib import suppress
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import Error, ProgrammingError, models, transaction

from portal.audit.models import Permanent
from portal.tenants import row_security, wall
from portal.tenants.base import TenantModel, WalledManager, WalledQuerySet
from portal.tenants.models.grants import Grant, GrantEnvironment
from portal.tenants.models.tenants import Environment, Tenant
from tests.walls.rows import MODELS, row_of, snapshot, values_of

REFUSED = (wall.ForeignTenant, Permanent)  # entries of the audit refuse every second write, whoever's they are
by_table = pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)


@pytest.fixture
def pair(model, acme, globex) -> tuple[Any, Any]:
    """A row of Acme and one of Globex."""
    made = []
    for tenant in (acme, globex):
        with wall.tenant(tenant):
            made.append(row_of(model, tenant, {}))
    return made[0], made[1]


@pytest.mark.parametrize("who", [None, "acme", "1", [1], True, False, 0, -1, 1.0, object(), Tenant(pk=7), Tenant()])
def test_the_wall_opens_for_one_saved_tenant_only(who) -> None:
    with pytest.raises(wall.NoTenant), wall.tenant(who):
        pass
    with pytest.raises(wall.NoTenant):
        wall.current()


def test_a_key_of_something_else_is_no_tenants(sales, ana) -> None:
    for other in (sales, ana, Environment):
        with pytest.raises(wall.NoTenant), wall.tenant(other):
            pass


@pytest.mark.parametrize("reason", ["", "  ", None, True])
def test_crossing_needs_a_reason(reason) -> None:
    with pytest.raises(wall.NoTenant), wall.every_tenant(reason):
        pass


def test_a_wall_closes_to_the_one_around_it(acme, globex) -> None:
    with wall.tenant(acme):
        with suppress(RuntimeError), wall.tenant(globex.pk):
            assert wall.current() == globex.pk
            raise RuntimeError
        assert wall.current() == acme.pk
    with pytest.raises(wall.NoTenant):
        wall.current()


def test_a_new_thread_is_behind_no_wall(acme) -> None:
    raised: list[type] = []

    def look() -> None:
        try:
            wall.current()
        except wall.NoTenant as error:
            raised.append(type(error))

    with wall.tenant(acme):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

    assert raised == [wall.NoTenant]


def test_streamed_rows_leave_the_wall_closed_for_their_taker(acme, sales, care) -> None:
    def names():
        for environment in Environment.objects.order_by("pk"):
            yield f"{environment.name} {wall.current()}"

    taken = []
    for name in wall.each(acme, names()):
        with pytest.raises(wall.NoTenant):
            wall.current()
        taken.append(name)

    assert taken == [f"Sales {acme.pk}", f"Care {acme.pk}"]


def test_a_queryset_keeps_the_filter_it_was_made_with(acme, globex, sales, foreign) -> None:
    with wall.tenant(acme):
        rows = Environment.objects.order_by("pk")
    if row_security.in_force():
        with pytest.raises(wall.NoTenant):
            list(rows.all())
    else:
        assert list(rows.all()) == [sales]
    with wall.tenant(globex):
        assert list(rows.all()) == ([] if row_security.in_force() else [sales])
        assert rows.filter(pk=foreign.pk).count() == 0
        for write in (lambda: rows.all().update(name="x"), lambda: rows.filter(pk=sales.pk).delete()):
            with pytest.raises(wall.ForeignTenant):
                write()
    for write in (lambda: rows.all().update(name="x"), lambda: rows.filter(pk=sales.pk).delete()):
        with pytest.raises(wall.NoTenant):
            write()


def test_a_queryset_across_tenants_serves_nowhere_else(acme, sales, foreign) -> None:
    with wall.every_tenant("a test"):
        rows = Environment.objects.order_by("pk")
        assert {*rows.all()} == {sales, foreign}
        assert rows.filter(pk=foreign.pk).exists()
    uses = (
        lambda: list(rows.all()),
        lambda: rows.filter(pk=1).exists(),
        lambda: rows.count(),
        lambda: rows.aggregate(models.Max("pk")),
        lambda: list(rows.order_by().values_list("name").union(rows.order_by().values_list("name"))),
        lambda: list(Tenant.objects.filter(pk__in=rows.values("tenant_id"))),
        lambda: rows.all().update(name="x"),
        lambda: rows.all().delete(),
        lambda: rows.bulk_create([]),
        lambda: rows.bulk_update([], ["name"]),
        lambda: list(rows.iterator()),
        lambda: rows.explain(),
        lambda: rows._raw_delete("default"),
    )
    for use in uses:
        with pytest.raises(wall.NoTenant):
            use()
        with wall.tenant(acme), pytest.raises(wall.WallError):
            use()


def test_querysets_of_two_walls_do_not_combine(acme, globex, sales, foreign) -> None:
    with wall.tenant(globex):
        theirs = Environment.objects.all()
    with wall.tenant(acme):
        ours = Environment.objects.all()
        for combine in (
            lambda: ours | theirs,
            lambda: ours & theirs,
            lambda: ours ^ theirs,
            lambda: ours.union(theirs),
            lambda: ours.intersection(theirs),
            lambda: ours.difference(theirs),
        ):
            with pytest.raises(wall.ForeignTenant):
                combine()
        assert list(ours | Environment.objects.filter(name="nothing")) == [sales]


def test_a_queryset_made_past_the_manager_writes_nothing(acme, sales) -> None:
    with wall.tenant(acme), pytest.raises(wall.WallError):
        WalledQuerySet(Environment).update(name="x")


@by_table
def test_their_row_at_hand_can_not_be_written(model, pair, acme, globex) -> None:
    _, theirs = pair
    before = snapshot(model, globex)
    with wall.tenant(acme):
        for write in (theirs.save, theirs.delete, theirs.save_base):
            with pytest.raises(REFUSED):
                write()
        with pytest.raises(model.DoesNotExist):
            theirs.refresh_from_db()
    for write in (theirs.save, theirs.delete, theirs.refresh_from_db):
        with pytest.raises((wall.NoTenant, Permanent)):
            write()

    assert snapshot(model, globex) == before


@by_table
def test_their_key_in_our_object_reaches_nothing(model, pair, acme, globex) -> None:
    ours, theirs = pair
    before = snapshot(model, globex)
    for door in (wall.tenant(acme), wall.every_tenant("a test")):
        with door:
            forged = model(**{f.attname: getattr(ours, f.attname) for f in model._meta.concrete_fields})
            forged.pk = theirs.pk
            forged._state.adding = False
            with suppress(Permanent):
                assert forged.delete() == (0, {})
            forged.pk = theirs.pk
            with pytest.raises((Error, Permanent)), transaction.atomic():
                forged.save()

    assert snapshot(model, globex) == before


@by_table
def test_a_row_never_moves(model, pair, acme, globex) -> None:
    ours, _ = pair
    before = snapshot(model, acme)
    ours.tenant = globex
    with wall.tenant(acme), pytest.raises(REFUSED):
        ours.save()
    with wall.every_tenant("a test"), pytest.raises((Error, *REFUSED)), transaction.atomic():
        ours.save()

    assert snapshot(model, acme) == before


@by_table
def test_a_row_points_at_rows_of_its_own_tenant(model, pair, acme, globex) -> None:
    _, theirs = pair
    keys = [f for f in model._meta.concrete_fields if f.is_relation and issubclass(f.related_model, TenantModel)]
    for key in keys:
        with wall.tenant(globex):
            target = getattr(theirs, key.name) or row_of(key.related_model, globex, {})
        with wall.tenant(acme):
            fresh = model(**values_of(model, acme, {}) | {key.name: target})
            for write in (
                fresh.save,
                lambda row=fresh: model.objects.bulk_create([row]),
                lambda name=key.name, value=target: model.objects.update(**{name: value}),
            ):
                with pytest.raises(REFUSED):
                    write()
            bare = model(tenant=acme, **{key.attname: target.pk})
            with pytest.raises(key.related_model.DoesNotExist):
                getattr(bare, key.name)


@by_table
def test_a_way_back_from_their_row_shows_nothing(model, pair, acme) -> None:
    _, theirs = pair
    with wall.tenant(acme):
        for relation in model._meta.related_objects:
            if relation.hidden:
                continue
            if relation.one_to_one:
                with pytest.raises(relation.related_model.DoesNotExist):
                    getattr(theirs, relation.get_accessor_name())
            else:
                assert not getattr(theirs, relation.get_accessor_name()).exists()


def test_a_grant_opens_environments_of_its_own_tenant_only(acme, sales, foreign) -> None:
    with wall.tenant(acme):
        grant = Grant.objects.create(tenant=acme, all_environments=False)
        for write in (
            lambda: grant.environments.add(foreign.pk),
            lambda: grant.environments.set([foreign]),
            lambda: GrantEnvironment.objects.create(tenant=acme, grant=grant, environment=foreign),
        ):
            with pytest.raises(wall.ForeignTenant), transaction.atomic():
                write()
        grant.environments.set([sales])
        assert list(grant.environments.all()) == [sales]
    with wall.every_tenant("a test"):
        with pytest.raises(wall.ForeignTenant), transaction.atomic():
            grant.environments.add(foreign)
        assert GrantEnvironment.objects.get().tenant_id == acme.pk
    with pytest.raises(wall.NoTenant):
        grant.environments.all()


def test_their_row_is_no_valid_choice_and_no_duplicate(acme, globex, sales, foreign) -> None:
    with wall.tenant(acme):
        field = GrantEnvironment._meta.get_field("environment")
        with pytest.raises(ValidationError) as refused:
            field.clean(foreign.pk, None)
        assert refused.value.code == "invalid"
        assert field.clean(sales.pk, None) == sales.pk
        Environment(tenant=acme, name="Care", provider="x").validate_constraints()


def test_deleting_a_tenant_leaves_the_others(acme, globex, sales, foreign) -> None:
    with pytest.raises(wall.NoTenant):
        acme.delete()
    if row_security.in_force():  # whose role takes no entry of the audit away
        with wall.every_tenant("a test"), transaction.atomic(), pytest.raises(ProgrammingError):
            acme.delete()
        return
    with wall.every_tenant("a test"):
        acme.delete()
        assert list(Environment.objects.all()) == [foreign]
    assert list(Tenant.objects.all()) == [globex]


def test_a_manager_with_words_of_its_own_is_walled_too(acme) -> None:
    class Words(WalledQuerySet[Environment]):
        def named(self, name: str) -> Any:
            return self.filter(name=name)

    manager = WalledManager.of(Words)
    manager.model = Environment
    with pytest.raises(wall.NoTenant):
        manager.named("Sales")
    with wall.tenant(acme):
        assert "tenant_id" in str(manager.named("Sales").query)
