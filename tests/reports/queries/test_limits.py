"""What a question may take: seconds, memory, rows, and turns beside others of its reader and tenant."""

import os
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.conf import settings as configured

from portal.tenants import wall
from reports.columns import engine, files
from reports.columns.build import Builder
from reports.columns.engine import Failed, Statement, TooLong, TooMuch
from reports.columns.files import NotThere
from reports.columns.models import ColumnFile
from reports.columns.refresh import refresh_tenant
from reports.definitions.periods import Period
from reports.queries import figures, run
from reports.queries.ask import ask
from reports.queries.callbacks.links import Links, links
from reports.queries.callbacks.lists import CallbackQuestion, returns
from reports.queries.completeness.freshness import completeness
from reports.queries.contacts.ids import contact_id
from reports.queries.question import Filters, Question, QuestionError
from reports.queries.run import READER_AT_ONCE, TENANT_AT_ONCE, TooManyAtOnce, Turns, patient
from reports.queries.scope import Scope
from sync.models.agents import Agent
from sync.models.changes import DirtyDay
from tests import factories
from tests.reports.api.conftest import make_key

pytestmark = pytest.mark.django_db

WEEK = "date_from=2026-07-06&date_to=2026-07-12"
QUERY = f"/api/v1/reports/query/?metrics=attempts&{WEEK}"
ONE = Statement("SELECT 1")
ENDLESS = Statement("SELECT count(*) FROM range(1000000000000) AS a(n) WHERE n % 7 = 3")

LONG = Statement("SELECT count(*) FROM range(2000000000) AS a(n) WHERE n % 7 = 3")  # some seconds


@pytest.fixture
def scope(acme, sales) -> Scope:
    return Scope(acme.pk, acme.zone, frozenset({sales.pk}), sees_numbers=True)


@pytest.fixture
def impatient():
    """A reader who is not made to wait for a turn."""
    token = run._patience.set(0.0)
    yield
    run._patience.reset(token)


@pytest.fixture
def crowd(scope, impatient):
    """As many questions of the tenant as may be at once, of different readers."""
    turns = [Turns(replace(scope, reader=1_000 + n)) for n in range(TENANT_AT_ONCE)]
    for each in turns:
        each(ONE)
    yield turns
    for each in turns:
        each.close()


# --- Seconds and memory -----------------------------------------------------------------------------------------------


def test_a_statement_that_computes_too_long_is_interrupted_and_the_next_one_runs():
    began = time.monotonic()
    with pytest.raises(TooLong):
        engine.run(ENDLESS, deadline=began + 60, seconds=0.2)
    assert time.monotonic() - began < 20
    assert engine.run(ONE, deadline=time.monotonic() + 60) == [(1,)]


def test_a_statement_without_time_is_not_begun():
    began = time.monotonic()
    with pytest.raises(TooLong):
        engine.run(LONG, deadline=began + 60, seconds=0.01)
    assert time.monotonic() - began < 0.5


def test_an_interrupt_that_comes_too_early_comes_again(monkeypatch):
    """Before a statement computes nothing takes notice of one."""
    monkeypatch.setattr(engine, "LEAST_SECONDS", 0.0)
    with pytest.raises(TooLong):
        engine.run(LONG, deadline=time.monotonic() + 60, seconds=0.0)
    assert engine.run(ONE, deadline=time.monotonic() + 60) == [(1,)]


def test_who_waits_for_a_turn_past_the_deadline_is_told_so():
    process = engine._this_process()
    for _turn in range(engine.AT_ONCE):
        assert process.turns.enter(1, time.monotonic())
    try:
        with pytest.raises(TooLong):
            engine.run(ONE, deadline=time.monotonic() + 0.05)
    finally:
        for _turn in range(engine.AT_ONCE):
            process.turns.leave(1)


def test_a_statement_that_needs_too_much_memory_ends_alone(settings, monkeypatch):
    settings.COLUMNS_MEMORY = "40MB"
    monkeypatch.setattr(engine, "_process", None)  # made anew with it, and again after the test
    with pytest.raises(TooMuch):
        engine.run(Statement("SELECT quantile_cont(n, 0.5) FROM range(20000000) AS a(n)"), deadline=1e9)
    assert engine.run(ONE, deadline=1e9) == [(1,)]


def test_a_statement_takes_so_much_of_the_disk_and_no_more(settings, monkeypatch):
    settings.COLUMNS_MEMORY = "40MB"
    places = "SELECT row_number() OVER (ORDER BY hash(n)) AS place FROM range(4000000) AS a(n)"
    wide = Statement(f"SELECT max(place) FROM ({places})")
    monkeypatch.setattr(engine, "_process", None)
    assert engine.run(wide, deadline=1e9) == [(4_000_000,)]
    settings.COLUMNS_SPILL = 10_000_000
    monkeypatch.setattr(engine, "_process", None)
    with pytest.raises(TooMuch):
        engine.run(wide, deadline=1e9)
    assert engine.run(ONE, deadline=1e9) == [(1,)]


@pytest.mark.parametrize(
    ("fault", "english", "portuguese"),
    [
        (TooLong, "longer than 20 seconds", "mais de 20 segundos"),
        (TooMuch, "more memory", "mais memória"),
    ],
)
def test_each_has_its_sentence_on_api_and_page(client, ana, acme, sales, monkeypatch, fault, english, portuguese):
    assert configured.QUESTION_SECONDS == 20

    def fail(_statement, **_limits):
        raise fault("a path of ours")

    monkeypatch.setattr(engine, "run", fail)
    answer = client.get(QUERY, headers={"Authorization": f"Bearer {make_key(acme)}"})
    assert answer.status_code == 400
    assert english in answer.json()["errors"]["by"][0]
    client.force_login(ana)
    for language, words in (("en", english), ("pt-br", portuguese)):
        page = client.get(f"/t/acme/?{WEEK}", headers={"Accept-Language": language})
        assert page.status_code == 400
        assert words in page.content.decode()
        assert "a path of ours" not in page.content.decode()


@pytest.fixture
def damaged(settings, tmp_path, acme, sales) -> str:
    """A week of a file whose pages are nonsense, which nobody notices: it was looked through before."""
    settings.DATA_DIR = tmp_path
    settings.ANSWERS_KEPT_SECONDS = 0
    with wall.tenant(acme):
        with factories.at_once():
            for n in range(300):
                factories.call(sales, f"c-{n}", started_at=datetime(2026, 7, 6, 12, n % 60, tzinfo=UTC), seconds=n)
        refresh_tenant()
        (row,) = ColumnFile.objects.all()
        path = files.local(row)
        whole, state = path.read_bytes(), path.stat()
        path.write_bytes(whole[:8] + bytes(len(whole) // 2) + whole[8 + len(whole) // 2 :])
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
        assert files.local(row) == path
    return f"/api/v1/reports/query/?metrics=attempts,talk_minutes,unique_contacts&by=agent&{WEEK}"


def test_a_file_that_is_damaged_unnoticed_is_no_fault_of_the_reader(client, ana, acme, damaged, caplog):
    answer = client.get(damaged, headers={"Authorization": f"Bearer {make_key(acme)}"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"] == "Figures cannot be computed at the moment. Ask again in a moment."
    (record,) = (record for record in caplog.records if "could not be computed" in record.message)
    assert record.exc_info is not None
    client.force_login(ana)
    for language, words in (("en", "cannot be computed"), ("pt-br", "Não é possível calcular")):
        page = client.get(f"/t/acme/?{WEEK}", headers={"Accept-Language": language})
        assert (page.status_code, page["Retry-After"]) == (503, "5")
        assert words in page.content.decode()


def test_a_file_that_went_meanwhile_is_no_fault_of_the_reader(client, ana, acme, sales, monkeypatch):
    def fail(_statement, **_limits):
        raise NotThere("a path of ours")

    monkeypatch.setattr(engine, "run", fail)
    answer = client.get(QUERY, headers={"Authorization": f"Bearer {make_key(acme)}"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer.json()["detail"] == "The data changed while this was answered. Ask again in a moment."
    client.force_login(ana)
    for language, words in (("en", "data changed"), ("pt-br", "dados mudaram")):
        page = client.get(f"/t/acme/?{WEEK}", headers={"Accept-Language": language})
        assert (page.status_code, page["Retry-After"]) == (503, "5")
        assert words in page.content.decode()
        assert "a path of ours" not in page.content.decode()


def test_an_engine_that_answers_nothing_any_more_is_replaced(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    assert engine.run(ONE, deadline=1e9) == [(1,)]
    engine._this_process().connection.close()
    with pytest.raises(Failed):
        engine.run(ONE, deadline=1e9)
    assert engine.run(ONE, deadline=1e9) == [(1,)]


def test_lists_say_so_and_a_call_is_shown_all_the_same(client, ana, acme, sales, monkeypatch):
    with wall.tenant(acme):
        dials = factories.agent(sales, "dials")
        factories.agent(sales, "takes", takes_callbacks=True, callback_sources=["dials"])
        call = factories.call(sales, "c", agent=dials)
        scope = Scope(acme.pk, acme.zone, frozenset({sales.pk}), sees_numbers=True)
        contact = contact_id(call.contact, scope)
    real = engine.run

    def fail(statement, **limits):
        if "heard" in statement.sql or "missed" in statement.sql:  # of the callback loop
            raise TooLong
        return real(statement, **limits)

    client.force_login(ana)
    for path in ("callbacks/?open=nonsense", f"contacts/{contact}/?cursor=nonsense"):
        assert client.get(f"/t/acme/{path}").status_code == 404, path
    monkeypatch.setattr(engine, "run", fail)
    for path in (f"callbacks/?{WEEK}", f"contacts/{contact}/"):
        page = client.get(f"/t/acme/{path}")
        assert page.status_code == 400, path
        assert "longer than 20 seconds" in page.content.decode()
    page = client.get(f"/t/acme/calls/{call.pk}/")
    assert page.status_code == 200
    assert "Figures cannot be computed at the moment." in page.content.decode()


# --- Turns ------------------------------------------------------------------------------------------------------------


def test_one_reader_has_few_questions_at_once_and_others_go_on(scope, impatient):
    mine = [Turns(replace(scope, reader=1)) for _ in range(READER_AT_ONCE + 1)]
    for each in mine[:-1]:
        assert each(ONE) == [(1,)]
    with pytest.raises(TooManyAtOnce):
        mine[-1](ONE)
    bruno = Turns(replace(scope, reader=2))
    assert bruno(ONE) == [(1,)]
    mine[0].close()
    assert mine[-1](ONE) == [(1,)]


@pytest.mark.usefixtures("crowd")
def test_pages_and_api_are_asked_to_come_again(client, ana, acme, sales):
    answer = client.get(QUERY, headers={"Authorization": f"Bearer {make_key(acme)}"})
    assert (answer.status_code, answer["Retry-After"]) == (429, "2")
    assert answer["Content-Type"] == "application/problem+json"
    client.force_login(ana)
    for language, words in (("en", "has to wait"), ("pt-br", "precisa esperar")):
        page = client.get(f"/t/acme/?{WEEK}", headers={"Accept-Language": language})
        assert (page.status_code, page["Retry-After"]) == (429, "2")
        assert words in page.content.decode()


@pytest.mark.usefixtures("crowd")
def test_another_tenant_is_not_held_up(scope, foreign):
    other = Scope(foreign.tenant_id, "UTC", frozenset({foreign.pk}), sees_numbers=True)
    assert Turns(other)(ONE) == [(1,)]


def test_one_readers_call_pages_take_no_turn_of_others(acme, sales, scope, impatient):
    with wall.tenant(acme):
        dials = factories.agent(sales, "dials")
        factories.agent(sales, "takes", takes_callbacks=True, callback_sources=["dials"])
        call = factories.call(sales, "c", agent=dials)
        ana, bruno = replace(scope, reader=1), replace(scope, reader=2)
        open_pages = [Turns(ana) for _ in range(READER_AT_ONCE)]
        for each in open_pages:
            each(ONE)
        with pytest.raises(TooManyAtOnce):
            links(str(call.pk), ana)
        assert links(str(call.pk), bruno) == Links()


def test_a_file_waits_for_its_turn(crowd, scope, settings):
    settings.QUESTION_SECONDS = 2
    began = time.monotonic()
    with patient(), pytest.raises(TooManyAtOnce):
        Turns(replace(scope, reader=3))(ONE)
    assert time.monotonic() - began >= 2


def test_a_question_that_fails_gives_its_turn_back(acme, scope, impatient, monkeypatch):
    def fail(_statement, **_limits):
        raise TooLong

    question = Question(("attempts",), Period(date(2026, 7, 6), date(2026, 7, 13), "UTC"))
    with wall.tenant(acme), monkeypatch.context() as patch:
        patch.setattr(engine, "run", fail)
        for _ in range(2 * READER_AT_ONCE):
            with pytest.raises(QuestionError):
                ask(question, scope)
    with wall.tenant(acme):
        assert ask(question, scope).totals.keys() == {"attempts"}


@pytest.fixture
def changed(settings, tmp_path, acme, sales, care, monkeypatch) -> list[int]:
    """Environments with a changed day each; those of which days are read from the mirror for a question."""
    settings.DATA_DIR = tmp_path
    with wall.tenant(acme):
        for environment in (sales, care):
            with factories.at_once():
                factories.call(environment, "c", started_at=datetime(2026, 7, 8, 12, tzinfo=UTC))
        refresh_tenant()
        for environment in (sales, care):
            DirtyDay.objects.create(tenant=acme, environment=environment, day=date(2026, 7, 8), since=datetime.now(UTC))
    made: list[int] = []
    write = Builder.write

    def watched(builder, *args):
        made.append(builder._environment.pk)
        return write(builder, *args)

    monkeypatch.setattr(Builder, "write", watched)
    return made


@pytest.mark.parametrize("kind", ["figures", "callbacks", "completeness"])
def test_calls_are_read_from_the_mirror_in_turn_only(acme, sales, care, scope, changed, crowd, kind):
    scope = replace(scope, environment_ids=frozenset({sales.pk, care.pk}))
    week = Period(date(2026, 7, 6), date(2026, 7, 13), "UTC")
    asked = {
        "figures": lambda: ask(Question(("attempts",), week), scope),
        "callbacks": lambda: returns(CallbackQuestion(week.start, week.end), scope),
        "completeness": lambda: completeness(scope, week, Filters()),
    }[kind]
    with wall.tenant(acme):
        with pytest.raises(TooManyAtOnce):
            asked()
        assert changed == []
        for _ in range(2 * READER_AT_ONCE):  # each gives its turn back
            crowd[0].close()
            asked()
            crowd[0](ONE)
    assert changed == ([care.pk] if kind == "completeness" else [sales.pk, care.pk])


def test_what_is_read_from_the_mirror_leaves_time_to_answer(scope, settings):
    turns, began = Turns(scope), time.monotonic()
    until = turns.begin()
    assert until - began == pytest.approx(settings.QUESTION_SECONDS, abs=1)
    assert turns.begin() == until
    assert turns(ONE) == [(1,)]
    turns.close()


# --- Rows -------------------------------------------------------------------------------------------------------------


def test_more_rows_than_an_answer_has_are_refused_before_anything_is_computed(acme, scope, sales, monkeypatch):
    with wall.tenant(acme), factories.at_once():
        for n in range(30):
            at = datetime(2026, 7, 6, tzinfo=UTC) + timedelta(minutes=n)
            factories.call(sales, f"c-{n}", started_at=at, direction="outbound", from_number=f"+55113000{n:04}")
    computed: list[str] = []
    real = engine.run

    def watched(statement, **limits):
        computed.append(statement.sql)
        return real(statement, **limits)

    monkeypatch.setattr(engine, "run", watched)
    year = Period(date(2026, 1, 1), date(2027, 1, 1), "UTC")
    with wall.tenant(acme), pytest.raises(QuestionError) as refused:
        ask(Question(("attempts",), year, ("hour", "line")), scope)
    assert "more than" in refused.value.errors["by"]
    assert not [sql for sql in computed if "GROUPING SETS" in sql]


def test_costs_of_many_tariffs_are_bounded_before_they_are_computed(acme, scope, sales, monkeypatch):
    """The agents' list prices are one more grouping inside; a vendor may have as many as agents."""
    with wall.tenant(acme):
        for cents in range(1, 6):
            agent = factories.agent(sales, f"priced-{cents}")
            Agent.objects.filter(pk=agent.pk).update(price_per_minute=Decimal(cents) / 100, currency="USD")
            factories.call(sales, f"c-{cents}", agent=agent, seconds=60 * cents)
    period = Period(date(2026, 7, 1), date(2026, 7, 15), "UTC")
    priced = Question(("estimated_cost",), period, ("day",), compare=False)
    with wall.tenant(acme):
        answer = ask(priced, scope)
        monkeypatch.setattr(figures, "MAX_PRICED", 14 * 5 - 1)
        with pytest.raises(QuestionError, match="more memory"):
            ask(priced, scope)
        ask(replace(priced, metrics=("attempts",)), scope)
        assert ask(replace(priced, by=()), scope).totals == answer.totals
    assert answer.totals["estimated_cost"].value == pytest.approx(sum(n * n for n in range(1, 6)) / 100)
    assert answer.totals["estimated_cost"].n == 5
