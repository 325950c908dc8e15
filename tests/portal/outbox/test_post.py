"""A message leaves at most once, and what is uncertain stays visible. The other end is a real mail server."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from portal.outbox import post
from portal.outbox.models import Attempt, Message, PlatformMessage, Suppression
from portal.outbox.post import DELAYS, Attachment, Conduct, deliver, send_again, settle_lost, withdraw
from portal.outbox.smtp import SmtpBackend
from portal.tenants import wall

pytestmark = pytest.mark.django_db


def make_due(message):
    Message.objects.filter(pk=message.pk).update(next_attempt_at=None)


def test_a_message_arrives_whole_and_once(sink, write):
    message = write(
        to="Ana@Acme.example ",
        subject="Acme · 43,1 %",
        text="olá",
        html="<p>olá</p>",
        headers={"Reply-To": "bruno@acme.example"},
        attachments=[Attachment("days.csv", "text/csv", b"day,calls\n")],
    )
    assert [deliver(message.pk), deliver(message.pk), deliver(message.pk)] == ["sent"] * 3
    [mail] = sink.mails
    assert mail["To"] == "ana@acme.example"
    assert mail["Subject"] == "Acme · 43,1 %"
    assert mail["Reply-To"] == "bruno@acme.example"
    assert mail["Message-ID"] == message.message_id
    assert mail.get_body(("plain",)).get_content().strip() == "olá"
    assert mail.get_body(("html",)).get_content().strip() == "<p>olá</p>"
    [enclosure] = mail.iter_attachments()
    assert (enclosure.get_filename(), enclosure.get_content().splitlines()) == ("days.csv", ["day,calls"])
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("sent", 1)
    assert message.sent_at


def test_nothing_on_its_way_has_to_write_a_mail_anew(sink, write):
    """Seven bits, no line above 998 bytes, heads folded: a signature over it holds."""
    link = "https://ringbook.example/mail/leave/" + "x" * 150
    message = write(
        subject="Semana de ligações da Acme · " * 5,
        text="olá " * 600,
        html=f"<p>{'ligações ' * 300}</p>",
        headers={"List-Unsubscribe": f"<{link}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    )
    deliver(message.pk)
    [(_to, raw)] = sink.taken
    assert max(raw) < 128
    assert max(map(len, raw.splitlines())) <= 998
    head = raw.partition(b"\r\n\r\n")[0]
    assert max(len(line) for line in head.split(b"\r\n") if link.encode() not in line) <= 78
    assert f"<{link}>".encode() in head  # one piece, as programs look for it
    [mail] = sink.mails
    assert (mail["List-Unsubscribe"].strip(), mail["MIME-Version"]) == (f"<{link}>", "1.0")
    assert mail["Subject"].strip() == message.subject
    assert mail["Date"].datetime
    assert mail.get_body(("plain",)).get_content().split() == ["olá"] * 600


def test_a_second_put_of_a_reference_leaves_the_first_as_it_is(sink, write):
    first = write(text="first", attachments=[Attachment("first.csv", "text/csv", b"1")])
    again = write(text="second", to="bruno@acme.example", attachments=[Attachment("second.csv", "text/csv", b"2")])
    assert (again.pk, again.text, again.to) == (first.pk, "first", first.to)
    assert deliver(first.pk) == "sent"
    [mail] = sink.mails
    assert mail.get_body(("plain",)).get_content().strip() == "first"
    assert [part.get_filename() for part in mail.iter_attachments()] == ["first.csv"]
    parts = {"to": "ana@acme.example", "subject": "Password", "html": "", "headers": {}}
    once, twice = (post.put(tenant_id=None, reference="p-1", text=text, **parts) for text in ("first", "second"))
    assert (once.pk, twice.text) == (twice.pk, "first")


def test_a_reference_is_put_once(write):
    first = write(subject="First")
    assert write(subject="Second").pk == first.pk
    assert Message.objects.get().subject == "First"


@pytest.mark.parametrize(
    "answers",
    [
        {"CONNECT": "421 busy"},
        {"CONNECT": "drop"},
        {"EHLO": "drop"},
        {"EHLO": "hang"},
        {"MAIL": "451 later"},
        {"MAIL": "hang"},
        {"RCPT": "450 greylisted"},
        {"RCPT": "drop"},
        {"DATA": "451 later"},
        {"END": "452 full"},
    ],
    ids=lambda answers: "-".join(*answers.items()),
)
def test_what_fails_before_the_message_is_taken_is_tried_again(sink, write, answers):
    message = write()
    sink.answers.update(answers)
    assert deliver(message.pk) == "pending"
    assert deliver(message.pk) == "pending"  # not due yet: nothing is tried
    assert Attempt.objects.count() == 1
    sink.answers.clear()
    make_due(message)
    assert deliver(message.pk) == "sent"
    assert len(sink.taken) == 1


def test_a_server_that_is_not_there_is_tried_a_bounded_number_of_times(sink, write, settings):
    settings.EMAIL_PORT = 1
    message = write()
    states = []
    while not states or states[-1] == "pending":
        make_due(message)
        states.append(deliver(message.pk))
    assert states == ["pending"] * len(post.DELAYS) + ["failed"]


@pytest.mark.parametrize("ending", ["drop", "hang"])
@pytest.mark.parametrize("kept", [True, False])
def test_silence_after_the_message_is_unknown_and_never_sent_again_by_itself(sink, write, ending, kept):
    message = write()
    sink.answers["END"], sink.keep = ending, kept
    assert deliver(message.pk) == "unknown"
    sink.answers.clear()
    make_due(message)
    assert post.overdue() == []
    assert deliver(message.pk) == "unknown"
    assert len(sink.taken) == kept
    assert send_again(message.pk)  # a person's decision
    assert deliver(message.pk) == "sent"
    assert {mail["Message-ID"] for mail in sink.mails} == {message.message_id}


def test_a_dead_address_fails_and_is_not_written_to_again(sink, write):
    sink.answers["RCPT"] = "550 5.1.1 no such user"
    assert deliver(write().pk) == "failed"
    assert Suppression.objects.get().address == "ana@acme.example"
    sink.answers.clear()
    assert deliver(write(reference="r-2").pk) == "suppressed"
    assert deliver(write(reference="r-3", to="bruno@acme.example").pk) == "sent"
    assert [to for to, _ in sink.taken] == ["bruno@acme.example"]


@pytest.mark.parametrize("answers", [{"RCPT": "550 5.7.1 you are on a list"}, {"DATA": "554 no"}, {"END": "554 spam"}])
def test_a_refusal_that_is_about_us_fails_without_blaming_the_address(sink, write, answers):
    sink.answers.update(answers)
    assert deliver(write().pk) == "failed"
    assert not Suppression.objects.exists()


def test_one_recipient_put_off_does_not_touch_the_others(sink, write):
    messages = [write(to=f"reader{number}@acme.example", reference=f"r-{number}") for number in range(20)]
    sink.answers["RCPT"] = "451 later"
    assert deliver(messages[7].pk) == "pending"
    sink.answers.clear()
    assert {deliver(message.pk) for message in messages} == {"sent", "pending"}
    make_due(messages[7])
    assert deliver(messages[7].pk) == "sent"
    assert sorted(to for to, _ in sink.taken) == sorted(message.to for message in messages)


class Killed(BaseException):
    """Stands for a process that ends on the spot: nothing catches it."""


@pytest.mark.fault
@pytest.mark.parametrize(
    ("point", "ending", "arrived"),
    [("open", "sent", 1), ("_send", "unknown", 0), ("sent", "unknown", 1)],
)
def test_a_process_killed_at_each_point_leaves_at_most_one_mail(sink, write, monkeypatch, point, ending, arrived):
    message = write()
    real = SmtpBackend._send

    def die(backend, *mail):
        if point == "sent":
            real(backend, *mail)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(SmtpBackend, "_send" if point == "sent" else point, die)
        with pytest.raises(Killed):
            deliver(message.pk)
    assert deliver(message.pk) == ("pending" if point == "open" else "sending")  # the claim still holds
    Message.objects.update(claimed_until=Now() - timedelta(seconds=1))
    settle_lost()
    assert deliver(message.pk) == ending
    assert len(sink.taken) == arrived


def test_a_sender_that_slept_until_its_claim_ran_out_does_not_send(sink, write, monkeypatch):
    message = write()
    real = SmtpBackend.open

    def oversleep(backend):
        Message.objects.filter(attempts=1).update(claimed_until=Now() - timedelta(seconds=1))
        real(backend)
        monkeypatch.setattr(SmtpBackend, "open", real)
        deliver(message.pk)  # another process, meanwhile

    monkeypatch.setattr(SmtpBackend, "open", oversleep)
    assert deliver(message.pk) == "sent"
    assert len(sink.taken) == 1


def test_a_sender_that_slept_leaves_the_message_to_the_next_though_nobody_took_it(sink, write, monkeypatch):
    message = write()
    real = SmtpBackend.open

    def oversleep(backend):
        Message.objects.update(claimed_until=Now() - timedelta(seconds=1))
        return real(backend)

    with monkeypatch.context() as patch:
        patch.setattr(SmtpBackend, "open", oversleep)
        assert deliver(message.pk) == "pending"
    assert not sink.taken
    assert deliver(message.pk) == "sent"
    assert len(sink.taken) == 1


def test_a_message_withdrawn_while_the_connection_opens_stays_here(sink, write, monkeypatch):
    message = write()
    real = SmtpBackend.open

    def meanwhile(backend):
        withdraw(message.pk)
        return real(backend)

    monkeypatch.setattr(SmtpBackend, "open", meanwhile)
    assert deliver(message.pk) == "suppressed"
    assert not sink.taken
    assert not send_again(message.pk)


@pytest.mark.parametrize(
    "subject", ["Week\r\nBcc: eve@evil.example", "Week\u202e lanif", "We\u2066ek\x00", "Week\u2028x: y", "Week " * 200]
)
def test_a_subject_cannot_add_headers_or_turn_the_direction_of_text(sink, write, subject):
    deliver(write(subject=subject).pk)
    [mail] = sink.mails
    assert mail["Bcc"] is None
    assert not set(str(mail["Subject"])) & set("\r\n\u202e\u2066\u2028\x00")
    assert len(str(mail["Subject"])) <= 250
    assert len(sink.taken) == 1


@pytest.mark.parametrize("header", ["Bcc", "to", "Subject", "X: y\nBcc", "Message-ID", ""])
def test_headers_that_decide_where_a_mail_goes_cannot_be_given(write, header):
    with pytest.raises(ValueError, match="header"):
        write(headers={header: "eve@evil.example"})


def test_another_tenants_message_is_absent(sink, write, globex):
    message = write()
    with wall.tenant(globex):
        assert deliver(message.pk) == ""
        assert not withdraw(message.pk)
    assert not sink.taken


def test_a_platform_message_leaves_the_same_way_and_its_secret_is_forgotten(sink, db):
    parts = {"to": "ana@acme.example", "subject": "Password", "text": "link", "html": "<p>link</p>", "headers": {}}
    message = post.put(tenant_id=None, reference="p-1", conduct=Conduct(holds_secret=True, urgent=True), **parts)
    assert post.overdue_of_platform() == [message.pk]
    assert deliver(message.pk, PlatformMessage) == "sent"
    assert b"link" in sink.taken[0][1]
    message.refresh_from_db()
    assert (message.text, message.html, message.tries.get().outcome) == ("", "", "sent")


def test_a_secret_is_forgotten_when_its_message_is_withdrawn(write):
    message = write(conduct=Conduct(holds_secret=True))
    assert withdraw(message.pk)
    message.refresh_from_db()
    assert (message.subject, message.text, message.html) == ("Week", "", "")


def test_urgent_messages_are_issued_first(write):
    late = write(reference="r-1")
    soon = write(reference="r-2", conduct=Conduct(urgent=True))
    with wall.every_tenant("a test of the sweep"):
        assert [pk for _tenant, pk in post.overdue()] == [soon.pk]
    assert [pk for pk, _to, _urgent in post.due_here(limit=9)] == [soon.pk, late.pk]


def test_a_rule_that_nobody_knows_is_refused(write):
    with pytest.raises(ValueError, match="rule"):
        write(conduct=Conduct(rule="nobody's"))


def test_a_message_whose_rule_objects_stays_here(sink, write):
    message = write(conduct=Conduct(rule="report"))  # of no delivery that stands
    assert deliver(message.pk) == "suppressed"
    assert not sink.taken


@pytest.mark.fault
def test_a_try_that_a_clock_ahead_put_off_for_a_year_is_due(sink, write):
    message = write()
    Message.objects.update(next_attempt_at=Now() + timedelta(days=365), attempts=1)
    assert deliver(message.pk) == "sent"
    later = write(reference="r-2")
    Message.objects.filter(pk=later.pk).update(next_attempt_at=Now() + DELAYS[-1], attempts=1)
    assert deliver(later.pk) == "pending"


@pytest.mark.fault
def test_a_sender_that_died_by_a_clock_ahead_is_not_sending_for_a_year(sink, write):
    message = write()
    Message.objects.update(state="sending", claimed_until=Now() + timedelta(days=365), attempts=1)
    assert settle_lost() == 1
    assert deliver(message.pk) == "unknown"
    assert sink.taken == []
