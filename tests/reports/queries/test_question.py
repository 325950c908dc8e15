"""Questions in URLs: read, written, refused."""

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from django.http import QueryDict
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from reports.definitions.dimensions import DIMENSIONS
from reports.definitions.metrics import METRICS
from reports.definitions.periods import Period
from reports.queries.question import Filters, Question, QuestionError, read_calls, read_question, write_question
from reports.queries.scope import Scope
from reports.queries.selector import Selector

SCOPE = Scope(1, "America/Sao_Paulo", frozenset({1}), sees_numbers=True)
TODAY = date(2026, 7, 15)

filters = st.builds(
    Filters,
    environments=st.lists(st.uuids(), max_size=2, unique=True).map(tuple),
    agents=st.lists(st.uuids(), max_size=2, unique=True).map(tuple),
    statuses=st.lists(st.sampled_from(("completed", "no-answer", "voicemail")), unique=True).map(tuple),
    direction=st.sampled_from(("", "inbound", "outbound")),
    number=st.just(""),
    min_duration=st.none() | st.floats(0, 100),
    max_duration=st.none() | st.floats(100, 9999),
    testing=st.sampled_from(("exclude", "include", "only")),
) | st.builds(
    Filters,
    number=st.from_regex(r"[0-9]{4,13}", fullmatch=True),
    number_match=st.sampled_from(("contains", "begins", "ends", "exact")),
)
questions = st.builds(
    Question,
    metrics=st.lists(st.sampled_from(list(METRICS)), min_size=1, max_size=5, unique=True).map(tuple),
    period=st.builds(
        lambda start, days, zone: Period(start, date.fromordinal(start.toordinal() + days), zone),
        st.dates(date(2000, 1, 1), date(2090, 1, 1)),
        st.integers(1, 800),
        st.sampled_from(("UTC", "America/Sao_Paulo", "Asia/Kathmandu")),
    ),
    by=st.lists(st.sampled_from(list(DIMENSIONS)), max_size=3, unique=True).map(tuple),
    filters=filters,
    compare=st.booleans(),
).filter(  # the rest is refused
    lambda question: (
        all(METRICS[key].of_returns for key in question.metrics)
        or not any(DIMENSIONS[key].of_returns for key in question.by)
    )
)


@given(questions)
def test_what_is_written_reads_back_the_same(question):
    assert read_question(QueryDict(write_question(question)), SCOPE) == question


def test_without_parameters_it_is_the_last_seven_whole_days():
    question = read_question({}, SCOPE, today=TODAY)
    assert question.metrics == ("attempts", "connect_rate")
    assert question.period == Period(date(2026, 7, 8), date(2026, 7, 15), "America/Sao_Paulo")
    assert question.by == ()
    assert question.compare


def test_one_date_is_enough():
    assert read_question({"date_from": "2026-07-10"}, SCOPE, today=TODAY).period.last_day == TODAY
    assert read_question({"date_to": "2026-07-10"}, SCOPE, today=TODAY).period.start == date(2026, 7, 4)


def test_lists_may_be_comma_lists_or_repeated():
    params = QueryDict("metrics=attempts,connected&metrics=connected&by=day&by=agent")
    question = read_question(params, SCOPE, today=TODAY)
    assert (question.metrics, question.by) == (("attempts", "connected"), ("day", "agent"))


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"metrics": "attempts,nonsense"}, {"metrics"}),
        ({"by": "fortnight"}, {"by"}),
        ({"date_from": "13/07/2026"}, {"date_from"}),
        ({"date_from": "2026-02-30", "date_to": "9999-12-31"}, {"date_from", "date_to"}),
        ({"date_from": "2026-07-02", "date_to": "2026-07-01"}, {"date_to"}),
        ({"date_from": "2020-01-01", "date_to": "2026-07-01"}, {"date_to"}),
        ({"zone": "Mars/Olympus"}, {"zone"}),
        ({"environment": "7", "agent": "x"}, {"environment", "agent"}),
        ({"compare": "perhaps"}, {"compare"}),
        ({"direction": "sideways"}, {"direction"}),
        ({"min_duration": "long", "max_duration": "-1"}, {"min_duration", "max_duration"}),
        ({"min_duration": "nan"}, {"min_duration"}),
        ({"min_duration": "9", "max_duration": "3"}, {"max_duration"}),
        ({"number": "abc"}, {"number"}),
        ({"number": "987"}, {"number"}),
        ({"number": "98765", "number_match": "sounds"}, {"number_match"}),
        ({"testing": "maybe"}, {"testing"}),
    ],
)
def test_every_bad_parameter_is_named(params, names):
    with pytest.raises(QuestionError) as caught:
        read_question(params, SCOPE, today=TODAY)
    assert set(caught.value.errors) == names
    with translation.override("pt-br"), pytest.raises(QuestionError):
        read_question(params, SCOPE, today=TODAY)


def test_ids_are_not_looked_up():
    unknown = uuid4()
    assert read_question({"environment": str(unknown)}, SCOPE, today=TODAY).filters.environments == (unknown,)


@pytest.mark.parametrize("match", ["exact", "ends", "begins", "contains", ""])
def test_who_may_not_see_numbers_can_search_by_none(match):
    blind = Scope(1, "UTC", frozenset({1}))
    for name in ("number", "line"):
        with pytest.raises(QuestionError) as caught:
            read_calls({name: "+55 11 98765-4321", "number_match": match}, blind)
        assert set(caught.value.errors) == {name}
        assert "98765" not in str(caught.value)
    sealed = "A" * 32
    assert read_calls({"line": sealed, "contact": sealed}, blind).filters.line == sealed


@pytest.mark.parametrize("filters", [Filters(number="5511987654321"), Filters(line="551130000000")])
def test_no_choice_of_calls_is_made_by_a_number_for_who_may_not_see_numbers(filters):
    """Whoever writes a query without an address gets no further."""
    with pytest.raises(QuestionError):
        Selector(Scope(1, "UTC", frozenset({1})), filters, {}, datetime(2026, 7, 14, tzinfo=UTC))
    Selector(SCOPE, filters, {}, datetime(2026, 7, 14, tzinfo=UTC))


def test_a_period_by_name_moves_on_with_the_days() -> None:
    question = read_question({"period": "last_7_days"}, SCOPE, today=TODAY)
    assert question.period == Period(date(2026, 7, 8), date(2026, 7, 15), SCOPE.zone)
    written = QueryDict(write_question(question))
    assert (written["period"], "date_from" in written) == ("last_7_days", False)
    later = read_question(written, SCOPE, today=date(2026, 8, 1))
    assert later.period == Period(date(2026, 7, 25), date(2026, 8, 1), SCOPE.zone)
    fixed = {"period": "last_7_days", "date_from": "2026-07-01", "date_to": "2026-07-02"}
    assert read_question(fixed, SCOPE, today=TODAY).period == Period(date(2026, 7, 1), date(2026, 7, 3), SCOPE.zone)


@pytest.mark.parametrize(
    ("params", "before"),
    [
        ({}, ("2026-07-01", "2026-07-07")),
        ({"compare": "year"}, ("2025-07-09", "2025-07-15")),
        ({"compare_from": "2026-03-02"}, ("2026-03-02", "2026-03-08")),
        ({"compare_from": "2026-03-02", "compare_to": "2026-03-03"}, ("2026-03-02", "2026-03-03")),
        ({"compare": "none", "compare_from": "2026-03-02"}, None),
    ],
)
def test_what_is_compared_with_is_the_askers(params, before) -> None:
    question = read_question({"period": "last_7_days"} | params, SCOPE, today=TODAY)
    found = question.before
    assert (found and (found.start.isoformat(), found.last_day.isoformat())) == before
    again = read_question(QueryDict(write_question(question)), SCOPE, today=TODAY)
    assert again.before == found


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"compare": "decade"}, "compare"),
        ({"compare_to": "2026-03-02"}, "compare_from"),
        ({"compare_from": "2026-03-02", "compare_to": "2026-03-01"}, "compare_to"),
        ({"period": "last_3_days"}, "period"),
    ],
)
def test_a_comparison_that_cannot_be_read_is_named(params, named) -> None:
    with pytest.raises(QuestionError) as refused:
        read_question(params, SCOPE, today=TODAY)
    assert set(refused.value.errors) == {named}
