"""The sweep, as the machine's own clock runs it, while the portal is down: real processes, files and servers."""

import email
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from email import policy
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from django.core.management import call_command
from django.utils import timezone

from portal.env import BASE_DIR
from portal.outbox.models import PlatformMessage, State
from portal.site import watchdog
from portal.site.management.commands import sweep as command
from portal.site.models import Heartbeat
from portal.site.schedules import QUEUES
from portal.site.tasks import watch
from portal.tenants.models.people import User

NOWHERE = "postgresql://ana:secret-of-ana@127.0.0.1:1/ringbook"


@pytest.fixture
def asked() -> Iterator[list[str]]:
    """What a service that watches from outside was asked for; its address is ``asked.url``."""

    class Paths(list[str]):
        url = ""

    paths = Paths()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    paths.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    yield paths
    server.shutdown()
    server.server_close()


@pytest.fixture
def well(db, running_broker) -> None:
    for queue in QUEUES:
        Heartbeat.objects.create(queue=queue, at=timezone.now())


def sweep(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "DATABASE_URL")}
    environment |= {"DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "portal.settings"} | variables
    command = [sys.executable, "manage.py", "sweep"]
    return subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, timeout=120)


def mails(folder: Path) -> list[tuple[str, str, str]]:
    """Recipient, subject and text of each, oldest first."""
    found = []
    for path in sorted((folder / "outbox").glob("*.eml"), key=lambda path: path.stat().st_mtime_ns):
        mail = email.message_from_bytes(path.read_bytes(), policy=policy.default)
        found.append((mail["To"], mail["Subject"], mail.get_body(("plain",)).get_content()))
    return found


def test_a_database_that_is_down_is_mailed_once_and_told_in_one_sentence(tmp_path) -> None:
    for _minute in range(2):
        done = sweep(tmp_path, DATABASE_URL=NOWHERE, ALARM_MAILS="ops@example.com")
        assert done.returncode == 2
        assert done.stderr.startswith("The database does not answer")
        assert done.stderr.count("\n") == 1
    ((to, subject, text),) = mails(tmp_path)
    assert (to, subject) == ("ops@example.com", "The database doesn't answer")
    assert "secret-of-ana" not in text + (tmp_path / "watchdog.json").read_text()
    assert "127.0.0.1:1" not in text  # no driver's words in a mail


@pytest.mark.django_db
def test_administrators_are_remembered_for_when_the_database_is_gone(settings, tmp_path) -> None:
    settings.DATA_DIR = tmp_path
    User.objects.create_superuser("root@ringbook.example", "correct horse battery", language="pt-br")
    call_command("sweep", "--json")
    assert (tmp_path / "watchdog.json").stat().st_mode & 0o077 == 0
    sweep(tmp_path, DATABASE_URL=NOWHERE)
    ((to, subject, _text),) = mails(tmp_path)
    assert (to, subject) == ("root@ringbook.example", "O banco de dados não responde")


def test_what_was_mailed_is_mailed_once_more_when_it_is_over(settings, tmp_path) -> None:
    settings.DATA_DIR = tmp_path
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "portal.outbox.folder.FolderBackend", tmp_path / "outbox"
    settings.ALARM_MAILS = ["ops@example.com"]
    watchdog.report_database_down()
    for _minute in range(2):
        watchdog.report_database_up({"ops@example.com": "en"})
    assert [subject for _to, subject, _text in mails(tmp_path)] == [
        "The database doesn't answer", "The database answers again",
    ]  # fmt: skip


def test_a_mail_that_no_server_takes_is_tried_again(settings, tmp_path) -> None:
    settings.DATA_DIR = tmp_path
    settings.ALARM_MAILS = ["ops@example.com"]
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = "portal.outbox.smtp.SmtpBackend", "127.0.0.1", 1
    watchdog.report_database_down()
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "portal.outbox.folder.FolderBackend", tmp_path / "outbox"
    watchdog.report_database_down()
    assert len(mails(tmp_path)) == 1


def test_a_broker_that_is_down_is_mailed_and_stops_no_other_part(tmp_path) -> None:
    """With the portal stopped its own broker is gone, and the sweep is all that runs."""
    environment = os.environ | {"DATA_DIR": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path}/r.sqlite3"}
    environment.pop("REDIS_URL", None)
    subprocess.run([sys.executable, "manage.py", "migrate"], cwd=BASE_DIR, env=environment, check=True, timeout=120)
    made = "from portal.tenants.models.people import User; User.objects.create_superuser('root@ringbook.example', 'x')"
    subprocess.run([sys.executable, "manage.py", "shell", "-c", made], cwd=BASE_DIR, env=environment, check=True)
    done = sweep(tmp_path, DATABASE_URL=environment["DATABASE_URL"])
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    ((to, _subject, text),) = mails(tmp_path)
    assert to == "root@ringbook.example"
    assert "The broker doesn't answer" in text


@pytest.mark.parametrize("query", ["", "?status=up&msg=OK"])
def test_the_address_outside_is_asked_when_all_is_well(settings, well, asked, query) -> None:
    settings.DEAD_MANS_URL = f"{asked.url}/ping/7f3a{query}"
    call_command("sweep", "--json")
    watch()
    assert asked == [f"/ping/7f3a{query}"] * 2


def test_the_address_outside_is_not_asked_when_anything_is_wrong(settings, well, asked) -> None:
    settings.DEAD_MANS_URL = f"{asked.url}/ping"
    Heartbeat.objects.filter(queue="mail").delete()
    call_command("sweep", "--json")
    watch()
    assert asked == []


def test_a_part_that_fails_keeps_no_other_from_its_work(settings, well, asked, monkeypatch, capsys) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(command.PARTS, "ended", fail)
    settings.DEAD_MANS_URL = f"{asked.url}/ping"
    with pytest.raises(SystemExit) as ended:
        call_command("sweep", "--json")
    assert ended.value.code == 3
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["failed"], told["alarms"]) == (["ended"], 0)
    assert asked == []
    assert not PlatformMessage.objects.exclude(state=State.SENT).exists()
