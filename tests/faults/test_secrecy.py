"""A vendor that repeats our token and people's numbers in whatever it says."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from django.core.management import call_command

from portal.logs import Redact
from sync.connections import Description, add_connection
from sync.models.connections import Connection
from sync.models.quarantine import Quarantine
from sync.models.runs import Gap, Run
from sync.reading.runner import Manner, pull
from sync.taxonomy import Stream
from tests.faults import invariants

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True)]

TOKEN = "talq_ab12cd34EF56"
PHONE = "+5511987654321"


class Echo(BaseHTTPRequestHandler):
    """Answers ``server.status`` and the words it was sent, on a page of each kind that a reader has words for."""

    def do_GET(self) -> None:
        said = f"Token {self.headers['Authorization']} may not call {PHONE} or (11) 98765-4321"
        status, form = self.server.manner
        body = {
            "json": json.dumps({"success": False, "message": said}),
            "text": said,
            "nested": json.dumps({"error": {"code": "x", "message": said}}),
            "listed": json.dumps({"detail": [{"msg": said}]}),
            "items": json.dumps(
                {
                    "success": True,
                    "data": [said, {"id": {"x": said}}, {"id": "c1", "created_at": said, "duration": said}],
                    "pagination": {"total": 3, "last_page": 1, "per_page": 100},
                }
            ),
        }[form].encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Silent."""


@contextmanager
def echo(status: int, form: str) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.manner = (status, form)
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/api/v1"
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "form"),
    [(500, "text"), (422, "json"), (401, "json"), (403, "nested"), (429, "listed"), (200, "json"), (200, "items")],
)
def test_no_words_of_the_vendors_carry_a_secret_further(acme, acme_wall, caplog, capsys, monkeypatch, status, form):
    """I8: neither the token nor a number is in logs, runs, gaps, reasons, or what the command prints."""
    monkeypatch.setitem(pull.__kwdefaults__, "manner", Manner(patience=0.0))
    monkeypatch.setattr("sync.reading.reconcile.PATIENCE", 0.0)
    monkeypatch.setattr("sync.reading.reader.ASK_TRIES", 2)
    caplog.set_level(logging.DEBUG)
    caplog.handler.addFilter(Redact())
    day = date(2026, 7, 8)
    with echo(status, form) as url:
        made = add_connection(acme, Description("Sales", "talkover", url, day, token=TOKEN), check=False)
        connection = Connection.objects.select_related("tenant").get(pk=made.pk)
        pull(connection, [Stream.CALLS], since=day, until=day)
        for command in ("pull", "reconcile"):
            with pytest.raises(SystemExit) as ended:
                call_command(command, environment=connection.environment.public_id, since=day, until=day, json=True)
            assert ended.value.code == 3
    printed = "".join(capsys.readouterr())
    rows = [
        *Run.objects.values_list("detail", "fault"),
        *Gap.objects.values_list("detail", "part"),
        *Quarantine.objects.values_list("reason", "kind"),
    ]
    assert rows
    for text in (caplog.text, printed, repr(rows), repr(connection), str(vars(connection))):
        assert TOKEN not in text
        assert "ab12cd34EF56" not in text
        assert "987654321" not in text
        assert "98765-4321" not in text
    invariants.hold(connection)
