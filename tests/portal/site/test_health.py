"""What machines ask: alive, ready, how many."""

import os
import re
import subprocess
import sys
from datetime import date, timedelta
from functools import partial

import pytest
from django.db import OperationalError
from django.utils import timezone

from portal.env import BASE_DIR
from portal.outbox import post
from portal.site import health
from portal.site.celery import app
from portal.site.models import Heartbeat
from portal.site.schedules import HEARTBEATS, QUEUES, SCHEDULE
from portal.site.tasks import heartbeat
from portal.site.workers import groups
from portal.tenants import wall
from sync.models.connections import Connection
from sync.models.runs import Run, Window


@pytest.fixture
def broker_answers(monkeypatch):
    monkeypatch.setitem(health.CHECKS, "broker", lambda: True)


def test_alive_asks_no_database(client) -> None:
    answer = client.get("/livez")  # without the db fixture any query raises
    assert (answer.status_code, answer.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_ready_when_every_queue_was_heard_of_lately(client, broker_answers) -> None:
    for queue in QUEUES:
        heartbeat(queue)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "checks": {"database": "ok", "broker": "ok", "queues": "ok"}}


@pytest.mark.django_db
@pytest.mark.parametrize("silent", QUEUES)
def test_not_ready_when_one_queue_fell_silent(client, broker_answers, silent) -> None:
    for queue in QUEUES:
        heartbeat(queue)
    Heartbeat.objects.filter(queue=silent).update(at=timezone.now() - timedelta(minutes=4))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "ok", "broker": "ok", "queues": "failed"}


@pytest.mark.django_db
def test_not_ready_names_what_failed_and_nothing_else(client, monkeypatch, caplog) -> None:
    def refuse() -> bool:
        raise OperationalError("password of ringbook at db.example")

    monkeypatch.setitem(health.CHECKS, "database", refuse)
    monkeypatch.setitem(health.CHECKS, "broker", refuse)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "failed", "broker": "failed", "queues": "failed"}
    assert b"db.example" not in answer.content


def test_beat_sends_each_queue_its_heartbeat_through_that_queue() -> None:
    assert {(entry["args"], entry["options"]["queue"]) for entry in HEARTBEATS.values()} == {((q,), q) for q in QUEUES}
    assert all(entry["options"]["expires"] < entry["schedule"] for entry in SCHEDULE.values())


def test_every_queue_has_workers_of_its_own_and_every_task_a_queue() -> None:
    """In one program and in compose; only the short ticks share theirs, with the mails."""
    app.loader.import_default_modules()
    served = [queue for group in groups(2) for queue in group.queues]
    assert sorted(served) == sorted(QUEUES)
    assert {len(group.queues) for group in groups(2) if "default" not in group.queues} == {1}
    compose = (BASE_DIR / "deploy/compose.yaml").read_text(encoding="utf-8")
    named = re.findall(r"--queues, \"?([\w,]+)", compose)
    assert sorted(",".join(named).split(",")) == sorted(QUEUES)
    routed = {route["queue"] for route in app.conf.task_routes.values()}
    entries = {entry["options"].get("queue", "default") for entry in app.conf.beat_schedule.values()}
    assert routed | entries <= set(QUEUES)
    assert set(app.conf.task_routes) <= set(app.tasks)
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)


@pytest.mark.django_db
def test_gauges_count_across_tenants(client, acme, globex, sales, foreign) -> None:
    now = timezone.now()
    for environment, state in ((sales, "complete"), (foreign, "complete"), (foreign, "failed")):
        with wall.tenant(environment.tenant_id):
            connection = Connection.objects.get_or_create(
                tenant_id=environment.tenant_id,
                environment=environment,
                defaults={"provider": "talkover", "base_url": "https://x.example", "token": "t", "since": now.date()},
            )[0]
            Run.objects.create(
                tenant_id=environment.tenant_id,
                environment=environment,
                connection=connection,
                stream="calls",
                state=state,
                started_at=now,
            )
    with wall.tenant(acme):
        due = now - timedelta(seconds=90)
        Window.objects.create(
            tenant=acme, environment=sales, stream="calls", part="2026-07-08", state="incomplete", next_attempt_at=due
        )
        Window.objects.create(  # before the history
            tenant=acme,
            environment=sales,
            stream="calls",
            part="2020-01-01",
            state="incomplete",
            day=date(2020, 1, 1),
            next_attempt_at=now - timedelta(days=9),
        )
    put = partial(post.put, to="a@b.example", subject="s", text="t", html="", headers={}, reference="r")
    put(tenant_id=None)
    with wall.tenant(acme):
        put(tenant_id=acme.pk)
    heartbeat("reading")
    lines = client.get("/metrics").content.decode().splitlines()
    assert 'ringbook_runs_last_day{state="complete"} 2' in lines
    assert 'ringbook_runs_last_day{state="failed"} 1' in lines
    assert 'ringbook_windows{state="incomplete"} 2' in lines
    assert 'ringbook_messages{state="pending"} 2' in lines
    age = next(line for line in lines if line.startswith("ringbook_oldest_due_window_age_seconds "))
    assert 89 < float(age.split()[1]) < 120
    assert any(line.startswith('ringbook_queue_heartbeat_age_seconds{queue="reading"} 0') for line in lines)


@pytest.mark.django_db
def test_gauges_are_for_this_machine_and_administrators(client, ana) -> None:
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 403
    assert client.get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 403
    client.force_login(ana)
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 403
    ana.is_staff = True
    ana.save()
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 200


@pytest.mark.parametrize("module", ["portal.site.celery", "portal.site.workers"])
def test_workers_and_beat_start_without_being_told_where_the_settings_are(module) -> None:
    """As compose and the supervisor start them: nothing that they import may ask for a setting too early."""
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    subprocess.run([sys.executable, "-c", f"import {module}"], cwd=BASE_DIR, env=env, check=True)
