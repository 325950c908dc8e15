"""Each filter is declared whole: it reads what it writes, is described with its bounds, and leaves some calls."""

import sqlite3
from dataclasses import fields
from uuid import UUID

import pytest
from django.db.models import Q

from reports.definitions.conditions import NEVER, Condition, among
from reports.definitions.filters import (
    FILTERS,
    AddressReader,
    Filters,
    QuestionError,
    call_filters,
    read_filters,
    refused,
    write_filters,
)

ID = "0197f0aa-0000-7000-8000-000000000001"
EVERY = {
    "environment": ID,
    "agent": ID,
    "source_agent": ID,
    "status": "busy,no-answer",
    "direction": "inbound",
    "number": "987654321",
    "number_match": "ends",
    "min_duration": "1.5",
    "max_duration": "30",
    "testing": "only",
    "outcome": "connected,open",
    "cause": "Normal%2C Clearing,none",
    "side": "network",
    "area_code": "11,none",
    "line": "551130000000",
    "weekday": "1,5",
    "hour": "0,23",
    "contact": "abc",
    "campaign": ID,
}
# What a row of columns holds, for each of which one filter asks.
COLUMNS = "status, direction, outcome, is_test, duration_ms, cause, side, area_code, weekday, hour_of_day"


def reader(params):
    return AddressReader(params, zone="UTC")


def read(params):
    asked = reader(params)
    chosen = read_filters(asked)
    asked.finish()
    return chosen


def test_every_filter_reads_what_it_writes():
    assert set(EVERY) == set(FILTERS)
    chosen = read(EVERY)
    assert write_filters(chosen) == EVERY
    assert chosen.agents == (UUID(ID),)
    assert (chosen.causes, chosen.weekdays, chosen.min_duration) == (("Normal, Clearing", "none"), (1, 5), 1.5)
    assert all(each.restricts(chosen) for each in FILTERS.values())


def test_calls_are_not_chosen_by_what_is_said_of_returns():
    assert [each.name for each in refused(read(EVERY))] == ["source_agent"]
    assert refused(read({name: text for name, text in EVERY.items() if name != "source_agent"})) == []
    assert set(FILTERS) - {each.name for each in call_filters()} == {"source_agent"}


def test_nothing_asked_restricts_nothing_but_test_calls():
    assert write_filters(Filters()) == {}
    assert read({}) == Filters()
    assert [each.name for each in FILTERS.values() if each.rows and each.rows(each.value(Filters()))] == ["testing"]
    wanted = [each.columns(each.value(Filters())) for each in FILTERS.values() if each.columns]
    assert [condition for condition in wanted if condition] == [Condition("NOT is_test")]


def test_fields_and_declarations_match():
    declared = [each.field for each in FILTERS.values()]
    assert sorted(declared) == sorted({field.name for field in fields(Filters)} - {"zone", "others"})
    for each in FILTERS.values():
        assert each.looked_up != bool(each.columns), each.name
        assert each.kind.empty == getattr(Filters(), each.field), each.name


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"direction": "sideways"}, "direction"),
        ({"outcome": "connected,lost"}, "outcome"),
        ({"weekday": "8"}, "weekday"),
        ({"hour": "-1"}, "hour"),
        ({"hour": "000000001" + "9" * 40}, "hour"),
        ({"hour": "1" * 5000}, "hour"),
        ({"min_duration": "soon"}, "min_duration"),
        ({"min_duration": "9", "max_duration": "8"}, "max_duration"),
        ({"area_code": "00"}, "area_code"),
        ({"number": "12"}, "number"),
        ({"line": "x"}, "line"),
        ({"agent": "7"}, "agent"),
    ],
)
def test_who_is_strict_refuses_and_who_is_lenient_goes_on_without(params, name):
    with pytest.raises(QuestionError) as refused:
        read(params)
    assert set(refused.value.errors) == {name}
    asked = reader(params | {"status": "busy"})
    chosen = read_filters(asked)
    assert chosen.statuses == ("busy",)
    assert set(asked.errors) == {name}


def test_a_number_is_its_digits():
    assert read({"number": "98765-4321", "number_match": "ends"}).number == "987654321"


def test_schemas_hold_bounds_defaults_and_words():
    assert FILTERS["testing"].schema() == {
        "type": "string",
        "enum": ["exclude", "include", "only"],
        "default": "exclude",
    }
    assert FILTERS["direction"].schema() == {"type": "string", "enum": ["inbound", "outbound"]}
    assert FILTERS["weekday"].schema()["items"] == {"type": "integer", "minimum": 1, "maximum": 7}
    assert FILTERS["min_duration"].schema()["minimum"] == 0
    assert set(FILTERS["outcome"].schema()["items"]["enum"]) == {"connected", "unreached", "open", "unresolved"}


def test_conditions_leave_the_columns_that_are_meant():
    """Bound values in any database that knows ``?``; the wanted row is among rows that differ in one thing each."""
    wanted = ("busy", "inbound", "connected", True, 20_000, "", "network", "", 5, 23)
    other = ("failed", "outbound", "unreached", False, 31_000, "Busy", "ours", "21", 2, 4)
    rows = [wanted, *((*wanted[:n], other[n], *wanted[n + 1 :]) for n in range(len(wanted)))]
    rows.append((*wanted[:4], 1_499, *wanted[5:]))
    chosen = read(EVERY)
    conditions = [each.columns(each.value(chosen)) for each in FILTERS.values() if each.columns]
    with sqlite3.connect(":memory:") as database:
        database.execute(f"CREATE TABLE calls ({COLUMNS})")
        database.executemany(f"INSERT INTO calls VALUES ({', '.join('?' * len(wanted))})", rows)
        where = " AND ".join(f"({condition.sql})" for condition in conditions)
        values = [value for condition in conditions for value in condition.params]
        assert database.execute(f"SELECT * FROM calls WHERE {where}", values).fetchall() == [wanted]
    database.close()
    assert among("status", ()) == NEVER


def test_conditions_on_rows_are_those_on_columns():
    chosen = read(EVERY)
    assert FILTERS["cause"].rows(chosen.causes) == Q(hangup_cause__in=["Normal, Clearing", ""])
    assert FILTERS["testing"].rows("include") is None
    assert FILTERS["max_duration"].rows(30.0) == Q(duration_ms__lte=30_000)
