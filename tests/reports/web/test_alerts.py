"""The pages of alerts: from the form to the removal, the preview, the secret, who sees what, both languages."""

import html
import re
from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse

from portal.lib.outward.addresses import places
from portal.lib.outward.errors import Unreachable
from portal.outbox.models import Message
from portal.tenants import wall
from portal.tenants.models.people import Role, User
from reports.alerts.models import Alert, Watcher, WebhookPost
from sync.models.connections import Connection
from sync.models.runs import Gap
from tests.conftest import member
from tests.reports.alerts.conftest import look, read_until, standing
from tests.reports.mail.conftest import DUE, mirror

pytestmark = pytest.mark.django_db
PAGE = "/t/acme/alerts/"


@pytest.fixture(autouse=True)
def _week(acme, sales):
    with wall.tenant(acme):
        mirror(sales)
    read_until(acme, DUE)
    with time_machine.travel(DUE, tick=False):
        yield


@pytest.fixture
def page(client, ana):
    client.force_login(ana)

    def get(path="", language="en"):
        answer = client.get(path if path.startswith("/") else PAGE + path, headers={"Accept-Language": language})
        answer.text = answer.content.decode()
        return answer

    return get


def form_of(text: str) -> dict[str, str]:
    """What the form on a page sends when nothing is touched."""
    form = re.search(r'<form [^>]*class="mail-form alert-form".*?</form>', text, re.DOTALL)[0]
    values = {}
    for tag in re.findall(r"<input [^>]*>", form):
        name, value = re.search(r'name="(\w+)"', tag), re.search(r'value="([^"]*)"', tag)
        if 'type="checkbox"' not in tag and name[1] != "csrfmiddlewaretoken":
            values[name[1]] = value[1] if value else ""
        elif "checked" in tag:
            values.setdefault(name[1], []).append(value[1])
    values |= dict(re.findall(r'<textarea [^>]*?name="(\w+)"[^>]*>(.*?)</textarea>', form, re.DOTALL))
    for name, body in re.findall(r'<select [^>]*?name="(\w+)">(.*?)</select>', form, re.DOTALL):
        values[name] = re.search(r'value="([^"]*)" selected', body)[1]
    return values


def test_an_alert_from_its_form_to_its_removal(client, page, acme):
    assert "No alert is set up yet." in page().text
    form = form_of(page("new/").text)
    assert form["to"] == "ana@acme.example"
    wish = form | {"name": "Few calls", "metric": "attempts", "value": "100", "webhook": "https://hooks.example/a"}
    answer = client.post(f"{PAGE}new/", wish)
    assert answer.status_code == 302, answer.content.decode()
    one = answer["Location"]
    assert look(acme, DUE) == 1
    shown = page(one).text
    for words in ("Few calls", "is below 100", "its rule holds", "fired", "hooks.example", "ana@acme.example"):
        assert words in shown, words
    assert "its rule holds" in page().text
    secret = client.post(f"{one}act/", {"act": "secret"}).content.decode()
    assert re.search(r"<code>rbwh_[\w=-]{40}</code>", secret)
    assert "rbwh_" not in page(one).text
    for act in ("pause", "resume", "test", "leave"):
        assert client.post(f"{one}act/", {"act": act}).status_code == 302
    with wall.tenant(acme):
        assert Message.objects.count() == 2
        WebhookPost.objects.update(state="failed")
        post = WebhookPost.objects.first()
    assert "Send again" in page(one).text
    assert client.post(f"{one}posts/{post.public_id}/again/").status_code == 302
    assert client.post(one, form_of(page(one).text) | {"value": "7,5", "to": "ana@acme.example"}).status_code == 302
    with wall.tenant(acme):
        assert Alert.objects.get().value == 7.5
    assert client.post(f"{one}act/", {"act": "remove"}).status_code == 302
    assert page(one).status_code == 404


def test_the_form_tries_a_rule_and_keeps_what_was_written(client, page, acme):
    wish = form_of(page("new/").text) | {"name": "x", "metric": "attempts", "value": "6", "cool_down": "0"}
    tried = client.post(f"{PAGE}new/", wish | {"act": "preview"}).content.decode()
    assert "It would have fired on 1 day." in tried
    assert form_of(tried)["value"] == "6"
    quiet = wish | {"when": "no_calls", "over": "last_2_hours", "from": "10", "until": "11", "act": "preview"}
    assert "It would not have fired." in client.post(f"{PAGE}new/", quiet).content.decode()
    wrong = client.post(f"{PAGE}new/", wish | {"value": "much"})
    assert wrong.status_code == 400
    assert "Give the threshold as a number." in wrong.content.decode()
    with wall.tenant(acme):
        assert not Alert.objects.exists()


def test_rules_about_the_data_are_tried_by_what_reading_left_behind(client, page, acme, sales):
    wish = form_of(page("new/").text) | {"name": "x", "when": "gap", "value": "2", "act": "preview"}
    note = "By the gaps and runs that reading left behind"
    with wall.tenant(acme):
        Connection.objects.update(created_at=DUE - timedelta(days=10))
        gap = {"tenant": acme, "environment": sales, "stream": "calls", "fault": "timeout", "part": "p"}
        Gap.objects.create(**gap, opened_at=DUE - timedelta(days=4), closed_at=DUE - timedelta(days=3))
    tried = client.post(f"{PAGE}new/", wish).content.decode()
    for words in ("It would have fired on 1 day.", "Thu 9 Jul", note, "Nothing can be said of 15 Jun – 2 Jul"):
        assert words in tried, words
    with wall.tenant(acme):
        Connection.objects.update(created_at=DUE)
        Gap.objects.all().delete()
    tried = client.post(f"{PAGE}new/", wish).content.decode()
    assert note in tried
    assert "It would not have fired." not in tried  # nobody knows


def test_a_fall_is_written_by_its_size_and_quiet_hours_have_a_choice_of_their_own(client, page, acme):
    form = form_of(page("new/").text)
    fall = form | {"name": "Falls", "when": "change_below", "value": "5", "over": "last_7_days"}
    one = client.post(f"{PAGE}new/", fall)["Location"]
    shown = page(one).text
    assert "Connect rate falls by more than 5.0" in shown
    assert form_of(shown)["value"] == "5"
    for written, kept in (("-7", -7.0), ("+2,5", 2.5), ("6", -6.0)):
        assert client.post(one, form_of(page(one).text) | {"value": written}).status_code == 302
        with wall.tenant(acme):
            assert Alert.objects.get().value == kept
        assert client.post(one, form_of(page(one).text)).status_code == 302  # saved as it stands, it stays
        with wall.tenant(acme):
            assert Alert.objects.get().value == kept
    quiet = form | {"name": "Quiet", "when": "no_calls", "over": "today", "quiet_over": "yesterday"}
    one = client.post(f"{PAGE}new/", quiet)["Location"]
    with wall.tenant(acme):
        assert Alert.objects.get(name="Quiet").over == "yesterday"
    assert form_of(page(one).text)["quiet_over"] == "yesterday"


def test_an_answers_address_fills_the_form(page, sales):
    form = form_of(
        page(f"new/?metrics=busy_rate&period=yesterday&environment={sales.public_id}&direction=outbound").text
    )
    assert (form["metric"], form["over"], form["others"]) == ("busy_rate", "yesterday", "direction=outbound")
    assert form["environments"] == [str(sales.public_id)]


def ways_to_alerts(text: str) -> list[str]:
    return [html.unescape(each) for each in re.findall(r'href="(/t/acme/alerts/new/\?[^"]*)"', text)]


@pytest.mark.parametrize(
    "where", ["/t/acme/?period=last_7_days&", "/t/acme/reports/query/?metrics=connect_rate&period=last_7_days&"]
)
def test_every_figure_and_answer_leads_to_an_alert_about_the_same_calls(page, sales, where):
    ways = ways_to_alerts(page(f"{where}environment={sales.public_id}").text)
    (way, *_more) = [way for way in ways if way.endswith("=connect_rate")]
    form = form_of(page(way).text)
    assert (form["name"], form["metric"], form["over"]) == ("Connect rate · Sales", "connect_rate", "last_7_days")
    assert form["environments"] == [str(sales.public_id)]


def test_no_way_leads_to_an_alert_that_would_be_refused(client, page, acme, ana):
    answer = "/t/acme/reports/query/?metrics=connect_rate&period=last_7_days"
    assert ways_to_alerts(page(answer).text)
    assert not ways_to_alerts(page(f"{answer}&number=11987654321").text)
    client.force_login(User.objects.create_superuser("root@ringbook.example", "correct horse battery"))
    begun = client.post(reverse("admin:tenants_tenant_visit", args=[acme.pk]), {"reason": "A figure looks wrong, R-12"})
    assert begun["Location"] == "/t/acme/"
    assert not ways_to_alerts(page(answer).text)


def test_whom_an_alert_tells_may_read_it_and_leave_and_others_see_nothing(client, acme, ana):
    vera = member(acme, "vera@acme.example", Role.VIEWER)
    alert = standing(acme, ana, when="below", metric="attempts", value=1, over="today", to=[ana.email, vera.email])
    client.force_login(vera)
    one = f"{PAGE}{alert.public_id}/"
    text = client.get(one).content.decode()
    assert "Tell me no more" in text
    assert "ana@acme.example" not in text
    assert client.post(one, {"value": 2}).status_code == 403
    assert client.post(f"{one}act/", {"act": "remove"}).status_code == 403
    assert client.post(f"{one}act/", {"act": "leave"}).status_code == 302
    assert client.get(one).status_code == 404


def test_the_page_and_the_owners_list_tell_who_added_an_outsider_and_whether_he_agreed(client, page, acme, ana):
    form = form_of(page("new/").text)
    to = "ana@acme.example\nguest@client.example"
    answer = client.post(f"{PAGE}new/", form | {"name": "Few", "metric": "attempts", "value": "100", "to": to})
    assert answer.status_code == 302, answer.content.decode()
    one = answer["Location"]
    text = page(one).text
    for words in ("Whom it tells", "guest@client.example", "asked by mail, has not agreed yet", "added by Ana"):
        assert words in text, words
    listed = page("/t/acme/mail/addresses/").text
    assert "People without an account, told by alerts" in listed
    assert re.search(r"guest@client\.example</p>\s*<p class=\"quiet\">Few</p>", listed)
    with wall.tenant(acme):
        Watcher.objects.filter(as_member=False).update(confirmed_at=DUE)
    assert "has agreed" in page(one).text
    look(acme, DUE)
    history = page(one).text.partition('id="history"')[2]
    assert "Mon 13 Jul 2026, 00:00–08:00" in history
    assert "guest@client.example" in history
    with wall.tenant(acme):
        Message.objects.update(state="unknown", last_reply="TimeoutError")
    text = page(one).text
    assert "The mail server did not answer in time." in text
    assert "TimeoutError" not in text


def test_in_portuguese(client, page, acme, ana):
    standing(acme, ana, name="Poucas", when="below", metric="attempts", value=100, over="today", to=[ana.email])
    look(acme, DUE + timedelta(minutes=1))
    text = page("", "pt-br").text
    assert "abaixo de 100" in text
    with wall.tenant(acme):
        assert Message.objects.get().subject == "Alerta: Poucas"
    one = page("new/", "pt-br").text
    assert "Avisar quando" in one


@pytest.mark.parametrize(
    ("language", "private", "refused"),
    [
        ("en", "The host leads to an address that is not on the public internet.", "The address names no host."),
        (
            "pt-br",
            "O servidor leva a um endereço que não está na internet pública.",
            "O endereço não indica nenhum servidor.",
        ),
    ],
)
def test_why_an_address_is_not_asked_is_told_in_the_readers_language(
    client, page, acme, ana, language, private, refused
):
    """In the form, and of what was posted in the background: there, in the log, and over the API."""
    wish = form_of(page("new/").text) | {"name": "Few", "metric": "attempts", "value": "100"}
    headers = {"Accept-Language": language}
    answer = client.post(f"{PAGE}new/", wish | {"webhook": "https:///x"}, headers=headers)
    assert (answer.status_code, refused in html.unescape(answer.content.decode())) == (400, True)
    api = client.post("/api/v1/alerts/", {"webhook": "https:///x"}, "application/json", headers=headers).json()
    assert api["errors"]["webhook"] == [refused]
    alert = standing(acme, ana, when="below", metric="attempts", value=100, over="today", webhook="https://localhost/x")
    assert look(acme, DUE) == 1
    with wall.tenant(acme):
        row = WebhookPost.objects.get()
        WebhookPost.objects.update(reply=said_of("localhost"))
    one = page(f"{alert.public_id}/", language).text
    assert private in html.unescape(one)
    (event,) = client.get(f"/api/v1/alerts/{alert.public_id}/history/", headers=headers).json()["results"]
    assert [post["reply"] for post in event["webhooks"]] == [private]
    assert row.status is None


def said_of(host: str) -> str:
    """What a worker keeps of a host that it may not ask."""
    with pytest.raises(Unreachable) as refusal:
        places(host, 443, allow_private=False, seconds=5)
    return refusal.value.detail
