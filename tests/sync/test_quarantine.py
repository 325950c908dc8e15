"""Windows with elements that can't be understood: which they are, what the mirror says of them, and how they heal."""

from datetime import UTC, date, timedelta

import pytest

from portal.tenants import wall
from portal.work.clock import database_now
from sync.leases import claim
from sync.mirror import Closing, Mirror
from sync.models.agents import Agent
from sync.models.calls import Call
from sync.models.connections import Connection, DayFilter
from sync.models.quarantine import OPEN, Quarantine
from sync.models.runs import Gap, Window, WindowState
from sync.providers import registry
from sync.providers.base import Part
from sync.providers.tolerant import broken
from sync.reading.runner import plan, pull
from sync.records import BrokenRecord
from sync.sandbox.server import Sandbox
from sync.taxonomy import Fault, Stream
from tests.faults import invariants
from tests.faults.conftest import busy_day
from tests.journeys.conftest import _generous, acme_wall, connect, connect_originsai, mirrored, missing
from tests.sync.mirror.test_calls import record

__all__ = ["_generous", "acme_wall"]

pytestmark = pytest.mark.django_db(transaction=True)

BACK = 4


@pytest.fixture
def box():
    with Sandbox(days=7, calls_per_day=60, seed=3, originsai_per_day=30) as box:
        yield box


@pytest.fixture
def connection(acme, acme_wall, box):
    return connect(acme, box)


@pytest.fixture
def day(box) -> date:
    return busy_day(box, 60, BACK)


def read(connection, day, stream=Stream.CALLS):
    return pull(connection, [stream], since=day, until=day).streams[stream]


def held() -> list[tuple[date | None, int]]:
    """Day and number of the open elements."""
    counted: dict[date | None, int] = {}
    for row in Quarantine.objects.filter(OPEN):
        counted[row.day] = counted.get(row.day, 0) + row.times
    return sorted(counted.items(), key=str)


def lacking() -> list[str]:
    return list(Window.objects.exclude(state=WindowState.COMPLETE).order_by("part").values_list("part", flat=True))


def test_each_broken_element_is_counted_equal_ones_too(connection, box, day):
    """Without an id two elements of equal text are two: what is mirrored and what is not make up the vendor's total."""
    box.set_faults(f"malformed@day={day},path=/calls", "spoil_items=20")
    total = len(box.world.calls_of_day(day))
    told = read(connection, day)
    assert (told.status, told.quarantined, told.windows_complete, told.windows_incomplete) == ("partial", 20, 0, 1)
    assert Quarantine.objects.count() < 20
    assert held() == [(day, 20)]
    window = Window.objects.get()
    assert (window.state, window.mirrored, window.vendor_total) == ("unreadable", total - 20, total)
    assert len(mirrored(connection)) == total - 20
    assert not Gap.objects.exists()
    invariants.hold(connection)


def test_a_window_read_again_with_the_same_elements_stays_as_it_is_and_is_read_no_sooner(connection, box, day):
    box.set_faults(f"malformed@day={day},path=/calls", "spoil_items=20")
    provider = registry.get("talkover")
    pull(connection, [Stream.CALLS])
    asked = len(box.journal.entries)
    assert day not in {part.day for part in plan(connection, provider, Stream.CALLS)}
    before = list(Quarantine.objects.order_by("pk").values())
    told = read(connection, day)
    assert (told.status, told.new, told.changed, told.quarantined) == ("partial", 0, 0, 20)
    assert len(box.journal.entries) == asked + 1  # one walk of one page
    assert list(Quarantine.objects.order_by("pk").values()) == before
    assert lacking() == [str(day)]


def test_elements_that_break_again_make_their_day_incomplete_again(connection, box, day):
    for _ in range(2):
        box.set_faults(f"malformed@day={day},path=/calls", "spoil_items=3")
        assert (read(connection, day).status, held(), lacking()) == ("partial", [(day, 3)], [str(day)])
        rows = Quarantine.objects.count()
        box.set_faults()
        assert (read(connection, day).status, held(), lacking()) == ("complete", [], [])
        assert Quarantine.objects.count() == rows
        assert not Quarantine.objects.filter(released_at=None).exists()
    assert set(mirrored(connection)) == {call["id"] for call in box.world.calls_of_day(day)}


def test_an_element_that_the_vendor_shows_no_more_makes_nothing_incomplete(connection, box, day):
    box.set_faults(f"nan@day={day},path=/calls", "spoil_items=1")
    read(connection, day)
    gone = Quarantine.objects.get()
    box.set_faults()
    box.world.drop(gone.external_id)
    assert read(connection, day).status == "complete"
    gone.refresh_from_db()
    assert gone.released_at is not None


def test_what_is_mirrored_is_not_taken_for_gone_while_an_element_has_no_id(connection, box, day):
    """Any of the calls that seem to be missing may be the element that can't be told by an id."""
    read(connection, day)
    box.set_faults(f"malformed@day={day},path=/calls", "spoil_items=40")
    told = read(connection, day)
    assert (told.status, told.quarantined) == ("partial", 40)
    assert not missing(connection)
    box.set_faults()
    box.world.drop(next(iter(mirrored(connection))))
    read(connection, day)
    assert len(missing(connection)) == 1


def test_a_broken_version_of_a_mirrored_call_does_not_touch_the_one_held(connection, box, day):
    read(connection, day)
    before = mirrored(connection)
    box.set_faults(f"nan@day={day},path=/calls", "spoil_items=5")
    assert read(connection, day).quarantined == 5
    assert mirrored(connection) == before
    assert Window.objects.get().mirrored == len(before) - 5
    box.set_faults()
    assert read(connection, day).status == "complete"  # known digests alone tell that they are whole again
    assert held() == []


def test_a_window_that_fails_keeps_what_it_held_and_says_the_graver_thing(connection, box, day):
    box.set_faults(f"malformed@day={day},path=/calls", "spoil_items=2")
    read(connection, day)
    box.set_faults(f"422@day={day},path=/calls")
    told = read(connection, day)
    assert (told.status, told.quarantined) == ("failed", 0)
    window = Window.objects.get()
    assert (window.state, window.fault, held()) == ("incomplete", "refused", [(day, 2)])
    invariants.hold(connection)
    box.set_faults()
    assert (read(connection, day).status, held()) == ("complete", [])


@pytest.mark.parametrize(("kind", "days"), [("nan", [0]), ("far_year", [-1, 0, 1])])
def test_a_wide_answer_counts_an_element_for_its_own_day_or_for_each_it_may_be_of(connection, box, day, kind, days):
    """A vendor whose days are not UTC's is asked a day more on each side: three windows show each element."""
    Connection.objects.update(day_filter=DayFilter.WIDE)
    connection.refresh_from_db()
    box.set_faults(f"{kind}@path=/calls", f"spoil_only={box.world.calls_of_day(day)[7]['id']}")
    span = {"since": day - timedelta(days=3), "until": day + timedelta(days=2)}
    assert pull(connection, [Stream.CALLS], **span).status == "partial"
    assert lacking() == [str(day + timedelta(days=back)) for back in days]
    assert held() == [(day + timedelta(days=back), 1) for back in days]
    box.set_faults()
    assert pull(connection, [Stream.CALLS], **span).status == "complete"
    assert held() == []


def test_a_broken_call_of_an_agents_history_counts_for_its_day_if_that_can_be_read(acme, acme_wall, box):
    connection = connect_originsai(acme, box)
    box.set_faults("nan@path=/agents/7/call_stats", "spoil_items=1")
    assert pull(connection, [Stream.CALLS]).status == "partial"
    row = Quarantine.objects.get()
    told = next(call for call in box.history.elements(7) if call["call_id"] == row.external_id)
    assert str(row.day) == told["initiation_time"][:10]
    assert lacking() == ["agent:7"]
    box.set_faults("malformed@path=/agents/7/call_stats", "spoil_items=4")
    assert pull(connection, [Stream.CALLS]).status == "partial"
    assert all(row.day is None or row.raw.startswith("{") for row in Quarantine.objects.filter(OPEN))


@pytest.mark.parametrize(
    ("stream", "spec", "kinds"),
    [
        (Stream.AGENTS, "nan@path=/agents", {"agent"}),
        (Stream.AGENTS, "malformed@path=/agents", {"agent"}),
        (Stream.CAMPAIGNS, "nan@path=/campaigns", {"campaign"}),
    ],
)
def test_a_list_with_a_broken_element_is_not_complete_and_others_are(connection, box, stream, spec, kinds):
    pull(connection, [Stream.CALLS, stream])
    box.set_faults(spec, "spoil_items=1")
    report = pull(connection)
    assert (report.status, report.streams[stream].status) == ("partial", "partial")
    assert {row.kind for row in Quarantine.objects.filter(OPEN)} <= kinds
    assert lacking() == ["all"]
    assert Window.objects.exclude(state=WindowState.COMPLETE).get().stream == stream
    assert not Agent.objects.filter(missing_since__isnull=False).exists()
    box.set_faults()
    assert pull(connection).status == "complete"
    assert held() == []


def test_a_call_is_released_though_its_window_closes_in_a_later_batch(connection, box, day):
    """The window's end alone tells: the call itself, unchanged, is not written again."""
    run, part = claim(connection, Stream.CALLS), Part(Stream.CALLS, str(day), day)
    mirror, now = Mirror(run, connection, "UTC"), database_now()
    began = record().started_at.replace(year=day.year, month=day.month, day=day.day)
    element = broken("call", b'{"id":"c1","duration":NaN}', "It is not sound JSON.")
    aside = element.__class__(
        kind="call", external_id="c1", digest=element.digest, raw=element.raw, reason=element.reason,
        stream="calls", part=str(day), day=day,
    )  # fmt: skip
    mirror.write([(aside, now)], [])
    mirror.write([], [Closing(part, now, broken={("call", element.digest): 1}, unreadable=1)])
    assert (held(), lacking()) == ([(day, 1)], [str(day)])
    mirror.write([(record("c2", started_at=began), now)], [])
    assert held() == [(day, 1)]
    mirror.write([], [Closing(part, now, readable=2)])
    assert (held(), lacking()) == ([], [])
    assert Call.objects.count() == 1


def test_a_call_that_comes_in_whole_elsewhere_is_broken_no_more(connection, day):
    run, now = claim(connection, Stream.CALLS), database_now()
    mirror = Mirror(run, connection, "UTC")
    element = broken("call", b'{"id":"c1","created_at":"10001-01-01T00:00:00Z"}', "Its created_at can't be read.")
    values = {name: getattr(element, name) for name in ("kind", "external_id", "digest", "raw", "reason")}
    aside = type(element)(**values, stream="calls", part=str(day), day=day)
    part = Part(Stream.CALLS, str(day), day)
    mirror.write([(aside, now)], [Closing(part, now, broken={("call", element.digest): 1}, unreadable=1)])
    assert lacking() == [str(day)]
    mirror.write([(record("c1", started_at=now.astimezone(UTC)), now)], [])
    assert (held(), lacking()) == ([], [])


def test_an_element_shown_again_is_open_again_whatever_becomes_of_its_window(connection, box, day):
    """Released, it comes back in a walk that fails; and shown whole and broken in one answer, it is broken."""
    box.set_faults(f"nan@day={day},path=/calls", "spoil_items=1")
    read(connection, day)
    box.set_faults()
    read(connection, day)
    assert held() == []
    run, part, now = claim(connection, Stream.CALLS), Part(Stream.CALLS, str(day), day), database_now()
    row = Quarantine.objects.get()
    values = {name: getattr(row, name) for name in ("kind", "external_id", "raw", "reason", "stream", "part", "day")}
    aside, mirror = BrokenRecord(**values, digest=bytes(row.digest)), Mirror(run, connection, "UTC")
    mirror.write([(aside, now)], [Closing(part, now, fault=Fault.SERVER)])
    assert held() == [(day, 1)]
    mirror.write([(record(row.external_id, started_at=now.astimezone(UTC)), now)], [])
    assert held() == []
    mirror.write([], [Closing(part, now, readable=1, broken={("call", bytes(row.digest)): 1}, unreadable=1)])
    assert (held(), lacking()) == ([(day, 1)], [str(day)])


def test_elements_of_an_agent_nobody_reads_any_more_are_released(acme, acme_wall, box):
    connection = connect_originsai(acme, box)
    box.set_faults("nan@path=/agents/7/call_stats", "spoil_items=1")
    pull(connection, [Stream.CALLS])
    assert len(held()) == 1
    connection.settings["agents"] = "8:Sales"
    connection.save()
    assert pull(connection, [Stream.CALLS]).status == "complete"
    assert held() == []


def test_the_report_names_what_could_not_be_read(acme, connection, box, day):
    box.set_faults(f"nan@day={day},path=/calls", "spoil_items=25")
    told = read(connection, day).as_json()
    assert told["quarantined"] == 25
    assert len(told["unreadable"]) == 20
    first = told["unreadable"][0]
    assert set(first) == {"id", "kind", "external_id", "day", "reason", "times"}
    assert (first["kind"], first["day"]) == ("call", str(day))
    assert first["external_id"] in {call["id"] for call in box.world.calls_of_day(day)}
    with wall.tenant(acme):
        assert Quarantine.objects.filter(public_id=first["id"]).exists()
