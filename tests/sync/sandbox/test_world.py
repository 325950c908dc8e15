"""The synthetic truth: the same for the same seed, lifelike, and consistent with itself."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

from sync.sandbox.cast import TENANTS
from sync.sandbox.history import History
from sync.sandbox.server import Sandbox
from sync.sandbox.world import World
from tests.sync.sandbox.conftest import END, talkover

NOW = datetime(2026, 7, 10, 21, tzinfo=UTC)
UNREACHED = {"no-answer", "busy", "failed"}


def draw(*, days: int = 14, seed: int = 1, now: datetime = NOW, calls_per_day: float = 150) -> World:
    return World(TENANTS["acme"], days=days, calls_per_day=calls_per_day, seed=seed, now=now)


def test_the_same_seed_tells_the_same_history() -> None:
    one, same, other = draw(), draw(), draw(seed=2)
    assert one.calls == same.calls
    assert one.returns == same.returns
    assert not one.calls.keys() & other.calls.keys()


def test_history_does_not_depend_on_where_a_world_begins_or_ends() -> None:
    short, long = draw(days=7, now=NOW - timedelta(days=3)), draw(days=20)
    settled = (NOW - timedelta(days=3, hours=1)).strftime("%Y-%m-%dT%H")
    told = {key: call for key, call in short.calls.items() if call["created_at"] < settled}
    assert len(told) > 300
    assert all(long.calls[key] == call for key, call in told.items())


def test_time_passes() -> None:
    slow, fresh = draw(now=NOW - timedelta(hours=30)), draw()
    appeared = slow.advance(NOW)
    since = f"{slow.first}"
    assert appeared > 50
    assert slow.calls == {key: call for key, call in fresh.calls.items() if call["created_at"] >= since} | {
        key: call for key, call in slow.calls.items() if call["created_at"][:10] < str(fresh.first)
    }
    assert slow.advance(NOW) <= 20


def test_history_of_originsai_moves_on_too() -> None:
    def history(now: datetime) -> History:
        return History(TENANTS["acme"], days=6, per_day=60, seed=1, now=now)

    slow, fresh = history(NOW - timedelta(minutes=50)), history(NOW)
    slow.advance(NOW)
    for agent in fresh.agents:
        assert sorted(slow.bodies(agent)) == sorted(fresh.bodies(agent))


def test_a_return_follows_an_unreached_call_to_the_same_contact(calm: Sandbox) -> None:
    world = calm.world
    sources = {agent.id: agent.sources for agent in world.callback_agents}
    assert len(world.returns) > 30
    for returned, missed in world.returns.items():
        back, out = world.calls[returned], world.calls[missed]
        assert (back["direction"], out["direction"]) == ("inbound", "outbound")
        assert back["from"] == out["to"]
        assert out["status"] in UNREACHED | {"ringing", "initiated"}
        assert out["agent"]["id"] in sources[back["agent"]["id"]]
        waited = datetime.fromisoformat(back["created_at"]) - datetime.fromisoformat(out["created_at"])
        assert timedelta(seconds=45) <= waited <= timedelta(days=3, hours=12)
        later = [
            call["id"]
            for call in world.calls.values()
            if call["to"] == out["to"] and out["created_at"] < call["created_at"] < back["created_at"]
        ]
        assert later == []


def test_callback_totals_of_each_day_are_a_recount_of_the_returns(calm: Sandbox) -> None:
    world = calm.world
    catchers = {agent.id for agent in world.callback_agents}
    seen = 0
    for offset in range(21):
        day = (END - timedelta(days=offset)).isoformat()
        taken = [
            call for call in world.calls.values() if call["agent"]["id"] in catchers and call["created_at"][:10] == day
        ]
        matched = [call for call in taken if call["id"] in world.returns]
        sources = Counter(world.calls[world.returns[call["id"]]]["agent"]["id"] for call in matched)
        stats = talkover(calm, "/callback-agents/stats", start_date=day, end_date=day).json["data"]
        assert stats["total_callbacks_received"] == len(taken)
        assert stats["callbacks_answered"] == sum(call["status"] in ("completed", "answered") for call in taken)
        assert stats["callbacks_unmatched"] == len(taken) - len(matched)
        assert {item["source_agent_id"]: item["count"] for item in stats["callbacks_by_source_agent"]} == sources
        seen += len(taken)
    assert seen > 30


def test_a_week_has_its_rhythm() -> None:
    world = draw(days=84, calls_per_day=100)
    by_weekday, by_hour = Counter(), Counter()
    for call in world.calls.values():
        local = datetime.fromisoformat(call["created_at"]) - timedelta(hours=3)
        by_weekday[local.weekday()] += 1
        if call["direction"] == "outbound":
            by_hour[local.hour] += 1
    working = sum(by_weekday[day] for day in range(5)) / 5
    assert by_weekday[5] < working / 2
    assert by_weekday[6] < working / 10
    assert by_hour[12] < by_hour[10] * 0.7
    assert set(by_hour) <= set(range(8, 20))


def test_calls_are_lifelike() -> None:
    calls = list(draw(days=30).calls.values())
    shares = Counter(call["status"] for call in calls)
    assert 0.5 < shares["completed"] / len(calls) < 0.7
    assert shares["no-answer"] > shares["busy"] > shares["failed"] * 0.5
    assert 0.01 < sum(call["is_testing"] for call in calls) / len(calls) < 0.05
    assert all(call["duration"] == 0 for call in calls if call["status"] in UNREACHED)
    assert all(0 < call["duration"] <= 3600 for call in calls if call["status"] == "completed")
    assert all(call["to"].startswith("+55") and call["from"].startswith("+55") for call in calls)


def test_calls_of_the_last_hour_may_be_open() -> None:
    world = draw(calls_per_day=900)
    opened = [call for call in world.calls.values() if call["status"] in ("initiated", "ringing", "answered")]
    fresh = [call for call in opened if call["created_at"] >= "2026-07-10T20:00:00Z"]
    assert len(fresh) >= 3
    assert len(opened) - len(fresh) < len(world.calls) * 0.002


def test_the_world_takes_changes() -> None:
    world = draw(days=3)
    added = world.insert(created_at="2026-07-09T12:00:00Z", status="busy", duration=0)
    assert world.calls[added]["status"] == "busy"
    assert added in {call["id"] for call in world.calls_of_day(date(2026, 7, 9))}
    world.change(added, status="completed", duration=9)
    assert (world.calls[added]["status"], world.calls[added]["duration"]) == ("completed", 9)
    world.drop(added)
    assert added not in world.calls
    assert world.dropped[added]["duration"] == 9
    own = world.insert({"id": "call-1", "created_at": "2026-07-08T00:00:00Z"})
    assert own == "call-1"
