"""The insides of Django that Ringbook uses still are what they were: one test each."""

import smtplib

import pytest
from django.core.cache.backends.redis import RedisCache
from django.core.exceptions import EmptyResultSet
from django.core.mail import EmailMessage
from django.db import DatabaseError, connection, models, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Value
from django.forms import modelform_factory
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory
from django.utils.log import log_response

from portal import django_inside as inside
from portal.tenants import row_security, wall
from portal.tenants.models.people import User
from portal.tenants.models.tenants import Environment
from tests import factories

pytestmark = pytest.mark.django_db


class Mixed(Exception):
    pass


class Marked(inside.WatchedQuerySet[User]):
    mark = ""

    def hand_on(self, copy):
        copy.mark = self.mark

    def refuse_mixing(self, other):
        if getattr(other, "mark", "") != self.mark:
            raise Mixed


def marked(mark: str) -> Marked:
    rows = Marked(User)
    rows.mark = mark
    return rows


def test_a_queryset_hands_on_what_it_knows_to_every_copy(ana):
    rows = marked("a")
    copies = (
        rows.all(),
        rows.filter(pk=1).exclude(email="").order_by("pk").distinct(),
        rows.values("pk").annotate(n=models.Count("pk")),
        rows.values_list("pk", flat=True)[:3],
        rows.only("pk").select_related().using("default"),
        rows.none(),
        rows | marked("a"),
        rows.union(marked("a")),
    )
    assert {copy.mark for copy in copies} == {"a"}


@pytest.mark.parametrize("word", ["__or__", "__and__", "__xor__", "union", "intersection", "difference"])
def test_a_queryset_is_asked_before_it_is_combined(word):
    getattr(marked("a"), word)(marked("a"))
    with pytest.raises(Mixed):
        getattr(marked("a"), word)(marked("b"))


def test_a_manager_makes_querysets_of_the_class_it_names():
    class Users(inside.ChosenManager[User]):
        querysets = Marked

    manager = Users()
    manager.model = User

    assert type(manager.all()) is type(manager.filter(pk=1)) is type(manager.get_queryset()) is Marked


@pytest.mark.parametrize(
    "save",
    [
        lambda row: row.save(),
        lambda row: row.save(update_fields=["name"]),
        lambda row: row.save(force_insert=True),
        lambda row: row.save_base(raw=True),  # as fixtures do
        lambda row: type(row).objects.create(tenant_id=row.tenant_id, name="New"),
        lambda row: type(row).objects.update_or_create(pk=row.pk, defaults={"name": "New"}),
    ],
    ids=["save", "fields", "insert", "raw", "create", "update_or_create"],
)
def test_an_object_is_asked_before_it_is_saved_in_any_way(acme, sales, monkeypatch, save):
    asked = []
    monkeypatch.setattr(Environment, "before_saving", lambda row: asked.append(row) or 1 / 0)
    with wall.tenant(acme), pytest.raises(ZeroDivisionError):
        save(sales)
    assert len(asked) == 1


def test_an_update_reaches_the_rows_that_may_be_changed_alone(acme, sales, monkeypatch):
    monkeypatch.setattr(Environment, "updatable", lambda row, rows: rows.none())
    with wall.tenant(acme):
        sales.name = "Other"
        with pytest.raises(DatabaseError, match="did not affect any rows"), transaction.atomic():
            sales.save(update_fields=["name"])
        assert Environment.objects.get(pk=sales.pk).name == "Sales"


def test_the_rows_that_an_object_holds(acme, sales):
    with wall.tenant(acme):
        made = factories.agent(sales)
        read = type(made).objects.get(pk=made.pk)
        assert read.rows_held() == []
        assert read.environment == sales
        assert read.rows_held() == [sales]
        assert type(made)(tenant=acme, environment=sales).rows_held() == [acme, sales]


@pytest.mark.parametrize(("checked", "told"), [(frozenset(), False), (frozenset({"tenant"}), True)])
def test_a_form_checks_the_constraints_of_a_field_that_it_does_not_show(acme, sales, checked, told):
    class Form(inside.CheckingForm):
        pass

    Form.checked = checked
    with wall.tenant(acme):
        form = modelform_factory(Environment, form=Form, fields=["name"])(
            {"name": sales.name}, instance=Environment(tenant=acme)
        )
        assert form.is_valid() is not told


def test_messages_are_handed_over_one_by_one_on_the_connection_of_choice():
    handed = []

    class Plain(smtplib.SMTP):
        pass

    class Encrypted(smtplib.SMTP_SSL):
        pass

    class Backend(inside.OneByOne):
        plain, encrypted = Plain, Encrypted

        def open(self):
            self.connection = self.connection or Plain()  # not connected: nothing is sent
            return False

        def hand_over(self, message):
            handed.append(message.subject)
            return message.subject != "b"

    messages = [EmailMessage(subject, "text", "a@x.example", ["b@x.example"]) for subject in "abc"]
    assert Backend().send_messages(messages) == 2
    assert handed == ["a", "b", "c"]
    assert Backend(use_ssl=False).connection_class is Plain
    assert Backend(use_ssl=True, use_tls=False).connection_class is Encrypted


def test_a_condition_is_added_to_the_queryset_itself(ana, bruno):
    rows = User.objects.all()
    inside.add_condition(rows, models.lookups.Exact(models.F("email"), Value(ana.email)).resolve_expression(rows.query))

    assert list(rows) == list(rows.filter(pk__gt=0)) == [ana]


def test_an_equation_is_added_as_filter_would(acme, globex, sales, foreign):
    rows = models.QuerySet(Environment)
    inside.add_equation(rows, "tenant", acme.pk)

    assert str(rows.query) == str(models.QuerySet(Environment).filter(tenant_id=acme.pk).query)
    with wall.tenant(acme):
        assert list(rows) == list(rows.filter(tenant__slug="acme")) == [sales]


def test_the_client_of_a_cache():
    cache = RedisCache("redis://127.0.0.1:1/7", {})
    assert inside.redis_of(cache, "key").connection_pool.connection_kwargs["db"] == 7


def test_a_queryset_that_is_surely_empty():
    assert inside.surely_empty(User.objects.none())
    assert inside.surely_empty(User.objects.none().filter(pk=1).values("pk"))
    assert not inside.surely_empty(User.objects.all())


def test_the_statement_of_a_queryset_is_one_that_the_database_takes(ana, bruno):
    sql, values = inside.statement(User.objects.filter(email=ana.email).values_list("pk", "email"))
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        assert cursor.fetchall() == [(ana.pk, ana.email)]
    with pytest.raises(EmptyResultSet):
        inside.statement(User.objects.filter(pk__in=[]))


@pytest.mark.django_db(transaction=True)
def test_what_the_database_lacks_of_the_migrations():
    with row_security.as_owner():
        assert inside.unapplied_migrations() == []
        last = MigrationRecorder.Migration.objects.filter(app="tenants").latest("name")
        last.delete()

        assert inside.unapplied_migrations()[0] == f"tenants.{last.name}"
        last.save(force_insert=True)


def test_of_an_answer_that_is_unlogged_no_line_is_written(caplog):
    request = RequestFactory().get("/")
    log_response("Said", request=request, response=HttpResponse(status=429))
    log_response("Not said", request=request, response=inside.unlogged(HttpResponse(status=429)))
    assert [line.getMessage() for line in caplog.records] == ["Said"]


def test_what_is_to_be_done_when_an_answer_is_closed():
    for answer in (HttpResponse("whole"), StreamingHttpResponse(iter([b"in ", b"pieces"]))):
        closed: list[bool] = []
        inside.on_close(answer, lambda closed=closed: closed.append(True))
        assert not closed
        answer.close()
        assert closed == [True]
