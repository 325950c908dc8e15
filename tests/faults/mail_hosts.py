"""Hosts that make and send mails, killed at any moment: ``python -m tests.faults.mail_hosts set_up`` and ``run``.

``run`` forks workers, each of them beat and sender at once, kills them at random, has claims run out under the dead and
the living alike, and lets one work on undisturbed at last. It prints how many it killed.
"""

import os
import random
import signal
import sys
import time
from collections.abc import Callable

import django

django.setup()

from django.db.models.functions import Now  # noqa: E402

from portal.outbox import post, rounds  # noqa: E402
from portal.outbox.models import Message  # noqa: E402
from portal.tenants import wall  # noqa: E402
from portal.tenants.models.tenants import Environment, Tenant  # noqa: E402
from reports.columns.refresh import refresh_tenant  # noqa: E402
from reports.mail import deliveries, send  # noqa: E402
from reports.mail.models import Delivery  # noqa: E402
from reports.mail.subscriptions import add_recipient, create_weekly  # noqa: E402
from tests.conftest import member  # noqa: E402
from tests.reports.mail.conftest import DUE, HOUR, mirror  # noqa: E402

READERS, WORKERS, SECONDS = 30, 4, 15.0


def set_up() -> None:
    acme = Tenant.objects.create(slug="acme", name="Acme", zone="America/Sao_Paulo", language="en")
    with wall.tenant(acme):
        mirror(Environment.objects.create(tenant=acme, name="Sales", provider="talkover"))
        refresh_tenant()
    people = [member(acme, f"r{number}@d{number}.example", "viewer") for number in range(READERS)]
    weekly = create_weekly(acme, people[0].email, "en", since=DUE - 24 * HOUR)
    with wall.tenant(acme):
        for person in people[1:]:
            add_recipient(weekly, person.email, language="en")


def look() -> int:
    """One look of a host that is beat, maker and sender; how many mails are not made or wait still."""
    for tenant_id in deliveries.tenants_with_work(DUE):
        with wall.tenant(tenant_id):
            send.send_tenant(DUE, lambda *_: None)
    with wall.every_tenant("a test"):
        post.settle_lost()
        waiting = post.overdue()
    for tenant_id, _message in waiting:
        with wall.tenant(tenant_id):
            rounds.go_round()
    with wall.every_tenant("a test"):
        left = Message.objects.filter(state__in=("pending", "sending")).count()
        return left + Delivery.objects.filter(state__in=("pending", "held")).count()


def work() -> None:
    while True:
        look()
        time.sleep(0.05)


def run_out() -> None:
    """Claims end early, whoever holds them, and what was put off is due."""
    with wall.every_tenant("a test"):
        Delivery.objects.exclude(claimed_until=None).update(claimed_until=Now(), attempts=0)
        Message.objects.exclude(claimed_until=None).update(claimed_until=Now())
        Message.objects.exclude(next_attempt_at=None).update(next_attempt_at=None)


def pass_time() -> None:
    while True:
        time.sleep(0.4)
        run_out()


def finish() -> None:
    until = time.monotonic() + 60
    time.sleep(1.1)  # SQLite's clock has whole seconds
    run_out()
    while look() and time.monotonic() < until:
        time.sleep(0.5)
        run_out()


def fork(what: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        what()
    finally:
        os._exit(0)


def run() -> None:
    chance, killed = random.Random(7), 0
    clock = fork(pass_time)
    workers = [fork(work) for _ in range(WORKERS)]
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        time.sleep(chance.uniform(0.05, 0.5))
        place = chance.randrange(WORKERS)
        end(workers[place])
        killed += 1
        workers[place] = fork(work)
    for pid in (*workers, clock):
        end(pid)
    os.waitpid(fork(finish), 0)
    print(killed)  # noqa: T201


def end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


if __name__ == "__main__":
    {"set_up": set_up, "run": run}[sys.argv[1]]()
