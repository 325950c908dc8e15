"""Every filter against plain Python over the rows, call by call; figures and lists alike."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.http import QueryDict

from portal.lib.phones import AREA_CODES
from portal.tenants import wall
from portal.tenants.models.tenants import Tenant
from reports.definitions.ended_by import side_of
from reports.definitions.periods import Period
from reports.queries.ask import ask
from reports.queries.calls.lists import calls
from reports.queries.contacts.ids import contact_digits_of, contact_id
from reports.queries.question import CallQuestion, Filters, Question, QuestionError, read_calls, write_calls
from reports.queries.scope import Scope
from reports.queries.selector import resolve
from sync.models.calls import Call
from tests import databases, factories
from tests.reports.world import World, make_world, outcome

NOW = datetime(2026, 9, 27, 15, tzinfo=UTC)
ZONES = ("America/Sao_Paulo", "America/New_York", "Asia/Kathmandu", "UTC")
CAUSES = ("NORMAL_CLEARING", "USER_BUSY", "none", "50% busy, line 2")


@databases.world
def filtered_world() -> Iterator[World]:
    acme = Tenant.objects.create(slug="acme", name="Acme", zone="America/Sao_Paulo", language="pt-br")
    with wall.tenant(acme):
        made = make_world(acme, count=900, seed=5)
        dice = random.Random(3)
        for row in made.calls[::3]:
            row.from_number, row.to_number = row.to_number, "0800 11 (22) 33"
            row.contact = "".join(filter(str.isdigit, row.from_number))
            row.direction = dice.choice(("inbound", "inbound", "transfer"))
        for row in made.calls[::50]:
            row.hangup_cause = CAUSES[-1]
        for row in made.calls[::7]:  # some of the last two days, so that some are open still
            row.started_at = NOW - timedelta(hours=dice.uniform(0, 60))
        Call.objects.bulk_update(
            made.calls,
            ["from_number", "to_number", "contact", "direction", "hangup_cause", "started_at"],
            batch_size=200,
        )
        for row in made.calls[:12]:
            factories.note_line(row)
    yield made


@pytest.fixture
def world(db, filtered_world) -> World:
    return filtered_world


def scope_of(world: World) -> Scope:
    return Scope(
        world.tenant.pk, "America/Sao_Paulo", frozenset(row.pk for row in world.environments), sees_numbers=True
    )


def digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def in_brazil(number: str, *, short: bool = False) -> list[str]:
    """With the country's code, where the digits may be a Brazilian number that lacks it, or (``short``) begin one."""
    longest = 11 if number[2:3] == "9" else 10
    fits = len(number) <= longest if short else len(number) in (10, longest)
    return [f"55{number}"] if fits and number[:2] in AREA_CODES and number[2:3] not in ("0", "1") else []


def is_left(call: Call, chosen: Filters, zone: str, scope: Scope) -> bool:
    """Whether the filters leave a call, said anew."""
    local = call.started_at.astimezone(ZoneInfo(zone))
    area = call.contact[2:4] if call.contact.startswith("55") and len(call.contact) in (12, 13) else ""
    ours = call.from_number if call.direction == "outbound" else call.to_number
    seconds = None if call.duration_ms is None else call.duration_ms / 1000
    matches = {
        "contains": lambda number: chosen.number in number,
        "begins": lambda number: number.startswith((chosen.number, *in_brazil(chosen.number, short=True))),
        "ends": lambda number: number.endswith(chosen.number),
        "exact": lambda number: number in (chosen.number, *in_brazil(chosen.number)),
    }[chosen.number_match]
    return all(
        (
            call.is_test == (chosen.testing == "only") or chosen.testing == "include",
            not chosen.environments or call.environment.public_id in chosen.environments,
            not chosen.agents or (call.agent is not None and call.agent.public_id in chosen.agents),
            not chosen.statuses or call.status in chosen.statuses,
            chosen.direction in ("", call.direction),
            chosen.min_duration is None or (seconds is not None and seconds >= chosen.min_duration),
            chosen.max_duration is None or (seconds is not None and seconds <= chosen.max_duration),
            not chosen.outcomes or outcome(call, call.environment.provider, NOW) in chosen.outcomes,
            not chosen.causes or (call.hangup_cause or "none") in chosen.causes,
            not chosen.sides or side_of(call.hangup_cause, call.status) in chosen.sides,
            not chosen.area_codes or (area if area in AREA_CODES else "none") in chosen.area_codes,
            not chosen.line or digits(ours) == chosen.line,
            not chosen.weekdays or local.isoweekday() in chosen.weekdays,
            not chosen.hours or local.hour in chosen.hours,
            not chosen.contact or contact_id(call.contact, scope) == chosen.contact,
            not chosen.number or any(matches(digits(number)) for number in (call.from_number, call.to_number)),
        )
    )


def random_filters(dice: random.Random, world: World, scope: Scope) -> Filters:
    """Two or three filters at once."""
    some = dice.choice([call for call in world.calls if call.contact])
    number = digits(dice.choice((some.from_number, some.to_number))) or some.contact
    cut = dice.randrange(4, len(number) + 1)
    offered: dict[str, Any] = {
        "environments": tuple(row.public_id for row in dice.sample(world.environments, 2)),
        "agents": tuple(row.public_id for row in dice.sample(world.agents, 3)),
        "statuses": tuple(dice.sample(("completed", "busy", "answered", "queued", "voicemail"), 2)),
        "direction": dice.choice(("inbound", "outbound")),
        "min_duration": dice.choice((0.0, 3.0, 5.9995, 6.0)),
        "max_duration": dice.choice((6.0, 29.999, 30.0, 200.0)),
        "testing": dice.choice(("include", "only")),
        "outcomes": tuple(dice.sample(("connected", "unreached", "open", "unresolved"), dice.choice((1, 2)))),
        "causes": tuple(dice.sample(CAUSES, dice.choice((1, 2)))),
        "sides": tuple(dice.sample(("normal", "person", "unknown", "network"), dice.choice((1, 2)))),
        "area_codes": tuple(dice.sample(("11", "12", "13", "none"), dice.choice((1, 2)))),
        "line": dice.choice(("551130000000", "0800112233")),
        "weekdays": tuple(sorted(dice.sample(range(1, 8), 3))),
        "hours": tuple(sorted(dice.sample(range(24), 8))),
        "contact": contact_id(some.contact, scope),
        "number": {"contains": number[-cut:], "begins": number[:cut], "ends": number[-cut:], "exact": number},
    }
    names = dice.sample(list(offered), dice.choice((1, 2, 2, 3)))
    chosen = {name: offered[name] for name in names}
    if "number" in chosen:
        match = dice.choice(list(chosen["number"]))
        chosen |= {"number": chosen["number"][match], "number_match": match}
    return Filters(**chosen)


def test_every_filter_leaves_the_calls_that_python_leaves(world, monkeypatch):
    scope, dice = scope_of(world), random.Random(11)
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    first, last = date(2018, 11, 1), date(2026, 11, 30)
    found_some = 0
    with wall.tenant(world.tenant):
        for _round in range(120):
            chosen, zone = random_filters(dice, world, scope), dice.choice(ZONES)
            dated = dice.random() < 0.5
            if dated:
                first = dice.choice((date(2018, 11, 3), date(2026, 3, 8), date(2026, 7, 1)))
                last = first + timedelta(days=dice.choice((1, 30, 120)))
            question = CallQuestion(first if dated else None, last if dated else None, zone, chosen)
            wanted = {
                str(call.pk)
                for call in world.calls
                if is_left(call, chosen, zone, scope)
                and (not dated or first <= call.started_at.astimezone(ZoneInfo(zone)).date() <= last)
            }
            found = {str(pk) for pk in calls(question, scope).values_list("pk", flat=True)}
            assert found == wanted, (chosen, zone)
            found_some += bool(wanted)
            if dated:
                asked = Question(("attempts",), Period(first, last + timedelta(days=1), zone), (), chosen, False)
                assert ask(asked, scope, now=NOW).totals["attempts"].value == len(wanted), (chosen, zone)
    assert found_some > 60


def test_what_is_written_reads_back_the_same(world):
    scope, dice = scope_of(world), random.Random(4)
    for _round in range(60):
        asked = CallQuestion(date(2026, 7, 1), None, dice.choice(ZONES), random_filters(dice, world, scope))
        assert read_calls(QueryDict(write_calls(asked)), scope) == asked


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"outcome": "connected,lost"}, {"outcome"}),
        ({"area_code": "11,20"}, {"area_code"}),
        ({"side": "network,dark"}, {"side"}),
        ({"line": "our office"}, {"line"}),
        ({"weekday": "0"}, {"weekday"}),
        ({"weekday": "8", "hour": "24"}, {"weekday", "hour"}),
        ({"hour": "-1"}, {"hour"}),
        ({"hour": "²"}, {"hour"}),
    ],
)
def test_every_bad_filter_is_named(params, names):
    with pytest.raises(QuestionError) as caught:
        read_calls(params, Scope(1, "UTC", frozenset({1}), sees_numbers=True))
    assert set(caught.value.errors) == names


def test_a_line_may_be_named_by_its_opaque_id(world):
    scope = scope_of(world)
    with wall.tenant(world.tenant):
        by_digits = calls(CallQuestion(filters=Filters(line="0800112233")), scope).count()
        by_id = calls(read_calls({"line": contact_id("0800112233", scope)}, scope), scope).count()
    assert by_id == by_digits > 0


def test_an_own_number_is_walked_for_in_its_own_environment_alone(behind_acme, sales, care):
    """Elsewhere it can only be a contact, of which there is an index."""
    for home, number in ((sales, "+551140010000"), (care, "+551140020000")):
        factories.note_line(factories.call(home, "a", from_number=number))
    scope = Scope(behind_acme.pk, "UTC", frozenset({sales.pk, care.pk}), sees_numbers=True)
    selector = resolve(Filters(number="551140010000", number_match="exact"), scope)
    assert "+551140010000" in str(selector.calls((sales.pk,)).query)
    assert "+551140010000" not in str(selector.calls((care.pk,)).query)
    assert [row.environment_id for row in selector.calls()] == [sales.pk]


@pytest.mark.parametrize("number", ["5511987654321", "0", "007", "1" * 18, "9" * 19, "9" * 40, "0" * 40])
def test_an_id_opens_for_its_own_tenant_alone(number):
    ours, theirs = Scope(1, "UTC", frozenset()), Scope(2, "UTC", frozenset())
    told = contact_id(number, ours)
    assert contact_digits_of(told, ours) == number
    assert contact_digits_of(told, theirs) == ""
    assert contact_id(number, ours) == told != contact_id(number, theirs)
    assert contact_digits_of(told[:-1] + ("A" if told[-1] != "A" else "B"), ours) == ""
    assert number not in told or len(number) < 4


@pytest.mark.parametrize("text", ["", "x", "é" * 32, "=" * 32, "5511987654321", "1" * 32, "a" * 33])
def test_any_other_text_is_no_contact(text):
    assert contact_digits_of(text, Scope(1, "UTC", frozenset())) == ""


def test_a_foreign_contact_has_no_calls(acme, globex, sales):
    scope = Scope(acme.pk, acme.zone, frozenset({sales.pk}), sees_numbers=True)
    with wall.tenant(acme):
        row = factories.call(sales, "a")
        theirs = contact_id(row.contact, Scope(globex.pk, globex.zone, frozenset()))
        assert calls(read_calls({"contact": contact_id(row.contact, scope)}, scope), scope).count() == 1
        assert calls(read_calls({"contact": theirs}, scope), scope).count() == 0
