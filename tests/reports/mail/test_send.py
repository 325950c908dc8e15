"""Exactly one mail for each period and reader, in his language, from his rights, with the figures the portal shows."""

import json
import re
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.conf import settings
from django.core import mail
from django.core.management import call_command
from django.utils import translation

from portal.accounts.members import add_member, whole
from portal.outbox import post, rounds
from portal.outbox.models import Message
from portal.storage import Away
from portal.tenants import wall
from portal.tenants.models.grants import Grant
from portal.tenants.models.people import Membership, Role
from reports.columns import engine, sources
from reports.definitions.metrics import METRICS
from reports.definitions.periods import Period
from reports.mail import consent, cupboard, links, log, making, rights, send
from reports.mail.lists import invite
from reports.mail.models import Delivery, Recipient, Subscription
from reports.mail.rights import scope_of
from reports.mail.send import SendSummary, send_due
from reports.mail.subscriptions import add_recipient, create_weekly
from reports.mail.words import amount, number
from reports.queries import run
from reports.queries.ask import ask
from reports.queries.question import Question
from reports.queries.scope import Scope
from sync.models.calls import Call
from sync.models.runs import Window
from tests.conftest import member
from tests.portal.outbox.sink import Sink
from tests.reports.mail.conftest import DUE, HOUR, delivered, messages, mirror

pytestmark = pytest.mark.django_db
WEEK = Period(date(2026, 7, 6), date(2026, 7, 13), "America/Sao_Paulo")


def test_the_mail_of_last_week_is_sent_once_however_often_it_is_asked_for(acme, weekly):
    assert send_due(DUE - timedelta(minutes=1)) == SendSummary()
    assert send_due(DUE) == SendSummary(due=1, sent=1)
    assert [send_due(DUE), send_due(DUE + HOUR)] == [SendSummary(), SendSummary()]
    [sent] = mail.outbox
    assert sent.to == ["ana@acme.example"]
    assert sent.subject == "Acme · week 6–12 Jul · 77 calls, 72.7 % connected (▲ 6.1 pp)"  # 8 of 11, after 6 of 9
    [row] = delivered(acme)
    assert (row.state, row.message.state, row.complete, row.late) == ("posted", "sent", True, False)
    with wall.tenant(acme):
        assert Subscription.objects.get().next_due == DUE + timedelta(days=7)


def test_each_week_brings_one_mail_and_the_weeks_join(acme, weekly):
    for week in range(3):
        assert send_due(DUE + timedelta(weeks=week, hours=7)).due == 1
    periods = [(row.period_start, row.period_end) for row in delivered(acme)]
    assert periods == [(WEEK.start + timedelta(weeks=n), WEEK.end + timedelta(weeks=n)) for n in range(3)]


def test_after_a_silence_only_the_latest_week_is_sent_and_says_that_it_is_late(acme, weekly):
    back = DUE + timedelta(weeks=3, days=2)
    assert send_due(back).due == 1
    [row] = delivered(acme)
    assert row.period_start == WEEK.start + timedelta(weeks=3)
    assert row.late
    assert "comes late: it was due on 3 Aug, 08:00" in messages(acme)[0].text
    with wall.tenant(acme):
        assert Subscription.objects.get().next_due == DUE + timedelta(weeks=4)


@pytest.mark.parametrize("language", ["en", "pt-br"])
def test_the_figures_are_those_of_the_portal(acme, weekly, language):
    with wall.tenant(acme):
        Recipient.objects.update(language=language)
    send_due(DUE)
    [message] = messages(acme)
    with wall.tenant(acme), translation.override(language):
        scope = Scope.of(Membership.objects.get().grant)
        keys = ("attempts", "connect_rate", "average_duration", "callbacks_received", "callbacks_answered")
        totals = ask(Question(keys, WEEK), scope).totals
        before = ask(Question(keys, Period(date(2026, 6, 8), date(2026, 7, 6), WEEK.zone)), scope).totals
        for key in keys:
            metric, cell = METRICS[key], totals[key]
            usual = before[key].value / (4 if metric.unit == "count" else 1)
            [line] = [
                line for line in message.text.splitlines() if line.startswith(f"- {metric.label}: ") and "·" in line
            ]
            mean = number(usual) if metric.unit == "count" else amount(usual, metric.unit)
            shown = [amount(cell.value, metric.unit), amount(cell.previous, metric.unit), mean]
            told = [part.rsplit(": ")[-1].split(" (")[0] for part in line.split(" · ")]
            assert told == [text.replace("\xa0", " ") for text in shown]
            assert all(f">{text}<" in message.html for text in shown)
    assert (totals["attempts"].value, totals["callbacks_received"].value) == (77, 35)  # 11 a day, 5 a day
    assert delivered(acme)[0].snapshot["figures"]["totals"]["attempts"][0] == 77


def test_no_mean_is_taken_over_weeks_that_are_not_all_there(acme, weekly):
    """A connection's first mails: its history is still being read, newest days first."""
    with wall.tenant(acme):
        Window.objects.filter(day__lt=date(2026, 6, 20)).delete()
    send_due(DUE)
    [message] = messages(acme)
    line = re.search(r"^- Attempts: (.+)$", message.text, re.MULTILINE)
    assert line is not None
    assert line[1].endswith("· 29 Jun – 5 Jul: 63 · 4-week mean (8 Jun – 5 Jul): –")
    assert "Of the time before that not all was read, so there is no mean." in message.text


def test_each_reader_gets_his_language_and_only_what_his_rights_open(acme, weekly, care):
    with wall.tenant(acme):
        mirror(care, scale=2)
        carol = member(acme, "carol@acme.example", "viewer", weekly.tenant and care)
        add_recipient(weekly, carol.email, language="pt-br")
    send_due(DUE + 7 * HOUR)
    ana, carol = mail.outbox
    assert "231 calls" in ana.subject
    assert "154" in carol.subject
    assert carol.extra_headers["Content-Language"] == "pt-br"
    assert "Sales" not in carol.body
    assert "Care" in carol.body


def test_readers_of_equal_rights_and_language_share_a_mail_but_for_the_way_to_leave(acme, weekly, care, monkeypatch):
    with wall.tenant(acme):
        mirror(care, scale=2)
        narrow = member(acme, "carol@acme.example", "viewer", care)
        wide = [member(acme, f"w{number}@acme.example", "viewer") for number in range(2)]
        for reader in (narrow, *wide):
            add_recipient(weekly, reader.email, language="en")
        alone = [member(acme, f"{key}@acme.example", "viewer") for key in "ab"]
        for key, reader in zip("ab", alone, strict=True):
            Grant.objects.filter(membership__user=reader).update(agent_keys=[key])
            add_recipient(weekly, reader.email, language="en")
        outside = add_recipient(weekly, "guest@outside.example", language="en", grant=weekly.grant)
        Recipient.objects.filter(pk=outside.pk).update(confirmed_at=DUE - HOUR)
        Subscription.objects.update(chart=False)  # which would tell readers apart as well
    rendered, real = [], making.render_facts
    monkeypatch.setattr(making, "render_facts", lambda *facts, **how: rendered.append(1) or real(*facts, **how))
    assert send_due(DUE + 7 * HOUR).sent == 7
    assert len(rendered) == 5  # with a way to the portal and without; of one environment; of one agent, twice
    mails = {message.to[0]: message for message in mail.outbox}
    with wall.tenant(acme):
        keys = {row.email: row.pk for row in Recipient.objects.all()}
    for email, message in mails.items():
        for part in (message.body, message.alternatives[0][0]):
            tokens = re.findall(r"/mail/leave/([\w:.-]+)", part)
            assert [links.read(token, links.LEAVE).reader_id for token in tokens] == [keys[email]]
            assert ".invalid" not in part
    same = [re.sub(r"/mail/leave/[^\s\"]+", "", mails[reader.email].body) for reader in wide]
    assert same[0] == same[1]
    assert "Environments: Care, Sales" in same[0]
    assert "Sales" not in mails[narrow.email].body
    assert mails["a@acme.example"].subject != mails["b@acme.example"].subject
    assert "/t/acme/mail/" in mails[wide[0].email].alternatives[0][0]
    assert "/t/acme/mail/" not in mails["guest@outside.example"].alternatives[0][0]


def test_readers_of_two_languages_rest_on_figures_asked_once(acme, weekly, care, monkeypatch):
    with wall.tenant(acme):
        mirror(care)
        Call.objects.filter(agent__external_id="a", environment=care).update(agent=None)
        for language in ("pt-br", "en"):
            reader = member(acme, f"{language}@acme.example", "viewer")
            add_recipient(weekly, reader.email, language=language)
    asked, real = [], cupboard.ask_together
    monkeypatch.setattr(cupboard, "ask_together", lambda *words, **how: asked.append(1) or real(*words, **how))
    assert send_due(DUE + 7 * HOUR).sent == 3
    assert len(asked) == 1
    _ana, portuguese, english = mail.outbox
    assert "without an agent" in english.body
    assert "sem agente" in portuguese.body
    assert "without an agent" not in portuguese.body
    monkeypatch.setattr(cupboard, "ask_together", real)
    with wall.tenant(acme):
        alone = Delivery.objects.select_related("tenant", "subscription__grant__tenant", "recipient__tenant").get(
            recipient__email="pt-br@acme.example"
        )
        scope = scope_of(alone.recipient, alone.subscription)
        leave_url = links.address(alone.recipient, links.LEAVE)
        own = making.make(alone, scope, DUE + 7 * HOUR, cupboard=cupboard.Cupboard(DUE + 7 * HOUR), leave_url=leave_url)
    without_links = [re.sub(r"/mail/leave/[^\s\"]+", "", text) for text in (portuguese.body, own.rendered.text)]
    assert without_links[0] == without_links[1]


def test_who_loses_his_rights_while_others_mails_are_made_gets_nothing(acme, weekly, monkeypatch):
    """Rights are kept for some seconds of a run. What is made in them is held back before it leaves."""
    with wall.tenant(acme):
        late = [member(acme, f"w{number}@acme.example", "viewer") for number in range(2)]
        for reader in late:
            add_recipient(weekly, reader.email, language="en")
    real, made = send.make, []

    def lose_rights_then(delivery, *words, **how):
        made.append(delivery.recipient.email)
        Membership.objects.filter(user=late[len(made) - 1] if len(made) <= len(late) else None).delete()
        return real(delivery, *words, **how)

    monkeypatch.setattr(send, "make", lose_rights_then)
    send_due(DUE)
    assert [message.to for message in mail.outbox] == [["ana@acme.example"]]
    assert [row.state for row in messages(acme)] == ["sent", "suppressed", "suppressed"]

    again = DUE + timedelta(weeks=1)
    with wall.tenant(acme):
        for reader in late:
            add_member(acme, reader, whole(Role.VIEWER))
    made.clear()
    monkeypatch.setattr(rights, "SEEN_SECONDS", -1)
    send_due(again + 7 * HOUR)
    assert made == ["ana@acme.example", "w1@acme.example"]
    assert [row.state for row in delivered(acme)[3:]] == ["posted", "suppressed", "posted"]


def test_the_mail_has_what_a_program_needs_to_leave_by_one_click(acme, weekly):
    send_due(DUE)
    headers = mail.outbox[0].extra_headers
    address = headers["List-Unsubscribe"].strip("<>")
    assert address.startswith("http://127.0.0.1:8000/mail/leave/")
    assert len(address) < 200
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["Reply-To"] == "ana@acme.example"
    assert address in mail.outbox[0].body


def test_no_number_and_no_payload_is_in_a_mail(acme, weekly):
    send_due(DUE)
    [message] = messages(acme)
    everything = message.text + message.html + json.dumps(message.headers)
    assert "98765" not in everything
    assert not re.search(r"\+55\d{6}", everything)
    assert "ring_" not in everything


def test_a_report_waits_for_incomplete_data_and_goes_out_when_they_are_whole(acme, weekly, break_day):
    break_day("incomplete")
    assert send_due(DUE) == SendSummary(due=1, held=1)
    assert send_due(DUE + HOUR) == SendSummary(held=1)
    break_day("complete")
    assert send_due(DUE + 2 * HOUR) == SendSummary(sent=1)
    [row] = delivered(acme)
    assert (row.complete, row.late) == (True, True)
    assert "incomplete" not in mail.outbox[0].subject


def test_a_report_waits_no_longer_than_its_hours_and_then_warns(acme, weekly, break_day):
    break_day("incomplete")
    assert send_due(DUE + 6 * HOUR - timedelta(seconds=1)) == SendSummary(due=1, held=1)
    assert send_due(DUE + 6 * HOUR) == SendSummary(sent=1)
    assert mail.outbox[0].subject.endswith("· incomplete")
    assert "These figures are not complete" in mail.outbox[0].body
    assert "These figures are not complete" in messages(acme)[0].html
    assert delivered(acme)[0].complete is False


@pytest.mark.parametrize("holds", [False, True])
def test_a_report_waits_for_days_that_are_mirrored_and_not_counted(acme, weekly, monkeypatch, holds):
    """Every window is whole, but days stand in no column file and are too many calls to be read for a question."""
    with wall.tenant(acme):
        Subscription.objects.update(holds=holds)
    with monkeypatch.context() as patch:
        patch.setattr(sources, "MOST_LIVE", 0)
        assert send_due(DUE) == SendSummary(due=1, held=1)
        if holds:
            assert send_due(DUE + 30 * HOUR) == SendSummary(held=1)
    assert send_due(DUE + 31 * HOUR) == SendSummary(sent=1)
    assert "incomplete" not in mail.outbox[0].subject
    assert delivered(acme)[0].complete is True


def test_the_command_says_what_it_did(weekly, break_day, capsys):
    call_command("send_reports", "--at", "2026-07-13T10:59:59Z", "--json")
    assert json.loads(capsys.readouterr().out) == {"due": 0, "sent": 0, "failed": 0, "held": 0}
    break_day("incomplete")
    with pytest.raises(SystemExit) as ended:
        call_command("send_reports", "--at", "2026-07-13T11:00:00Z", "--json")
    assert ended.value.code == 3
    assert json.loads(capsys.readouterr().out) == {"due": 1, "sent": 0, "failed": 0, "held": 1}


def leave(recipient):
    consent.leave(links.read(links.address(recipient, links.LEAVE).rsplit("/", 1)[1], links.LEAVE))


def test_who_leaves_between_making_and_sending_gets_nothing(acme, weekly, monkeypatch):
    real = post.deliver

    def leave_first(*message, **line):
        leave(Recipient.objects.get())
        return real(*message, **line)

    monkeypatch.setattr(post, "deliver", leave_first)
    send_due(DUE)
    assert mail.outbox == []
    assert messages(acme)[0].state == "suppressed"


@pytest.mark.parametrize("how", ["membership ended", "account closed", "nothing to see"])
def test_a_report_that_waits_in_the_outbox_is_not_sent_to_who_lost_his_rights(acme, weekly, ana, monkeypatch, how):
    real = post.deliver

    def lose_rights_first(*message, **line):
        if how == "membership ended":
            Membership.objects.all().delete()
        elif how == "account closed":
            type(ana).objects.update(is_active=False)
        else:
            Grant.objects.update(all_environments=False)
        return real(*message, **line)

    monkeypatch.setattr(post, "deliver", lose_rights_first)
    send_due(DUE)
    assert mail.outbox == []
    [message] = messages(acme)
    assert message.state == "suppressed"
    assert message.last_reply in log.REASONS


@pytest.mark.parametrize("how", ["left", "membership ended", "account closed", "tenant closed", "nothing to see"])
def test_rights_are_those_of_the_moment_of_sending(acme, weekly, ana, break_day, how):
    break_day("incomplete")
    assert send_due(DUE).held == 1  # the delivery is there, and waits
    break_day("complete")
    with wall.tenant(acme):
        if how == "left":
            leave(Recipient.objects.get())
            assert delivered(acme)[0].state == "suppressed"  # at once: nothing is shown as waiting for him
        elif how == "membership ended":
            Membership.objects.all().delete()
        elif how == "account closed":
            type(ana).objects.update(is_active=False)
        elif how == "tenant closed":
            type(acme).objects.update(active=False)
        else:
            Grant.objects.update(all_environments=False)
    assert send_due(DUE + HOUR) == SendSummary()
    assert mail.outbox == []
    assert messages(acme) == []
    assert delivered(acme)[0].state == ("held" if how == "tenant closed" else "suppressed")


def test_a_reader_without_an_account_is_asked_first_and_sees_what_was_granted(acme, weekly, care):
    with wall.tenant(acme):
        grant = Grant.objects.create(tenant=acme, all_environments=False)
        grant.environments.set([care])
        guest = add_recipient(weekly, "Guest@client.example", language="pt-br", grant=grant)
    [asked] = messages(acme)
    assert asked.to == "guest@client.example"
    assert "/mail/confirm/" in asked.text
    assert send_due(DUE + 7 * HOUR) == SendSummary(due=1, sent=1)
    consent.confirm(links.read(links.address(guest, links.CONFIRM).rsplit("/", 1)[1], links.CONFIRM))
    assert send_due(DUE + timedelta(weeks=1, hours=6)).sent == 2
    assert "Sales" not in mail.outbox[-1].body


def test_who_left_is_not_brought_back_by_the_link_that_asked_him(acme, weekly):
    with wall.tenant(acme):
        guest = add_recipient(weekly, "guest@elsewhere.example", language="en")
    link = links.read(links.address(guest, links.CONFIRM).rsplit("/", 1)[1], links.CONFIRM)
    assert consent.confirm(link)
    leave(guest)
    assert not consent.confirm(link)


def test_the_command_sends_over_one_connection_at_the_pace_of_workers(acme, weekly, settings):
    """What a domain has no room for is held, is no attempt, and leaves with a later pass."""
    settings.MAILS_PER_MINUTE = 2
    with wall.tenant(acme):
        for number in range(3):
            add_recipient(weekly, member(acme, f"r{number}@acme.example", "viewer").email, language="en")
    with Sink() as sink, time_machine.travel("2026-07-13T11:00:10Z") as clock:
        settings.EMAIL_BACKEND = "portal.outbox.smtp.SmtpBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", sink.port
        assert send_due(DUE) == SendSummary(due=1, sent=2, held=2)
        assert sink.connections == 1
        assert [message.attempts for message in messages(acme)] == [1, 1, 0, 0]
        clock.shift(timedelta(minutes=1))
        with wall.tenant(acme):
            assert len(rounds.finish_round()) == 2
        assert len({to for to, _ in sink.taken}) == len(sink.taken) == 4


def test_a_question_for_consent_overtakes_what_waits(acme, weekly):
    with wall.tenant(acme):
        post.put(tenant_id=acme.pk, to="x@y.example", subject="s", text="t", html="", headers={}, reference="r")
        asked = invite(add_recipient(weekly, "guest@outside.example", language="en"))
        assert [pk for pk, *_ in post.due_here(limit=1)] == [asked.pk]


def test_a_period_that_is_due_again_was_reported_already(acme, weekly):
    assert send_due(DUE).sent == 1
    with wall.tenant(acme):
        Subscription.objects.update(next_due=DUE)  # as after a change of its hour
    assert send_due(DUE + HOUR) == SendSummary(due=1)
    assert len(mail.outbox) == 1


def test_one_readers_trouble_is_not_the_others_and_ends(acme, weekly, bruno, monkeypatch):
    with wall.tenant(acme):
        add_recipient(weekly, bruno.email, language="pt-br")
    real = making.render_facts

    def stumble(*facts, **how):
        if translation.get_language() == "pt-br":
            raise RuntimeError
        return real(*facts, **how)

    monkeypatch.setattr(making, "render_facts", stumble)
    outcomes = []
    for _ in range(9):
        outcomes.append(send_due(DUE))
        with wall.tenant(acme):
            Delivery.objects.update(claimed_until=None)
    assert outcomes[0] == SendSummary(due=1, sent=1, failed=1)
    assert sum(outcome.failed for outcome in outcomes) == 5
    assert {row.recipient.email: row.state for row in delivered(acme)} == {
        "ana@acme.example": "posted",
        "bruno@acme.example": "failed",
    }


@pytest.mark.parametrize("step", ["held", "made"])
def test_an_outage_of_the_engine_delays_a_mail_and_costs_no_attempt(acme, weekly, monkeypatch, step):
    """Whether it strikes while a report waits for its data, or when that time is over."""
    begin = DUE if step == "held" else DUE + 7 * HOUR
    patience = set()

    def away(*_args, **_kwargs):
        patience.add(run._patience.get())
        raise Away("engine")

    with monkeypatch.context() as patch:
        patch.setattr(engine, "run", away)
        for minute in range(10):
            assert send_due(begin + timedelta(minutes=minute)) == SendSummary(due=int(minute == 0), held=1)
    assert patience == {settings.QUESTION_SECONDS}
    assert [(row.state, row.attempts, row.reason) for row in delivered(acme)] == [("pending", 0, "")]
    assert send_due(begin + timedelta(minutes=10)) == SendSummary(sent=1)


def test_one_that_slept_through_its_claim_settles_nothing(acme, weekly):
    """Though a claim was given back uncounted since, by another one who could not make the mail then either."""
    with wall.tenant(acme):
        send.deliveries.open_due(DUE)
        slept, other = Delivery.objects.get(), Delivery.objects.get()
        assert send.deliveries.claim(slept)
        Delivery.objects.update(claimed_until=None)
        other.refresh_from_db()
        assert send.deliveries.claim(other)
        send.deliveries.later(other, other.state)
        assert not send.deliveries.settle(slept, "suppressed")


def test_tenants_do_not_meet(acme, globex, weekly, foreign, carla):
    with wall.tenant(globex):
        mirror(foreign, scale=3)
    create_weekly(globex, carla.email, "en", since=DUE - timedelta(days=1))
    send_due(DUE + 7 * HOUR)
    by_reader = {message.to[0]: message for message in mail.outbox}
    assert by_reader["ana@acme.example"].subject.startswith("Acme · ")
    assert "Globex" in by_reader["carla@globex.example"].subject
    assert "Acme" not in by_reader["carla@globex.example"].body
    with wall.tenant(acme):
        assert Message.objects.count() == 1


def test_a_filter_of_the_subscription_narrows_the_figures(acme, weekly):
    with wall.tenant(acme):
        Subscription.objects.update(filters="status=no-answer&testing=include")
    send_due(DUE)
    assert "21 calls" in mail.outbox[0].subject
    assert "test calls counted" in mail.outbox[0].body


def test_the_same_weekly_mail_is_set_up_once(acme, weekly, ana):
    assert create_weekly(acme, ana.email, "en").pk == weekly.pk
    assert datetime(2026, 7, 13, 11, tzinfo=UTC) == weekly.next_due
