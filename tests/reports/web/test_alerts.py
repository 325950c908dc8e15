"""The pages of alerts: from the form to the removal, the preview, the secret, who sees what, both languages."""

import re
from datetime import timedelta

import pytest
import time_machine

from portal.outbox.models import Message
from portal.tenants import wall
from portal.tenants.models.people import Role
from reports.alerts.models import Alert, WebhookPost
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


def test_an_answers_address_fills_the_form(page, sales):
    form = form_of(
        page(f"new/?metrics=busy_rate&period=yesterday&environment={sales.public_id}&direction=outbound").text
    )
    assert (form["metric"], form["over"], form["others"]) == ("busy_rate", "yesterday", "direction=outbound")
    assert form["environments"] == [str(sales.public_id)]


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


def test_in_portuguese(client, page, acme, ana):
    standing(acme, ana, name="Poucas", when="below", metric="attempts", value=100, over="today", to=[ana.email])
    look(acme, DUE + timedelta(minutes=1))
    text = page("", "pt-br").text
    assert "abaixo de 100" in text
    with wall.tenant(acme):
        assert Message.objects.get().subject == "Alerta: Poucas"
    one = page("new/", "pt-br").text
    assert "Avisar quando" in one
