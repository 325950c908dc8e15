"""No minute sees more requests than the budget, whoever makes them."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection as database
from django.utils import timezone

from portal.tenants import wall
from sync import budget
from sync.budget import COUNTED, Allowance
from sync.models.connections import Connection, RequestGrant
from tests.sync.conftest import make_connection


class Clock:
    """Both clocks a budget looks at, moved by hand."""

    def __init__(self, monkeypatch) -> None:
        self.now = 1_000_000.0
        monkeypatch.setattr(budget, "_database_time", lambda: self.now)
        monkeypatch.setattr(budget.time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch) -> Clock:
    return Clock(monkeypatch)


def busiest_minute(moments: list[float]) -> int:
    return max(sum(start <= other < start + 60 for other in moments) for start in moments)


@pytest.mark.parametrize("rate", [1, 7, 90, 1000])
def test_several_processes_share_one_budget(behind_acme, sales, clock, rate):
    connection = make_connection(sales, rate_per_minute=rate)
    processes = [Allowance(connection) for _ in range(4)]
    sent: list[float] = []
    turn = 0
    while clock.now < 1_000_200:
        wait = processes[turn % 4].take()
        turn += 1
        if wait:
            assert wait <= COUNTED
            clock.now += min(wait, 1.0)
        else:
            sent.append(clock.now)
            clock.now += 0.01
    assert busiest_minute(sent) <= rate
    assert len(sent) >= rate * 3  # 200 seconds hold three windows: the budget is used, not only kept


def test_a_grant_that_was_not_used_in_time_is_lost(behind_acme, sales, clock):
    allowance = Allowance(make_connection(sales, rate_per_minute=1000))
    assert allowance.take() == 0.0
    held = RequestGrant.objects.get().count
    clock.now += 30
    assert allowance.take() == 0.0
    assert sum(RequestGrant.objects.values_list("count", flat=True)) == 2 * held


def test_the_vendors_wish_to_wait_holds_for_everybody(behind_acme, sales):
    connection = make_connection(sales)
    Connection.objects.filter(pk=connection.pk).update(blocked_until=timezone.now() + timedelta(seconds=30))
    assert 25 < Allowance(connection).take() <= 30


def test_old_grants_are_forgotten(behind_acme, sales, clock):
    allowance = Allowance(make_connection(sales, rate_per_minute=2))
    assert [allowance.take(), allowance.take()] == [0.0, 0.0]
    assert allowance.take() > 0
    clock.now += COUNTED
    assert allowance.take() == 0.0
    assert RequestGrant.objects.count() == 1


PROCESS = """
import os, sys, django
os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings"
django.setup()
from django.db import connections
connections["default"].settings_dict["NAME"] = sys.argv[1]
from portal.tenants import wall
from sync.budget import Allowance
from sync.models.connections import Connection
with wall.every_tenant("test"):
    connection = Connection.objects.get()
    with wall.tenant(connection.tenant_id):
        allowance = Allowance(connection)
        print(sum(allowance.take() == 0.0 for _ in range(40)))
"""


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_real_processes_share_it_too(acme, sales, settings):
    with wall.tenant(acme):
        make_connection(sales, rate_per_minute=25)
    command = [sys.executable, "-c", PROCESS, str(database.settings_dict["NAME"])]
    root = Path(__file__).resolve().parents[2]
    keys = os.environ | {"TOKEN_KEYS": ",".join(settings.TOKEN_KEYS)}
    running = [subprocess.Popen(command, cwd=root, env=keys, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate()[0] for process in running]
    assert sum(map(int, told)) == 25
