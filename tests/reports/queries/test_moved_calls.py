"""Lists that are found in column files while the mirror moved on: no row is another call, and no page ends the list."""

from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest
import time_machine

from portal.tenants import wall
from reports.columns import sources
from reports.columns.refresh import refresh_tenant
from reports.queries.callbacks.lists import CallbackQuestion, every_return, returns
from reports.queries.callbacks.open import every_open, still_open
from reports.queries.run import NotNow
from reports.queries.scope import Scope
from sync.mirror.calls import mark_dirty
from sync.models.calls import Call
from tests import factories

NOW = datetime(2026, 7, 20, 15, tzinfo=UTC)
START = datetime(2026, 7, 10, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _today(settings, tmp_path, monkeypatch):
    """Days that changed are too many calls to read for a question: files are read as they are."""
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(sources, "MOST_LIVE", 0)
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def agents(acme, sales):
    with wall.tenant(acme):
        dials = factories.agent(sales, "dials")
        taking = {"takes_callbacks": True, "callback_sources": ["dials"]}
        return dials, factories.agent(sales, "takes", **taking), factories.agent(sales, "other", **taking)


def answered(sales, dials, takes, n: int, at: datetime) -> Call:
    number = f"+55119870{n:05}"
    factories.call(sales, f"out-{n}", agent=dials, to_number=number, started_at=at)
    return factories.call(
        sales, f"back-{n}", agent=takes, direction="inbound", from_number=number, started_at=at + timedelta(minutes=30)
    )


def missed(sales, takes, n: int, at: datetime) -> Call:
    return factories.call(
        sales, f"in-{n}", agent=takes, direction="inbound", status="no-answer", from_number=f"+55119880{n:05}",
        started_at=at,
    )  # fmt: skip


def move(call: Call) -> None:
    """As a correction does that the vendor made, before files are made anew."""
    mark_dirty(call.tenant_id, call.environment_id, [call.started_at.date()], NOW)
    Call.objects.filter(pk=call.pk).update(started_at=call.started_at + timedelta(seconds=1))


def pages(ask, scope: Scope) -> list[list[str]]:
    """The calls on each page of ten, there and back again."""
    there, cursor = [], ""
    while not there or cursor:
        there.append(ask(CallbackQuestion(), scope, cursor=cursor, size=10))
        cursor = there[-1].next
    back = [there[-1]]
    while back[-1].previous:
        back.append(ask(CallbackQuestion(), scope, cursor=back[-1].previous, size=10))
    assert [page.rows for page in reversed(back)] == [page.rows for page in there]
    return [[row.get("call") or row["id"] for row in page.rows] for page in there]


@pytest.mark.parametrize("moved", [0, 9, 10, 11, 29])
def test_a_call_that_moved_is_left_out_and_no_other_one(acme, sales, agents, moved):
    scope = Scope(acme.pk, acme.zone, frozenset({sales.pk}), sees_numbers=True)
    dials, takes, _other = agents
    with wall.tenant(acme):
        with factories.at_once():
            back = [answered(sales, dials, takes, n, START + timedelta(hours=n)) for n in range(30)]
            waits = [missed(sales, takes, n, START + timedelta(hours=n)) for n in range(30)]
        refresh_tenant()
        newest_first, longest_first = [str(call.pk) for call in reversed(back)], [str(call.pk) for call in waits]
        assert list(chain(*pages(returns, scope))) == newest_first
        assert list(chain(*pages(still_open, scope))) == longest_first
        move(back[moved])
        move(waits[moved])
        newest_first.remove(str(back[moved].pk))
        longest_first.remove(str(waits[moved].pk))
        for ask, every, expected in ((returns, every_return, newest_first), (still_open, every_open, longest_first)):
            shown = pages(ask, scope)
            assert list(chain(*shown)) == expected
            assert sorted(map(len, shown)) == [9, 10, 10]
            listed = every(CallbackQuestion(), scope)
            assert [row.get("call") or row["id"] for row in listed.rows] == expected
            assert listed.missing  # so it is not called complete


def test_the_call_beside_it_is_not_shown_in_its_place(acme, sales, agents):
    """Two callback calls of one second; the reader may see the agent of the one that moved, and not the other's."""
    dials, takes, other = agents
    scope = Scope(acme.pk, acme.zone, frozenset({sales.pk}), agent_ids=frozenset({dials.pk, takes.pk}))
    with wall.tenant(acme):
        calls = [answered(sales, dials, agent, n, START) for n, agent in enumerate((takes, other, takes, other))]
        lost = [missed(sales, agent, n, START) for n, agent in enumerate((takes, other, takes, other))]
        refresh_tenant()
        seen = {str(call.pk) for call in calls if call.agent == takes}
        assert {row["id"] for row in returns(CallbackQuestion(), scope).rows} == seen
        for call in (*calls, *lost):
            if call.agent == takes:
                move(call)
                shown = returns(CallbackQuestion(), scope).rows
                assert {row["id"] for row in shown} <= seen
                assert {row["agent"] for row in shown} <= {str(takes.public_id)}
                waiting = still_open(CallbackQuestion(), scope).rows
                assert {row["call"] for row in waiting} <= {str(each.pk) for each in lost if each.agent == takes}


def test_a_file_is_not_written_from_less_than_was_promised(acme, sales, agents, monkeypatch):
    """Days that can no longer be looked through end the list with an error, and not early."""
    scope = Scope(acme.pk, acme.zone, frozenset({sales.pk}), sees_numbers=True)
    dials, takes, _other = agents
    monkeypatch.setattr("reports.queries.callbacks.lists.MAX_PAGE", 2)
    with wall.tenant(acme):
        calls = [answered(sales, dials, takes, n, START + timedelta(hours=n)) for n in range(5)]
        refresh_tenant()
        listed = every_return(CallbackQuestion(), scope)
        assert (listed.count, listed.missing) == (5, ())
        first = [next(listed.rows), next(listed.rows)]
        move(calls[0])
        with pytest.raises(NotNow):
            list(listed.rows)
        assert [row["id"] for row in first] == [str(call.pk) for call in calls[:2:-1]]
