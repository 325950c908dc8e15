"""The demo from nothing, and again: what is there already is found and left as it is."""

import email
import email.policy
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from portal.env import BASE_DIR
from tests.portal.processes import ended, free_port, processes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("demo")


def demo(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    named = {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "UPSTREAM_ALLOW_PRIVATE"}
    return subprocess.Popen(
        [sys.executable, "manage.py", "demo", "--days", "20", "--calls-per-day", "12", *arguments],
        cwd=BASE_DIR,
        env={name: value for name, value in os.environ.items() if name not in named} | {"DATA_DIR": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def first(folder) -> dict[str, object]:
    """What the first start, from nothing, says at its end."""
    process = demo(folder, "--once", "--json")
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, ""), err
    return json.loads(out.splitlines()[-1])


def test_it_mirrors_two_tenants_whole(first, folder) -> None:
    shown = [(row["tenant"], row["environment"], row["complete"]) for row in first["environments"]]
    assert shown == [("acme", "Talkover", True), ("acme", "OriginsAI", True), ("globex", "Talkover", True)]
    assert all(row["calls"] > 0 for row in first["environments"])
    assert processes(folder) == []


def test_it_writes_one_mail_to_the_owner(first, folder) -> None:
    assert [str(path) for path in (folder / "outbox").glob("*.eml")] == [first["mail"]]
    message = email.message_from_bytes(Path(first["mail"]).read_bytes(), policy=email.policy.default)
    assert message["To"] == "ana@acme.example"
    assert "Acme" in message["Subject"]


def test_a_second_start_adds_nothing(first, folder) -> None:
    process = demo(folder, "--once", "--json")
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert json.loads(out.splitlines()[-1]) == first


def test_it_serves_what_is_there_and_ends_cleanly(first, folder) -> None:
    port = free_port()
    process = demo(folder, "--port", str(port))
    assert process.stdout is not None
    said = ""
    # As a person does: read to the last line, and only then open the page.
    while "Ctrl-C" not in said:
        line = process.stdout.readline()
        assert line, process.communicate(timeout=120)
        said += line
    for told in (f"http://127.0.0.1:{port}/", "ana@acme.example", "carla@globex.example", first["mail"]):
        assert str(told) in said
    assert requests.get(f"http://127.0.0.1:{port}/", timeout=120).status_code == 200
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err) == (0, "", "")
    assert processes(folder) == []


def test_its_notes_are_for_its_owner_alone(first, folder) -> None:
    assert (folder / "demo.json").stat().st_mode & 0o077 == 0


def test_it_keeps_out_of_a_portal_that_is_not_its_own(first, folder, tmp_path) -> None:
    shutil.copy(folder / "ringbook.sqlite3", tmp_path)
    process = demo(tmp_path, "--once")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert err == f"{tmp_path} holds a portal already; the demo wants a DATA_DIR of its own.\n"


@pytest.mark.parametrize("wrong", [["--days", "0"], ["--port", "65536"], ["--calls-per-day", "many"]])
def test_wrong_usage_ends_with_one_sentence(capfd, wrong) -> None:
    status, out, err = ended(capfd, "demo", *wrong)
    assert (status, out, err.count("\n")) == (2, "", 1)
