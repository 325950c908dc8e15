"""Vendors that send more than anybody can want: what it costs is bounded, and the window says why it failed."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from portal.tenants import wall
from portal.tenants.models.tenants import Tenant
from sync.models.calls import Unplaced
from sync.models.quarantine import Quarantine
from sync.models.runs import Gap, Window, WindowState
from sync.providers import limits
from sync.reading.runner import pull
from sync.sandbox.server import Sandbox
from sync.taxonomy import Fault, Stream
from tests import databases
from tests.faults import invariants
from tests.faults.conftest import busy_day
from tests.journeys.conftest import connect, connect_originsai, since

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parents[2]
HISTORIES = "/agents/*/call_stats"


def read(connection):
    return pull(connection, [Stream.CALLS]).streams[Stream.CALLS]


def statements(captured, table: str) -> int:
    return sum(table in query["sql"] for query in captured)


@pytest.mark.parametrize("coding", ["", "gzip"])
@pytest.mark.parametrize("kind", ["nameless", "empty_objects"])
def test_more_elements_without_an_id_than_a_history_may_have_fail_it(box, acme, acme_wall, bounds, kind, coding):
    """U19: a gzip of ``[{},{},…`` is a few kilobytes; reading ends at the bound, says so, and is not tried again."""
    connection = connect_originsai(acme, box)
    bounds(NAMELESS_ELEMENTS=100)
    agent = next(iter(box.originsai_agents))
    path = f"/agents/{agent}/call_stats"
    box.set_faults(*[f"{name}@path={path}" for name in (kind, coding) if name], "burst_mb=3", "burst_count=300")
    told = read(connection)
    assert (told.fault, told.windows_incomplete) == (Fault.TOO_LARGE, 1)
    gap = Gap.objects.get()
    assert (gap.part, gap.detail) == (f"agent:{agent}", "The answer holds more than 100 elements without an id.")
    assert box.active_faults.struck[kind] == 1
    assert told.seen < 20_000  # of a million
    invariants.hold(connection)
    box.set_faults()
    assert read(connection).status == "complete"
    assert not Gap.objects.filter(closed_at=None).exists()


def test_elements_without_an_id_cost_no_query_each(acme, acme_wall):
    """As many as a history may have, twice: they are looked up and written some hundred at a time."""
    with Sandbox(days=3, calls_per_day=60, seed=3) as box:
        connection = connect_originsai(acme, box)
        box.set_faults(f"nameless@path={HISTORIES}", "burst_count=900")
        for _ in range(2):
            with CaptureQueriesContext(database) as captured:
                assert read(connection).status == "complete"
            assert statements(captured, "sync_unplaced") < 40
        assert Unplaced.objects.count() == sum(len(box.history.bodies(agent)) for agent in box.originsai_agents) - sum(
            len(box.history.ids(agent)) for agent in box.originsai_agents
        ) + 900 * len(box.originsai_agents)


def test_broken_elements_of_a_page_cost_no_query_each(box, acme, acme_wall, monkeypatch):
    """A page of Talkover with a thousand elements that nobody can read: a few statements keep them all."""
    connection, day = connect(acme, box), busy_day(box)
    monkeypatch.setattr("sync.reading.reader.WALK_TRIES", 1)
    box.set_faults(f"nameless@path=/calls,day={day},page=1", "burst_count=1000")
    with CaptureQueriesContext(database) as captured:
        told = pull(connection, [Stream.CALLS], since=day, until=day).streams[Stream.CALLS]
    assert told.status != "complete"
    assert Quarantine.objects.count() == 1000
    assert statements(captured, "sync_quarantine") < 40
    invariants.hold(connection)


@pytest.mark.parametrize("coding", ["", "gzip"])
def test_a_page_of_empty_objects_is_refused_before_they_are_objects(box, acme, acme_wall, coding):
    """U19: millions of them in one page: nothing of it is stored, and its day says why."""
    connection, day = connect(acme, box), busy_day(box)
    spread = [f"{name}@path=/calls,day={day},page=1" for name in ("empty_objects", coding) if name]
    box.set_faults(*spread, "burst_mb=3")
    told = pull(connection, [Stream.CALLS], since=day, until=day).streams[Stream.CALLS]
    assert (told.status, told.fault) == ("failed", Fault.TOO_LARGE)
    assert Gap.objects.get().detail == "The answer holds more than 2,000 elements."
    assert not Quarantine.objects.exists()
    invariants.hold(connection)


@pytest.mark.parametrize("coding", ["", "gzip"])
def test_a_page_beyond_its_bytes_is_refused_whatever_it_is_packed_in(box, acme, acme_wall, bounds, coding):
    """The bytes are counted as they are unpacked."""
    connection, day = connect(acme, box), busy_day(box)
    bounds(PAGE=replace(limits.PAGE, most_bytes=1_000_000))
    box.set_faults(*[f"{name}@path=/calls,day={day}" for name in ("heavy", coding) if name], "burst_mb=2")
    told = pull(connection, [Stream.CALLS], since=day, until=day).streams[Stream.CALLS]
    assert (told.status, told.fault) == ("failed", Fault.TOO_LARGE)
    assert Gap.objects.get().detail == "The answer is larger than 1,000,000 bytes."


def test_an_element_that_is_too_long_is_set_aside_and_its_history_read_on(box, acme, acme_wall, bounds):
    """One call of many megabytes makes its window incomplete, not unreadable; what was sent of it first is kept."""
    connection = connect_originsai(acme, box)
    agent = next(iter(box.originsai_agents))
    bounds(ELEMENT_BYTES=100_000)
    key = box.history.ids(agent)[3]
    box.history.change(key, call_context={"text": "x" * 300_000})
    told = read(connection)
    assert (told.status, told.windows_incomplete) == ("partial", 1)
    row = Quarantine.objects.get()
    assert (row.external_id, row.reason) == (key, "It is longer than 100,000 bytes.")
    assert len(row.raw.encode()) == 100_001
    assert Window.objects.get(part=f"agent:{agent}").state == WindowState.UNREADABLE
    box.history.change(key, call_context={"text": "x"})
    assert read(connection).status == "complete"
    assert not Quarantine.objects.filter(released_at=None).exists()
    invariants.hold(connection)


@pytest.mark.parametrize("vendor", ["talkover", "originsai"])
def test_many_heavy_answers_at_once_wait_for_each_other_and_all_come_in(box, acme, acme_wall, bounds, vendor):
    """Room for one page of them, and a queue for two records: nobody waits for ever."""
    connection = (connect if vendor == "talkover" else connect_originsai)(acme, box)
    bounds(LIGHT_BYTES=20_000, MIDDLE_BYTES=60_000, HEAVY_BYTES=300_000, QUEUE_BYTES=4_000)
    told = pull(connection, [Stream.CALLS], since=since(box))
    assert told.status == "complete"
    if vendor == "talkover":
        invariants.same_as(connection, box)
    invariants.hold(connection)


# What each pull took above idle, in a fresh fork. The peak of getrusage is inherited, so it is told to forget it first.
PULLS = """
import json, os, sys
import django
django.setup()
from django.db import connection as database
from bench.memory import Growth
from portal.tenants import wall
from portal.tenants.models.tenants import Tenant
from sync.models.connections import Connection
from sync.reading.runner import pull
from sync.taxonomy import Stream
for provider in iter(sys.stdin.readline, ""):
    if child := os.fork():
        if os.waitpid(child, 0)[1]:
            sys.exit(1)
        continue
    with wall.tenant(Tenant.objects.get()):
        connection = Connection.objects.select_related("tenant").get(provider=provider.strip())
        database.ensure_connection()
        growth = Growth()
        told = pull(connection, [Stream.CALLS]).streams[Stream.CALLS]
        found = {"megabytes": growth.peak(), "status": told.status, "fault": told.fault, "seen": told.seen}
    sys.exit(print(json.dumps(found), flush=True))
"""
BURSTS = {
    "eight heavy pages": ("talkover", "/calls", ("heavy",), 11, None),
    "eight heavy pages, packed": ("talkover", "/calls", ("heavy", "gzip"), 11, None),
    "empty objects, packed": ("talkover", "/calls", ("empty_objects", "gzip"), 11, "too-large"),
    "heavy elements": ("originsai", HISTORIES, ("heavy",), 60, None),
    "empty objects in a history, packed": ("originsai", HISTORIES, ("empty_objects", "gzip"), 60, "too-large"),
}


@pytest.mark.slow
def test_no_upstream_makes_a_pull_take_much_memory(scratch, settings):
    """U19: whatever the vendor sends, a pull stays below 150 MB above idle."""
    env = os.environ | {
        "DATABASE_URL": scratch[0],
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "TOKEN_KEYS": ",".join(settings.TOKEN_KEYS),
        "UPSTREAM_ALLOW_PRIVATE": "true",
        "UPSTREAM_RATE_PER_MINUTE": "1000000",
    }
    # More pages than are read at once; histories of long elements.
    with Sandbox(days=7, calls_per_day=120, originsai_per_day=26, seed=3) as box:
        with databases.speaking_to("scratch"):
            acme = Tenant.objects.create(slug="acme", name="Acme", zone="America/Sao_Paulo", language="pt-br")
            with wall.tenant(acme):
                connect(acme, box)
                connect_originsai(acme, box)
        took = {}
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        with subprocess.Popen([sys.executable, "-c", PULLS], env=env, cwd=ROOT, text=True, **pipes) as pulls:
            for name, (provider, path, kinds, megabytes, fault) in BURSTS.items():
                box.set_faults(*(f"{kind}@path={path}" for kind in kinds), f"burst_mb={megabytes}")
                pulls.stdin.write(f"{provider}\n")
                pulls.stdin.flush()
                answer = pulls.stdout.readline()
                assert answer, pulls.stderr.read()
                told = json.loads(answer)
                assert told["fault"] == fault, name
                took[name] = round(told["megabytes"])
        assert max(took.values()) < 150, took
