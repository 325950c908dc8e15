"""An older database beside the newest folder of erasures shows nothing that was erased since, from its first answer."""

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
from django.db import connections
from django.test import Client, TestCase

from portal.env import BASE_DIR
from portal.lib import number_runs
from portal.privacy import ledger
from portal.privacy.models import Erasure, Reason
from portal.privacy.pending import PENDING
from portal.tenants import wall
from portal.tenants.models.people import Role
from reports.privacy import erasing
from reports.privacy.erasing import ask, make_up, work
from tests import databases, factories
from tests.conftest import member
from tests.isolation.world import TALKOVER
from tests.portal.processes import free_port
from tests.portal.site.test_serve import embedded, serving
from tests.reports.api.conftest import make_key

NUMBER = "+5511976543210"  # not the one that forms show as an example
YESTERDAY = "yesterday"


@pytest.fixture(autouse=True)
def _folder(settings, tmp_path) -> Iterator[None]:
    settings.DATA_DIR = tmp_path
    yield
    PENDING.forget()


@pytest.fixture
def readers(acme, globex, sales) -> dict[str, tuple[Client, dict[str, str], str]]:
    """Who asks what: a page, the API and the vendor's form of Acme, and a page of another company."""
    with wall.tenant(acme):
        factories.call(sales, "c1", to_number=NUMBER, direction="outbound", raw=json.dumps({"id": "c1", "to": NUMBER}))
    people = {
        "/t/acme/calls/?testing=include": member(acme, "ana@acme.example", Role.OWNER, numbers=True),
        "/t/globex/calls/": member(globex, "carla@globex.example", Role.OWNER, numbers=True),
    }
    found: dict[str, tuple[Client, dict[str, str], str]] = {}
    for path, person in people.items():
        client = Client()
        client.force_login(person)
        found[path] = client, {"Accept-Language": "en"}, path
    for path, environment in (("/api/v1/calls/?testing=include", None), (f"{TALKOVER}/calls", sales)):
        key = make_key(acme, environment=environment)
        found[path] = Client(), {"Authorization": f"Bearer {key}", "Accept-Language": "en"}, path
    return found


def answers(readers: dict[str, Any]) -> dict[str, tuple[int, bool]]:
    """The status of each, and whether the number stands in it."""
    PENDING.forget()
    told = {path: client.get(path, headers=headers) for path, (client, headers, path) in readers.items()}
    said = {path: answer.content.decode() for path, answer in told.items()}
    return {path: (told[path].status_code, number_runs.contains(text, NUMBER[1:])) for path, text in said.items()}


@pytest.mark.django_db(transaction=True)
def test_an_older_database_is_served_once_its_erasures_are_made_up_for(acme, readers, monkeypatch) -> None:
    foreign = {"/t/globex/calls/": (200, False)}
    ours = [path for path in readers if path not in foreign]
    assert answers(readers) == dict.fromkeys(ours, (200, True)) | foreign
    connections.close_all()
    databases.copy("", YESTERDAY)
    with wall.tenant(acme), TestCase.captureOnCommitCallbacks(execute=True):
        assert work(ask(acme.pk, NUMBER, Reason.REQUEST).pk) is not None
    assert answers(readers) == dict.fromkeys(ours, (200, False)) | foreign

    with databases.speaking_to(YESTERDAY):
        assert answers(readers) == dict.fromkeys(ours, (503, False)) | foreign
        client, headers, path = readers[ours[0]]
        assert "restored database" in client.get(path, headers=headers).content.decode()
        assert client.get("/livez").status_code == 200
        with wall.tenant(acme):
            ledger.agree(acme.pk)
        assert answers(readers) == dict.fromkeys(ours, (503, False)) | foreign, "owed again is not yet done"
        with monkeypatch.context() as patch:
            patch.setattr(erasing, "erase_calls", fail)
            assert make_up() == [acme]
        assert answers(readers) == dict.fromkeys(ours, (503, False)) | foreign
        with wall.tenant(acme):
            Erasure.objects.update(claimed_until=None)  # a claim of the process that failed runs out
        assert make_up() == []
        assert answers(readers) == dict.fromkeys(ours, (200, False)) | foreign
    databases.drop(YESTERDAY)


def fail(*_: object) -> None:
    raise RuntimeError("no disk is left")


@pytest.mark.django_db
def test_an_erasure_that_is_at_work_closes_nothing(acme, readers) -> None:
    with wall.tenant(acme):
        ask(acme.pk, NUMBER, Reason.REQUEST)
    assert {status for status, _ in answers(readers).values()} == {200}
    assert make_up() == []


FILL = """
from portal.tenants.models.tenants import Tenant, Environment
from portal.tenants import wall
from tests import factories
from tests.reports.api.conftest import make_key
tenant = Tenant.objects.create(slug="acme", name="Acme", zone="America/Sao_Paulo", language="en")
with wall.tenant(tenant):
    home = Environment.objects.create(tenant=tenant, name="Sales", provider="talkover")
    factories.call(home, "c1", to_number="%s", direction="outbound")
print("KEY", make_key(tenant))
"""


@pytest.mark.slow
def test_serve_makes_up_for_them_before_its_first_answer(tmp_path_factory) -> None:
    folder, port = tmp_path_factory.mktemp("data"), free_port()
    environment = embedded(folder)

    def manage(*arguments: str) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    manage("migrate", "--verbosity", "0")
    key = manage("shell", "--verbosity", "0", "-c", FILL % NUMBER).split("KEY ")[1].strip()
    database, backup = folder / "ringbook.sqlite3", folder / "backup.sqlite3"
    with closing(sqlite3.connect(database)) as here, closing(sqlite3.connect(backup)) as there:
        here.backup(there)
    manage("erase_person", "--tenant", "acme", "--number", NUMBER)
    for path in Path(folder).glob("ringbook.sqlite3*"):
        path.unlink()
    shutil.move(backup, database)

    with serving(environment, port):
        seen = list(first_answers(f"http://127.0.0.1:{port}/api/v1/calls/?testing=include", key))
    assert [text for _status, text in seen if number_runs.contains(text, NUMBER[1:])] == []
    assert [status for status, _text in seen] == [200]


def first_answers(address: str, key: str) -> Iterator[tuple[int, str]]:
    """Every answer from the first one on, up to one that serves."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            found = requests.get(address, headers={"Authorization": f"Bearer {key}"}, timeout=30)
        except (requests.ConnectionError, requests.Timeout):
            time.sleep(0.05)
            continue
        yield found.status_code, found.text
        if found.status_code == 200:
            return


@pytest.mark.django_db
def test_a_company_that_the_database_does_not_have_closes_nothing(acme) -> None:
    """The database may be older than the company, of which nothing can be shown or made up for."""
    folder = ledger.home() / str(acme.pk + 1000)
    folder.mkdir(parents=True)
    (folder / "f4f1a2f0-7d3c-4a59-9a52-0c1b5f0b7d11.jsonl").write_text("{}")
    assert ledger.pending() == frozenset()
    folder.rename(ledger.home() / str(acme.pk))
    assert ledger.pending() == {acme.pk}
