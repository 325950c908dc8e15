"""A database and a broker that are away: every face says so in its own form, and quotes no driver."""

import json
import os
import subprocess
import sys

import pytest

from portal.env import BASE_DIR
from tests.portal.processes import free_port

pytestmark = pytest.mark.fault

ASK = """
import json, sys
import django
django.setup()
from django.conf import settings
from django.test import Client
answers = {}
for name, (method, path, headers, cookie) in json.loads(sys.argv[1]).items():
    client = Client(raise_request_exception=False)
    if cookie:
        client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    event = '{"events": [{"message_id": "<r@h.example>", "kind": "hard", "code": "5.1.1"}]}'
    body = {"data": event, "content_type": "application/json"} if method == "post" else {}
    answer = getattr(client, method)(path, headers={"Accept-Language": "pt-BR", "Host": "localhost", **headers}, **body)
    kind, again = answer["Content-Type"].split(";")[0], answer.get("Retry-After")
    answers[name] = [answer.status_code, kind, again, answer.content.decode()]
print(json.dumps(answers))
"""
KEY = {"Authorization": "Bearer nonsense"}
PAGE, PROBLEM, JSON = "text/html", "application/problem+json", "application/json"
# How it is asked: method, path, headers, with a session's cookie or not; and the form of the answer.
FACES = {
    "start": ("get", "/", {}, False, PAGE),
    "sign-in": ("get", "/accounts/login/", {}, False, PAGE),
    "page": ("get", "/t/acme/calls/", {}, True, PAGE),
    "console": ("get", "/admin/", {}, True, PAGE),
    "console without a session": ("get", "/admin/login/", {}, False, PAGE),
    "share link": ("get", "/shared-link/abcdef/", {}, False, PAGE),
    "framed share link": ("get", "/shared-link/abcdef/frame/", {}, False, PAGE),
    "link of a mail": ("get", "/mail/x/", {}, False, PAGE),
    "logo": ("get", "/brand/logo", {}, False, PAGE),
    "setup": ("get", "/setup/", {}, False, PAGE),
    "metrics": ("get", "/metrics", {}, False, PAGE),
    "API with a key": ("get", "/api/v1/calls/", KEY, False, PROBLEM),
    "API with a session": ("get", "/api/v1/calls/", {}, True, PROBLEM),
    "absent API": ("get", "/api/v1/nothing/", {}, True, PROBLEM),
    "hook": ("post", "/hooks/mail/events", {"Authorization": "Bearer hook"}, False, PROBLEM),
    "Talkover's form": ("get", "/vendor/talkover/api/v1/calls", KEY, False, JSON),
    "OriginsAI's form": ("get", "/vendor/originsai/api/agents/1/call_stats", KEY, False, JSON),
}
SECRETS = ("psycopg", "sqlite", "connection to server", "unable to open", "127.0.0.1", "Errno", "Connection refused")


@pytest.fixture(
    scope="module",
    params=["PostgreSQL at a port where nobody listens", "SQLite that is no file"],
)
def outage(request, tmp_path_factory):
    """Answers of every face by name, and the log."""
    tmp_path = tmp_path_factory.mktemp("outage")
    place = tmp_path / "database.sqlite3"
    place.mkdir()
    port = free_port()
    url = f"postgresql://ringbook:hunter2@127.0.0.1:{port}/x" if "PostgreSQL" in request.param else f"sqlite:///{place}"
    env = os.environ | {
        "DATABASE_URL": url,
        "REDIS_URL": f"redis://127.0.0.1:{port}/0",
        "DATA_DIR": str(tmp_path),
        "MAIL_HOOK_SECRET": "hook",
        "DJANGO_SETTINGS_MODULE": "portal.settings",
    }
    asked = {name: face[:4] for name, face in FACES.items()}
    asked |= {f"probe {number}": ("get", "/readyz", {}, False) for number in range(3)}
    done = subprocess.run(
        [sys.executable, "-c", ASK, json.dumps(asked)],
        env=env,
        cwd=BASE_DIR,
        text=True,
        capture_output=True,
        check=True,
    )
    return json.loads(done.stdout), done.stderr


def test_every_face_answers_503_in_its_form_and_quotes_no_driver(outage):
    answers, log = outage
    for name, (*_asked, form) in FACES.items():
        status, kind, retry_after, body = answers[name]
        assert (status, kind, retry_after) == (503, form, "5"), name
        assert not [word for word in (*SECRETS, "/outage", "hunter2") if word in body], name
        if form != JSON:  # vendors' forms have words of their own
            assert "Temporariamente indisponível" in body, name
    assert "Traceback" not in log
    assert "hunter2" not in log
    assert "/accounts/login/ was not answered: The database" in log


def test_a_probe_that_fails_again_and_again_has_one_line_a_minute_in_the_log(outage):
    answers, log = outage
    assert {answers[f"probe {number}"][0] for number in range(3)} == {503}
    lines = [line for line in log.splitlines() if "readyz" in line]
    assert len(lines) == 3  # one for each check
    assert all("of /readyz failed: " in line for line in lines)
