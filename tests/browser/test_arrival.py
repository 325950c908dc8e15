"""What arrives outside: a report by mail, from its question to the reader's farewell; an alert, from its rule to the
endpoint that checks its signature. The mail server and the endpoint are real ones on this machine.
"""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.request import Request, urlopen

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from portal.outbox import rounds
from portal.outbox.models import Message
from portal.tenants import wall
from reports.alerts import tasks as alert_tasks
from reports.alerts.models import Alert, AlertEvent, AlertNotice
from reports.columns.tasks import refresh_one
from reports.definitions.periods import local_date
from reports.mail.models import Delivery, Recipient, Subscription
from reports.mail.send import send_due
from reports.saved.models import SavedView
from sync.models.connections import Connection
from sync.reading.runner import pull
from tests.browser.conftest import NARROW
from tests.browser.town import Town
from tests.portal.outbox.sink import Sink

pytestmark = [pytest.mark.browser, pytest.mark.django_db]
OUTSIDER = "client@outside.example"
ALERTS = (AlertNotice, AlertEvent, Alert)  # in the order in which they can be deleted


@pytest.fixture
def inbox(settings, town: Town) -> Iterator[Sink]:
    """Where all mails of the town go; links in them lead to its server."""
    with Sink() as sink:
        settings.EMAIL_BACKEND = "portal.outbox.smtp.SmtpBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", sink.port, 10
        settings.BASE_URL = town.url
        yield sink


@pytest.fixture
def _as_it_was(town: Town) -> Iterator[None]:
    """What a test sets up and sends is gone for the next."""
    with wall.tenant(town.tenant):
        kept = {model: set(model.objects.values_list("pk", flat=True)) for model in (Subscription, Message, *ALERTS)}
    yield
    with wall.tenant(town.tenant):
        for model in ALERTS:
            model.objects.exclude(pk__in=kept.pop(model)).delete()
        Delivery.objects.exclude(subscription__in=kept[Subscription]).delete()
        for model, keys in kept.items():
            model.objects.exclude(pk__in=keys).delete()
        SavedView.objects.filter(name="Yesterday").delete()


def collect(town: Town, inbox: Sink, about: str) -> list[Any]:
    """The mails about it that the mail server gets when a worker goes round. A round takes along whatever waits: what
    the platform has for people, and what other tests of the town had it tell its owners.
    """
    before = len(inbox.mails)
    with wall.tenant(town.tenant):
        assert rounds.go_round() is None
    return [mail for mail in inbox.mails[before:] if about in str(mail["Subject"])]


def links_of(mail: Any, town: Town, path: str) -> set[str]:
    return set(re.findall(rf"{re.escape(town.url)}{path}[\w.:-]+", mail.get_body(("plain",)).get_content()))


@pytest.mark.usefixtures("_as_it_was")
def test_a_report_is_saved_scheduled_previewed_received_and_left(visit, town: Town, inbox: Sink) -> None:
    page = visit.open("reports/query/?metrics=attempts,connect_rate&period=yesterday")
    page.locator(".report-tools summary").click()
    page.fill("#report-name", "Yesterday")
    page.locator(".report-tools button.main").click()
    page.wait_for_url("**saved=**")
    attempts = page.locator("table.report data").first.get_attribute("value")
    page.locator(".report-tools summary").click()
    page.get_by_role("link", name="Mail me this").click()

    page.wait_for_url("**/mail/new/?**")
    assert page.locator("#every").input_value() == "day"
    page.select_option("#hour", "0")
    page.fill("#to", f"ana@acme.example\n{OUTSIDER}")
    page.fill("#name", "Every day")
    page.get_by_role("button", name="Schedule it").click()
    page.wait_for_url("**/mail/*-*/")
    assert page.locator("h1").inner_text() == "Every day"
    one = page.url

    stranger = visit.context(signed_in=False, viewport=NARROW).new_page()
    [asked] = collect(town, inbox, "Every day")
    assert asked["To"] == OUTSIDER
    [confirm] = links_of(asked, town, "/mail/confirm/")
    stranger.goto(confirm)
    assert reader(town, OUTSIDER).confirmed_at is None  # to look at the page is not to agree
    stranger.get_by_role("button", name="Yes, send it to me").click()
    expect(stranger.get_by_role("heading", name="Confirmed")).to_have_count(1)

    page.get_by_role("link", name="Preview").click()
    page.select_option("#reader", label=OUTSIDER)
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**reader=**")
    page.locator(".plain-part summary", has_text="plain text").click()
    previewed = page.locator(".plain-part pre").inner_text()
    framed = page.frame_locator("iframe.mail-frame").locator("body").inner_text()

    came_due(town)
    assert send_due(timezone.now()).sent == 2
    list_id = f"<{one.rstrip('/').rpartition('/')[2]}.mail.ringbook>"
    # A round takes along what waits of others.
    arrived = [mail for mail in inbox.mails if mail is not asked and str(mail["List-Id"]).strip() == list_id]
    assert sorted(mail["To"] for mail in arrived) == ["ana@acme.example", OUTSIDER]
    mails = {mail["To"]: mail for mail in arrived}
    mail = mails[OUTSIDER]
    text = mail.get_body(("plain",)).get_content()
    assert unlinked(text) == unlinked(previewed)
    shown = visit.context(signed_in=False).new_page()
    shown.set_content(mail.get_body(("html",)).get_content())
    assert unlinked(shown.locator("body").inner_text()) == unlinked(framed)
    assert f"- Attempts: {int(float(attempts or 0)):,} " in text
    assert str(mail["Subject"]).strip().startswith("Acme · ")  # a long one is folded after its name

    leave = mail["List-Unsubscribe"].strip().strip("<>")
    assert links_of(mail, town, "/mail/leave/") == {leave}
    for _look in range(2):
        stranger.goto(leave)
        assert stranger.get_by_role("heading", name="Leave this mail").count() == 1
        assert reader(town, OUTSIDER).left_at is None
    stranger.locator("form button.main", has_text="Leave").click()
    expect(stranger.get_by_role("heading", name="You have left")).to_have_count(1)
    one_click = mails["ana@acme.example"]["List-Unsubscribe"].strip().strip("<>")
    assert mails["ana@acme.example"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    with urlopen(Request(one_click, b"List-Unsubscribe=One-Click"), timeout=30) as answer:  # as Gmail does
        assert answer.status == 200
    came_due(town)
    with wall.tenant(town.tenant):
        Delivery.objects.filter(subscription__name="Every day").update(press="before", edition="same")
    assert send_due(timezone.now()).sent == 0
    page.goto(one)
    assert page.locator("section[aria-labelledby=readers-title] .mark").all_inner_texts() == ["has left"] * 2


def reader(town: Town, email: str) -> Recipient:
    with wall.tenant(town.tenant):
        return Recipient.objects.get(email=email, subscription__name="Every day")


def came_due(town: Town) -> None:
    """Its next time was today at midnight: yesterday is over, and read whole."""
    with wall.tenant(town.tenant):
        row = Subscription.objects.get(name="Every day")
        days = (local_date(row.next_due, row.zone) - local_date(timezone.now(), row.zone)).days
        Subscription.objects.filter(pk=row.pk).update(next_due=row.next_due - timedelta(days=days))


def unlinked(text: str) -> str:
    """Without the addresses, which are each reader's own, and what says that this mail comes after its hour."""
    return " ".join(re.sub(r"https?://\S+|This report comes late: .*?:00\.", "", text).split())


class Endpoint:
    """A program of the company's own, which believes what is signed with the secret that it was given."""

    def __init__(self) -> None:
        self.secret = ""
        self.believed: list[dict[str, Any]] = []
        self.refused = 0
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                told = dict(part.split("=", 1) for part in self.headers["Ringbook-Signature"].split(","))
                signed = hmac.new(endpoint.secret.encode(), f"{told['t']}.".encode() + body, hashlib.sha256)
                is_right = hmac.compare_digest(signed.hexdigest(), told["v1"])
                if is_right and abs(time.time() - int(told["t"])) < 300:
                    endpoint.believed.append(json.loads(body))
                else:
                    endpoint.refused += 1
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """The test says what it saw."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}/hook"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.close()


@pytest.fixture
def read(town: Town, settings, monkeypatch):
    """Reads today's calls from the vendors and makes the column files, at whose end alerts are looked at; what a
    worker would be told to do is done on the spot."""
    settings.UPSTREAM_ALLOW_PRIVATE, settings.UPSTREAM_RATE_PER_MINUTE = True, 1_000_000
    monkeypatch.setattr(alert_tasks, "hint", lambda task, *ids, **_: task(*ids) or True)

    def read(status: str = "complete") -> None:
        with wall.tenant(town.tenant):
            Alert.objects.update(checked_at=None)  # a minute is over
            for key in Connection.objects.values_list("pk", flat=True):
                report = pull(Connection.objects.select_related("tenant").get(pk=key))
                assert report.status == status or status != "complete", report
        refresh_one(town.tenant.pk)
        alert_tasks.look_at_alerts()

    yield read
    town.box.set_faults()


@pytest.mark.usefixtures("_as_it_was")
def test_an_alert_is_tried_fires_once_on_whole_data_and_tells_its_end(visit, town: Town, inbox, endpoint, read) -> None:
    read()
    page = visit.open("alerts/")
    answer = page.request.get(f"{town.url}/api/v1/reports/query/?metrics=attempts&period=today").json()
    attempts = int(answer["totals"]["attempts"]["value"])
    page.get_by_role("link", name="New alert").click()
    page.fill("#name", "Few calls today")
    page.select_option("#metric", "attempts")
    page.select_option("#when", "below")
    page.fill("#value", str(attempts + 2))
    page.select_option("#over", "today")
    page.fill("#to", "ana@acme.example")
    page.fill("#webhook", endpoint.address)
    page.get_by_role("button", name="Try it on the last 28 days").click()
    assert page.locator("#preview").inner_text().count("fired") == 1
    page.get_by_role("button", name="Set it up").click()
    page.wait_for_url("**/alerts/*-*/")
    one = page.url
    page.locator("summary", has_text="Signature of the webhook").click()
    page.get_by_role("button", name="Make a new secret").click()
    endpoint.secret = page.locator(".secret-line code").inner_text()

    town.box.set_faults("500@path=/calls")
    read("partial")
    assert told(page, one) == []  # its rule holds, but on data that lack a part
    assert page.locator(".partial").first.inner_text() == "The data of the period are not complete."
    assert endpoint.believed == []
    town.box.set_faults()
    for _turn in range(3):
        read()
    assert told(page, one) == ["fired"]
    assert f"It is {attempts} " in page.locator("#history").inner_text()
    assert "sent" in page.locator("#history").inner_text()
    [fired] = endpoint.believed
    assert (fired["event"], fired["value"], fired["alert"]["threshold"]) == ("fired", attempts, attempts + 2)
    assert fired["url"].endswith(one.removeprefix(town.url))
    [mail] = collect(town, inbox, "Few calls today")
    assert (mail["To"], mail["Subject"], mail["Auto-Submitted"]) == (
        "ana@acme.example", "Alert: Few calls today", "auto-generated",
    )  # fmt: skip
    assert f"It is {attempts} (n = {attempts})." in unlinked(mail.get_body(("plain",)).get_content())

    now = timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    for _new in range(2):
        town.box.world.insert(created_at=now, status="completed", duration=9, is_testing=False)
    read()
    assert told(page, one) == ["recovered", "fired"]
    assert [each["event"] for each in endpoint.believed] == ["fired", "recovered"]
    assert endpoint.refused == 0
    assert [mail["Subject"] for mail in collect(town, inbox, "Few calls today")] == ["Over: Few calls today"]


def told(page: Any, address: str) -> list[str]:
    """What the page of an alert says that it told, newest first."""
    page.goto(address)
    return [text.lower() for text in page.locator("#history li div:first-child .mark").all_inner_texts()]
