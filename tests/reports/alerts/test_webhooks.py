"""Webhooks against a real server on this machine: what arrives, signed how, what is done about each answer."""

import hashlib
import hmac
import json
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from django.db.models.functions import Now

from portal.outbox.models import Message
from portal.tenants import wall
from portal.tenants.models.people import Membership, Role
from reports.alerts import acts, webhooks
from reports.alerts.models import Alert, WebhookPost
from tests.reports.alerts.conftest import author, look, read_until, standing
from tests.reports.mail.conftest import DUE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def endpoint(settings):
    """A server that keeps what it gets, and answers as it is told."""
    settings.UPSTREAM_ALLOW_PRIVATE = True
    got, answers = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append((self.path, dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            status, location = answers.pop(0) if answers else (200, "")
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(b"thank you")

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    server.got, server.answers, server.address = got, answers, f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()


def fired(tenant, user, endpoint, **values) -> WebhookPost:
    read_until(tenant, DUE)
    hook = {"webhook": f"{endpoint.address}/hook?key=1", "to": [user.email]} | values
    standing(tenant, user, name="Few <calls>", when="below", metric="attempts", value=100, over="today", **hook)
    assert look(tenant, DUE) == 1
    with wall.tenant(tenant):
        return WebhookPost.objects.get()


def send(tenant) -> WebhookPost:
    with wall.tenant(tenant):
        webhooks.send(WebhookPost.objects.get().pk)
        return WebhookPost.objects.select_related("event").get()


def due_again(tenant):
    with wall.tenant(tenant):
        WebhookPost.objects.update(next_attempt_at=None)


def test_a_signed_post_arrives_once(acme, mirrored, ana, endpoint):
    owed = fired(acme, ana, endpoint)
    assert webhooks.overdue() == [(acme.pk, owed.pk)]
    row = send(acme)
    assert (row.state, row.status, row.reply, row.attempts) == ("sent", 200, "thank you", 1)
    send(acme)
    ((path, headers, body),) = endpoint.got
    assert path == "/hook?key=1"
    told = json.loads(body)
    assert (told["event"], told["value"], told["n"], told["test"]) == ("fired", 0.0, 0, False)
    assert told["alert"]["name"] == "Few <calls>"
    assert headers["Ringbook-Event"] == told["id"] == str(row.event.public_id)
    moment, mac = (part.split("=")[1] for part in headers["Ringbook-Signature"].split(","))
    with wall.tenant(acme):
        secret = acts.secret_of(Alert.objects.get())
    # By the words of the contract alone: HMAC-SHA256 of "t.body", in hex.
    assert mac == hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert abs(int(moment) - time.time()) < 60


def test_what_fails_is_tried_again_and_then_by_hand(acme, mirrored, ana, endpoint):
    fired(acme, ana, endpoint)
    endpoint.answers += [(500, "")] * 6
    row = send(acme)
    assert (row.state, row.status, row.reply) == ("pending", 500, "thank you")
    send(acme)
    assert len(endpoint.got) == 1  # its time has not come
    for _ in range(5):
        due_again(acme)
        row = send(acme)
    assert (row.state, len(endpoint.got)) == ("failed", 6)
    assert webhooks.overdue() == []
    with wall.tenant(acme):
        assert acts.post_again(WebhookPost.objects.select_related("event__alert").get(), author(acme, ana))
    assert send(acme).state == "sent"
    assert len({body for _path, _headers, body in endpoint.got}) == 1


def test_a_redirect_is_not_followed_and_a_private_address_not_asked(acme, mirrored, ana, endpoint, settings):
    fired(acme, ana, endpoint)
    endpoint.answers.append((302, f"{endpoint.address}/elsewhere"))
    assert send(acme).status == 302
    assert [path for path, _headers, _body in endpoint.got] == ["/hook?key=1"]
    settings.UPSTREAM_ALLOW_PRIVATE = False
    due_again(acme)
    row = send(acme)
    assert row.state == "pending"
    assert "https" in row.reply
    with wall.tenant(acme):
        row = Alert.objects.get()
        row.webhook = endpoint.address.replace("http://127.0.0.1", "https://localhost")
        row.save(update_fields=["webhook"])
    due_again(acme)
    assert "public internet" in send(acme).reply
    assert len(endpoint.got) == 1


@pytest.mark.parametrize("form", ["slack", "teams"])
def test_forms_for_slack_and_teams(acme, mirrored, ana, endpoint, form):
    fired(acme, ana, endpoint, webhook_form=form)
    assert send(acme).state == "sent"
    told = json.loads(endpoint.got[0][2])
    if form == "slack":
        assert set(told) == {"text"}
        assert "Few &lt;calls&gt;" in told["text"]
    else:
        card = told["attachments"][0]["content"]
        assert card["type"] == "AdaptiveCard"
        assert "Few <calls>" in card["body"][0]["text"]


def test_a_test_goes_to_the_endpoint_and_to_who_asked(acme, mirrored, ana, endpoint):
    read_until(acme, DUE)
    hook = {"webhook": f"{endpoint.address}/hook", "to": []}
    alert = standing(acme, ana, when="below", metric="attempts", value=100, over="today", **hook)
    with wall.tenant(acme):
        acts.test(alert, author(acme, ana), lambda *_: True)
        assert Message.objects.get().subject == "Teste de um alerta: Watch"
        assert not Alert.objects.get().firing
    assert send(acme).state == "sent"
    assert json.loads(endpoint.got[0][2])["test"]


def test_nothing_is_posted_for_a_removed_alert(acme, mirrored, ana, endpoint):
    fired(acme, ana, endpoint)
    with wall.tenant(acme):
        acts.remove(Alert.objects.get(), author(acme, ana))
        post = WebhookPost.objects.get()
        assert post.state == "suppressed"
    assert send(acme).state == "suppressed"
    assert endpoint.got == []


def test_nothing_is_posted_for_who_manages_no_more(acme, mirrored, ana, endpoint):
    """An address is for managers and owners to name, so it needs one who stands for it."""
    fired(acme, ana, endpoint)
    with wall.tenant(acme):
        Membership.objects.filter(user=ana).update(role=Role.VIEWER)
    row = send(acme)
    assert (row.state, endpoint.got) == ("suppressed", [])
    assert row.reply


def test_a_try_that_a_clock_ahead_put_off_for_a_year_is_due(acme, mirrored, ana, endpoint):
    owed = fired(acme, ana, endpoint)
    with wall.tenant(acme):
        WebhookPost.objects.update(next_attempt_at=Now() + timedelta(days=365), tries=1)
    assert webhooks.overdue() == [(acme.pk, owed.pk)]
    assert send(acme).state == "sent"
