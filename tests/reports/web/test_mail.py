"""The pages of scheduled mails: a mail from its form to its removal, the preview in its frame, who sees what."""

import html
import re
from base64 import b64encode
from datetime import date, timedelta
from urllib.parse import parse_qsl

import pytest
import time_machine
from django.utils import translation

from portal.audit.models import Entry
from portal.tenants import wall
from portal.tenants.models.people import Membership, Role
from reports.mail import subscriptions
from reports.mail.models import Delivery, Subscription
from reports.mail.plans import read_plan
from reports.mail.rights import at_the_console
from reports.mail.sections import SECTIONS
from reports.mail.send import send_due
from reports.saved import boards
from reports.saved.keeping import Keeper
from reports.saved.models import SavedView
from sync.models.runs import Window
from tests.conftest import member
from tests.reports.mail.conftest import DUE, messages, mirror

pytestmark = pytest.mark.django_db
PAGE = "/t/acme/mail/"


@pytest.fixture(autouse=True)
def _week(acme, sales):
    with wall.tenant(acme):
        mirror(sales)
    with time_machine.travel(DUE.replace(hour=10), tick=False):
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
    """What the form on a page sends when nothing is touched: as a browser without scripts does."""
    form = re.search(r'<form [^>]*class="mail-form".*?</form>', text, re.DOTALL)[0]
    form = re.sub(r'<input type="checkbox"[^>]*>', "", form).replace('type="hidden" ', "")
    values = dict(re.findall(r'<input [^>]*?name="(\w+)" value="([^"]*)"', form))
    values |= dict(re.findall(r'<textarea [^>]*?name="(\w+)"[^>]*>(.*?)</textarea>', form, re.DOTALL))
    for name, body in re.findall(r'<select [^>]*?name="(\w+)">(.*?)</select>', form, re.DOTALL):
        values[name] = re.search(r'value="([^"]*)" selected', body)[1]
    return values


def standing(tenant, **values) -> Subscription:
    with wall.tenant(tenant):
        by = at_the_console(tenant)
        return subscriptions.create(read_plan({"language": "en"} | values, by), by)


def test_mail_me_this_leads_from_an_answer_to_a_mail_that_shows_it(client, page, acme, ana):
    """From any question, which is saved with the mail; from what is saved, and from a board."""
    report = page("/t/acme/reports/query/?metrics=attempts,connect_rate&by=agent&period=last_month&compare=none").text
    link = html.unescape(re.search(r'href="([^"]+)">Mail me this', report)[1])
    form = {name: html.unescape(value) for name, value in form_of(page(link).text).items()}
    assert (form["every"], form["compare"], "of" in form) == ("month", "none", False)
    assert dict(parse_qsl(form["ask"]))["by"] == "agent"
    for name in ("", "Agents", "Agents"):
        made = client.post(f"{PAGE}new/", form | {"name": name})
        assert made.status_code == 302, made.content.decode()
    with wall.tenant(acme):
        rows = list(Subscription.objects.select_related("view").order_by("id"))
        assert [row.shows for row in rows] == ["report"] * 3
        assert rows[1].view.name == "Agents"
        assert rows[2].view.name == "Agents 2"
        kept, mail = rows[1].view, rows[1]
        keeper = Keeper.of(Membership.objects.select_related("tenant", "user").get(user=ana))
        board = boards.make(keeper, "Monday")
        boards.put_on(keeper, board, kept.public_id)
    shown = page(f"{mail.public_id}/").text
    assert "shows “Agents”" in shown
    assert form_of(shown)["of"] == f"report:{kept.public_id}"
    assert client.post(f"{PAGE}{mail.public_id}/", form_of(shown)).status_code == 302
    with wall.tenant(acme):
        mail.refresh_from_db()
        assert mail.view_id == kept.pk
    assert "Clara" in page(f"{mail.public_id}/preview/body/").text
    opened = page(f"/t/acme/reports/query/?{kept.query}&saved={kept.public_id}").text
    link = html.unescape(re.search(r'href="([^"]+)">Mail me this', opened)[1])
    assert form_of(page(link).text)["of"] == f"report:{kept.public_id}"
    link = re.search(r'href="([^"]+)">Mail me this', page(f"/t/acme/reports/boards/{board.public_id}/").text)[1]
    assert form_of(page(link).text)["of"] == f"board:{board.public_id}"
    # What cannot be kept leaves nothing behind.
    refused = client.post(f"{PAGE}new/", form | {"name": "Never", "to": "nobody"})
    assert refused.status_code == 400
    assert html.escape(form["ask"]) in refused.content.decode()
    with wall.tenant(acme):
        assert not SavedView.objects.filter(name="Never").exists()
        kept.delete()
        Subscription.objects.filter(pk=mail.pk).update(active=False, next_due=None, rests="report gone")
    assert "This mail rests: The saved report" in page(f"{mail.public_id}/").text
    client.post(f"{PAGE}{mail.public_id}/act/", {"act": "resume"})
    with wall.tenant(acme):
        assert not Subscription.objects.get(pk=mail.pk).active
    form = form_of(page(f"{mail.public_id}/").text)
    assert client.post(f"{PAGE}{mail.public_id}/", form).status_code == 400  # it has to show something
    assert client.post(f"{PAGE}{mail.public_id}/", form | {"of": ""}).status_code == 302
    with wall.tenant(acme):
        assert Subscription.objects.get(pk=mail.pk).active


def test_an_untouched_form_schedules_the_usual_mail(client, page, acme):
    told = page("new/")
    form = form_of(told.text)
    assert form["to"] == "ana@acme.example"
    answer = client.post(f"{PAGE}new/", form)
    with wall.tenant(acme):
        row = Subscription.objects.get()
        assert (row.kind, row.weekday, row.hour, row.zone, row.next_due) == ("weekly", 0, 8, "America/Sao_Paulo", DUE)
        assert Entry.objects.filter(action="subscription.added", user__email="ana@acme.example").exists()
    assert answer["Location"] == f"{PAGE}{row.public_id}/"
    shown = page(answer["Location"]).text
    assert "Weekly calls" in shown
    assert "next: 08:00" in shown
    assert "Weekly calls" in page().text
    assert 'href="/t/acme/mail/"' in page("/t/acme/").text


def test_a_form_with_faults_says_each_and_keeps_what_was_written(client, page, acme):
    form = form_of(page("new/").text) | {"to": "ana@acme.example\nnobody", "zone": "Mars/Base", "hour": "7"}
    answer = client.post(f"{PAGE}new/", form, headers={"Accept-Language": "en"})
    text = answer.content.decode()
    assert answer.status_code == 400
    assert "“nobody” is not an e-mail address." in text
    assert "“Mars/Base” is not a time zone" in text
    assert form_of(text)["to"] == "ana@acme.example\nnobody"
    assert form_of(text)["hour"] == "7"
    with wall.tenant(acme):
        assert not Subscription.objects.exists()


def test_a_mail_is_changed_by_its_form(client, page, acme, sales, ana):
    row = standing(acme, to=ana.email)
    one = f"{PAGE}{row.public_id}/"
    form = form_of(page(one).text)
    client.post(one, form)
    with wall.tenant(acme):
        assert not Entry.objects.filter(action="subscription.changed").exists()  # nothing was
    client.post(one, form | {"every": "month", "environments": [str(sales.public_id)], "then": "hold"})
    with wall.tenant(acme):
        row.refresh_from_db()
    assert (row.name, row.kind, row.holds, row.filters) == (
        "Monthly calls",
        "monthly",
        True,
        f"environment={sales.public_id}",
    )
    assert re.search(rf'value="{sales.public_id}" checked', page(one).text)


def test_the_preview_is_framed_and_may_load_and_do_nothing(client, page, acme, ana):
    row = standing(acme, to=ana.email)
    shown = page(f"{row.public_id}/preview/")
    frame = re.search(r'<iframe class="mail-frame" sandbox title="[^"]+" src="([^"]+)">', shown.text)[1]
    body = client.get(frame)
    policy = dict(part.strip().partition(" ")[::2] for part in body["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["style-src"] == "'unsafe-inline'"
    assert policy["frame-ancestors"] == "'self'"
    assert {"sandbox", "base-uri", "form-action"} <= set(policy)
    assert "script-src" not in policy
    assert body["X-Frame-Options"] == "SAMEORIGIN"
    assert "unsafe-inline" not in shown["Content-Security-Policy"]
    send_due(DUE)
    [sent] = messages(acme)
    leave = sent.headers["List-Unsubscribe"].strip("<>")
    assert leave not in body.content.decode() + shown.text
    here = f"http://127.0.0.1:8000/t/acme/mail/{row.public_id}/"
    with wall.tenant(acme):
        chart = sent.enclosures.get()
    shows = f"data:image/png;base64,{b64encode(chart.content).decode()}"
    # Made an hour earlier, from the same data.
    assert body.content.decode() == sent.html.replace(leave, here).replace(f"cid:{chart.name}", shows)
    assert policy["img-src"] == "data:"
    assert sent.subject in shown.text


def test_one_is_sent_now_to_whoever_asks(client, page, acme, ana, settings):
    row = standing(acme, to="someone@client.example")
    answer = client.post(f"{PAGE}{row.public_id}/act/", {"act": "test"}, follow=True, headers={"Accept-Language": "en"})
    assert "A test is on its way to ana@acme.example." in answer.content.decode()
    test = messages(acme)[-1]
    assert (test.to, test.state) == ("ana@acme.example", "pending")
    assert test.subject.startswith("Test: Acme · week 6–12 Jul")
    with wall.tenant(acme):
        assert not Delivery.objects.exists()
    settings.EMAIL_BACKEND = "portal.outbox.folder.FolderBackend"
    nowhere = client.post(f"{PAGE}{row.public_id}/act/", {"act": "test"}, follow=True).content.decode()
    assert nowhere.count("This portal has no mail server") == 2  # of the page, and instead of a promise
    assert "on its way" not in nowhere


def test_pause_go_on_remove(client, page, acme, ana):
    row = standing(acme, to=ana.email)
    act = f"{PAGE}{row.public_id}/act/"
    client.post(act, {"act": "pause"})
    assert "paused" in page().text
    assert "Go on" in page(f"{row.public_id}/").text
    client.post(act, {"act": "resume"})
    assert "next: 08:00" in page().text
    send_due(DUE)
    client.post(act, {"act": "remove"})
    assert page(f"{row.public_id}/").status_code == 404
    shown = page().text
    assert "No mail is scheduled yet." in shown
    assert "week 6–12 Jul" in shown
    assert client.post(act, {"act": "remove"}).status_code == 404


def test_a_reader_may_look_and_leave_and_no_more(client, page, acme, ana, bruno):
    row = standing(acme, to=[ana.email, bruno.email])
    send_due(DUE)
    client.force_login(bruno)
    one = f"{PAGE}{row.public_id}/"
    shown = page(one).text
    assert "ana@acme.example" not in shown + page().text
    assert "mail-form" not in shown
    assert page(f"{row.public_id}/preview/").status_code == 200
    assert client.post(one, {"hour": "9"}).status_code == 403
    for act in ("pause", "remove"):
        assert client.post(f"{one}act/", {"act": act}).status_code == 403
    client.post(f"{one}act/", {"act": "leave"})
    assert page(one).status_code == 404
    with wall.tenant(acme):
        assert row.recipients.get(email=bruno.email).left_at is not None


def test_a_viewer_schedules_for_himself(client, page, acme, bruno):
    client.force_login(bruno)
    told = page("new/").text
    assert "It goes to you, bruno@acme.example." in told
    assert 'name="to"' not in told
    client.post(f"{PAGE}new/", form_of(told))
    with wall.tenant(acme):
        row = Subscription.objects.get()
        assert [reader.email for reader in row.recipients.all()] == ["bruno@acme.example"]
    assert "Send again" not in page().text


def test_what_failed_is_sent_again_by_a_manager(client, page, acme, ana):
    row = standing(acme, to=ana.email)
    send_due(DUE)
    with wall.tenant(acme):
        delivery = Delivery.objects.select_related("message").get()
        type(delivery.message).objects.update(state="unknown", last_reply="TimeoutError")
    shown = page(f"{row.public_id}/").text
    assert "unknown" in shown
    assert "The mail server did not answer in time." in shown
    assert "TimeoutError" not in shown
    again = re.search(r'action="([^"]+/again/)"', shown)[1]
    client.post(again)
    assert [message.state for message in messages(acme)] == ["pending"]
    client.force_login(member(acme, "eve@acme.example", Role.VIEWER))
    assert client.post(again).status_code == 403


@pytest.mark.parametrize("language", ["en", "pt-br"])
def test_the_pages_speak_the_readers_language(page, acme, ana, language):
    ana.language = language
    ana.save()
    row = standing(acme, to=[ana.email, "guest@client.example"], language=language)
    send_due(DUE)
    with translation.override(language):
        words = [
            str(translation.gettext(text)) for text in ("Send me one now", "Pause", "asked by mail, has not agreed yet")
        ]
    shown = page(f"{row.public_id}/", language).text
    assert [word for word in words if word not in shown] == []


def test_the_list_asks_as_much_for_many_mails_as_for_one(page, acme, ana, django_assert_max_num_queries):
    standing(acme, to=ana.email)
    page()
    with django_assert_max_num_queries(30) as one:
        page()
    for number in range(5):
        standing(acme, to=ana.email, name=f"n{number}")
    with django_assert_max_num_queries(len(one)):
        page()


def test_a_mail_that_waits_for_data_says_until_when(page, acme):
    with wall.tenant(acme):
        Window.objects.filter(stream="calls", day=date(2026, 7, 8)).update(state="failed")
    standing(acme, to=["ana@acme.example"], wait_hours=6)
    send_due(DUE)
    shown = page().text
    assert "waiting for data" in shown
    assert "until 14:00 at the latest" in shown
    with wall.tenant(acme):
        Delivery.objects.update(held_until=DUE + timedelta(days=1))
    assert "até 14 jul, 08:00, no máximo" in page(language="pt-br").text


def test_each_readers_language_is_chosen_on_the_page(client, page, acme, ana):
    row = standing(acme, to=[ana.email, "guest@client.example"])
    shown = page(f"{row.public_id}/").text
    names = re.findall(r'name="(language-[^"]+)"', shown)
    assert len(names) == 2
    act = f"{PAGE}{row.public_id}/act/"
    client.post(act, {"act": "languages", names[1]: "pt-br"})
    with wall.tenant(acme):
        assert [reader.language for reader in row.recipients.order_by("id")] == ["en", "pt-br"]
    client.post(act, {"act": "languages", names[1]: "fr"})
    with wall.tenant(acme):
        assert [reader.language for reader in row.recipients.order_by("id")] == ["en", "pt-br"]
    assert "selected>Brazilian Portuguese" in page(f"{row.public_id}/").text


def test_the_parts_of_a_mail_are_put_in_order_by_places(client, page, acme, ana):
    row = standing(acme, to=ana.email)
    one = f"{PAGE}{row.public_id}/"
    form = form_of(page(one).text)
    assert [form[f"section_{key}"] for key in SECTIONS] == [str(place) for place in range(1, len(SECTIONS) + 1)]
    chosen = dict.fromkeys((f"section_{key}" for key in SECTIONS), "") | {"section_hours": "1", "section_agents": "1"}
    client.post(one, form | chosen | {"note": "Dear all", "subject": "Calls"})
    with wall.tenant(acme):
        row.refresh_from_db()
    assert [row.sections, row.note, row.subject] == [["hours", "agents"], "Dear all", "Calls"]
    shown = form_of(page(one).text)
    assert {key: shown[f"section_{key}"] for key in SECTIONS if shown[f"section_{key}"]} == {
        "hours": "1",
        "agents": "2",
    }


def test_a_past_period_is_looked_at_and_sent_again_from_its_preview(client, page, acme, ana):
    row = standing(acme, to=[ana.email, "guest@client.example"])
    send_due(DUE)
    told = page(f"{row.public_id}/").text
    link = re.search(r'href="([^"]+/preview/\?day=2026-07-06)"', told)[1]
    with time_machine.travel(DUE.replace(hour=12), tick=False):
        shown = page(link).text
        assert "Week 6–12 Jul, as it would be mailed now." in shown
        assert "← Week 29 Jun – 5 Jul" in shown
        assert 'value="guest@client.example"' not in shown  # who has not agreed gets nothing
        assert "Week 29 Jun – 5 Jul, as it would" in page(f"{row.public_id}/preview/?day=2026-07-01").text
        assert page(f"{row.public_id}/preview/?day=2026-07-13").status_code == 400
        press = re.search(r'name="press" value="([^"]+)"', shown)[1]
        form = {"day": "2026-07-06", "press": press, "edition": "same", "to": [ana.email]}
        for _ in range(2):  # a button that is pressed twice
            answer = client.post(f"{PAGE}{row.public_id}/again/", form)
            assert answer["Location"] == f"{PAGE}{row.public_id}/#deliveries"
        told = page(f"{row.public_id}/").text
    assert [message.subject.split(":")[0] for message in messages(acme) if message.to == ana.email][1:] == [
        "Sent again"
    ]
    assert "sent again" in told
    client.force_login(member(acme, "eve@acme.example", Role.VIEWER))
    assert client.post(f"{PAGE}{row.public_id}/again/", form).status_code == 404


def test_files_are_chosen_on_the_form_and_told_in_the_preview(client, page, acme, ana):
    row = standing(acme, to=ana.email)
    one = f"{PAGE}{row.public_id}/"
    client.post(one, form_of(page(one).text) | {"attachments": ["csv", "xlsx"]})
    with wall.tenant(acme):
        row.refresh_from_db()
    assert row.attachments == ["xlsx", "csv"]
    assert 'value="csv" checked' in page(one).text
    assert "CSV: calls" in page(f"{row.public_id}/preview/").text
    client.post(one, form_of(page(one).text))
    with wall.tenant(acme):
        row.refresh_from_db()
    assert row.attachments == []
