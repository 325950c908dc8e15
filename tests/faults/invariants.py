"""What must hold after every fault, named as in the design: no loss, no doubles, truth, honesty, nothing stuck."""

import json
from collections import Counter

from django.db.models import Count

from portal.work.clock import database_now
from sync.models.agents import Agent
from sync.models.calls import Call, Payload
from sync.models.connections import Connection
from sync.models.quarantine import OPEN, Quarantine
from sync.models.runs import Gap, Run, RunState, Window, WindowState
from sync.sandbox.server import Sandbox
from sync.taxonomy import Stream
from tests.journeys.conftest import mirrored, served


def hold(connection: Connection) -> None:
    """Those that can be told from our rows alone: I2, I4, I6, and that no row points nowhere."""
    no_doubles(connection)
    completeness_is_honest(connection)
    nothing_stuck(connection)
    nothing_dangles(connection)


def same_as(connection: Connection, box: Sandbox) -> None:
    """I1 and I3 at rest: every call upstream has, as it has it, and none shown that it has not."""
    ours, theirs = mirrored(connection), served(box)
    assert set(ours) == set(theirs)
    assert ours == theirs
    hold(connection)


def no_loss(connection: Connection, box: Sandbox) -> None:
    """I1: what upstream has is mirrored or in quarantine."""
    kept = set(Call.objects.filter(environment_id=connection.environment_id).values_list("external_id", flat=True))
    kept |= set(
        Quarantine.objects.filter(environment_id=connection.environment_id).values_list("external_id", flat=True)
    )
    assert set(served(box)) <= kept


def no_doubles(connection: Connection) -> None:
    """I2: no call twice, each with one payload."""
    calls = Call.objects.filter(environment_id=connection.environment_id)
    assert not calls.values("external_id").annotate(rows=Count("id")).filter(rows__gt=1)
    assert calls.count() == Payload.objects.filter(environment_id=connection.environment_id).count()
    assert not calls.filter(payload=None).exists()


def truth(connection: Connection, box: Sandbox) -> None:
    """I3: each payload is the version served last (needs ``keep_versions``)."""
    newest = {key: json.loads(versions[-1]) for key, versions in box.journal.versions.items()}
    for key, payload in mirrored(connection).items():
        assert payload == newest[key]


def completeness_is_honest(connection: Connection) -> None:
    """I4: what is called whole was read whole and understood, and what was not is named as a gap or in quarantine."""
    windows = Window.objects.filter(environment_id=connection.environment_id)
    gaps = {
        (gap.stream, gap.part) for gap in Gap.objects.filter(environment_id=connection.environment_id, closed_at=None)
    }
    held: Counter[tuple[str, str]] = Counter()
    for row in Quarantine.objects.filter(OPEN, environment_id=connection.environment_id):
        assert (row.stream, row.part) in {(window.stream, window.part) for window in windows}
        held[row.stream, row.part] += row.times
    for window in windows:
        here = held[window.stream, window.part]
        assert (window.state == WindowState.UNREADABLE) == bool(here) or window.state == WindowState.INCOMPLETE
        named = (window.stream, window.part) in gaps
        if window.state == WindowState.COMPLETE:
            assert (window.fault, named, window.attempts) == ("", False, 0)
            assert window.read_at is not None
        elif window.state == WindowState.UNREADABLE:
            assert (window.fault, named, window.attempts) == ("unreadable", False, 0)
            assert (window.read_at is not None, window.mirrored + here <= window.vendor_total) == (True, True)
        else:
            assert (bool(window.fault), named) == (True, True)
            assert window.next_attempt_at is not None
        if window.stream == Stream.CALLS and window.state == WindowState.COMPLETE and window.mirrored is not None:
            assert window.mirrored >= 0
            assert window.vendor_total is None or window.mirrored <= window.vendor_total
    for run in Run.objects.filter(environment_id=connection.environment_id, state=RunState.COMPLETE):
        assert (run.windows_incomplete, run.fault) == (0, "")


def nothing_stuck(connection: Connection) -> None:
    """I6: nothing runs past its lease, and what ended says when."""
    runs = Run.objects.filter(environment_id=connection.environment_id)
    assert not runs.filter(state=RunState.RUNNING, lease_until__lt=database_now()).exists()
    assert not runs.exclude(state=RunState.RUNNING).filter(finished_at=None).exists()


def nothing_dangles(connection: Connection) -> None:
    """No constraint guards the agents of calls, so this does."""
    agents = set(Agent.objects.filter(environment_id=connection.environment_id).values_list("pk", flat=True))
    named = Call.objects.filter(environment_id=connection.environment_id).exclude(agent_id=None)
    assert set(named.values_list("agent_id", flat=True)) <= agents


def within_budget(box: Sandbox, rate: int, tenant: str = "acme", vendor: str = "talkover") -> None:
    """I9: no 60 seconds saw more requests than the budget."""
    assert box.journal.busiest_minute(tenant, vendor) <= rate
