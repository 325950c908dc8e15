"""What comes back of mails: read from notifications, reports and webhooks, and how much of it is believed."""

import base64
import hashlib
import json
from datetime import timedelta
from email.message import EmailMessage

import pytest
from django.utils import timezone

from portal.outbox import feedback, post
from portal.outbox.feedback import Word, hear, lift
from portal.outbox.models import Attempt, Feedback, Suppression
from portal.outbox.returned import LONGEST, Unreadable, words_of
from portal.tenants import wall

SECRET = "a-secret-of-the-installation"


def notification(message_id, *, action="failed", status="5.1.1", headers_alone=False, to="ana@acme.example"):
    """As Postfix writes one."""
    quoted = f"Message-ID: {message_id}\r\nSubject: Week\r\nTo: ana@acme.example\r\n"
    last = "text/rfc822-headers" if headers_alone else "message/rfc822"
    parts = [
        "Content-Type: text/plain\r\n\r\nThis is the mail system at host mx.example.\r\n",
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; {to}\r\nAction: {action}\r\nStatus: {status}\r\n",
        f"Content-Type: {last}\r\n\r\n{quoted}" + ("" if headers_alone else "\r\nFigures\r\n"),
    ]
    return report("delivery-status", parts)


def complaint(message_id, kind="abuse"):
    quoted = f"Message-ID: {message_id}\r\nSubject: Week\r\nTo: Ana <ana@acme.example>\r\n"
    parts = [
        "Content-Type: text/plain\r\n\r\nThis is an email abuse report.\r\n",
        f"Content-Type: message/feedback-report\r\n\r\nFeedback-Type: {kind}\r\nUser-Agent: X/1\r\nVersion: 1\r\n",
        f"Content-Type: message/rfc822\r\n\r\n{quoted}\r\nFigures\r\n",
    ]
    return report("feedback-report", parts)


def report(kind, parts):
    head = (
        "From: MAILER-DAEMON@mx.example\r\nMessage-ID: <its-own@mx.example>\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: multipart/report; report-type={kind}; boundary=b\r\n\r\n"
    )
    return (head + "".join(f"--b\r\n{part}\r\n" for part in parts) + "--b--\r\n").encode()


@pytest.mark.parametrize("headers_alone", [True, False])
@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        ("failed", "5.1.1", "hard"),
        ("Failed", "5.4.4 (unrouteable)", "hard"),
        ("failed", "5.7.1", "soft"),
        ("failed", "5.2.2", "soft"),
        ("failed", "4.4.1", "soft"),
        ("failed", "", "soft"),
        ("delayed", "4.4.1", "soft"),
    ],
)
def test_a_notification_says_of_which_message_and_how_it_stands(action, status, kind, headers_alone):
    body = notification("<r@h.example>", action=action, status=status, headers_alone=headers_alone)
    assert [(word.message_id, word.kind) for word in words_of("message", body)] == [("<r@h.example>", kind)]


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded", "x"])
def test_a_notification_of_success_says_nothing(action):
    assert words_of("message", notification("<r@h.example>", action=action, status="2.0.0")) == []


def test_a_report_of_abuse_is_a_complaint_and_its_opposite_is_none():
    word = Word("<r@h.example>", "complaint", recipients=frozenset({"ana@acme.example"}))
    assert words_of("message", complaint("<r@h.example>")) == [word]
    assert words_of("message", complaint("<r@h.example>", "not-spam")) == []


def sendgrid(**event):
    return json.dumps([{"email": "x@y.example", "smtp-id": "<r@h.example>", **event}]).encode()


def mailgun(**event):
    data = {"message": {"headers": {"message-id": "r@h.example"}}, **event}
    return json.dumps({"signature": {}, "event-data": data}).encode()


@pytest.mark.parametrize(
    ("form", "body", "words"),
    [
        ("sendgrid", sendgrid(event="bounce", type="bounce", status="5.1.1"), [("hard", "5.1.1")]),
        ("sendgrid", sendgrid(event="bounce", type="blocked", status="5.1.1"), [("soft", "5.1.1")]),
        ("sendgrid", sendgrid(event="bounce", type="bounce", status="5.7.1"), [("soft", "5.7.1")]),
        ("sendgrid", sendgrid(event="spamreport"), [("complaint", "")]),
        ("sendgrid", sendgrid(event="open"), []),
        (
            "mailgun",
            mailgun(event="failed", severity="permanent", **{"delivery-status": {"enhanced-code": "5.1.1"}}),
            [("hard", "5.1.1")],
        ),
        ("mailgun", mailgun(event="failed", severity="temporary"), [("soft", "")]),
        ("mailgun", mailgun(event="complained"), [("complaint", "")]),
        ("mailgun", mailgun(event="clicked"), []),
        ("events", b'{"events":[{"message_id":"<r@h.example>","kind":"hard","code":"5.1.1"}]}', [("hard", "5.1.1")]),
        ("events", b'{"events":[{"message_id":"<r@h.example>","kind":"loud"}]}', []),
    ],
)
def test_providers_words(form, body, words):
    assert [(word.message_id, word.kind, word.code) for word in words_of(form, body)] == [
        ("<r@h.example>", *word) for word in words
    ]


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("message", b""),
        ("message", b"\xff\x00" * 50),
        ("message", EmailMessage().as_bytes()),
        ("sendgrid", b"{}x"),
        ("sendgrid", b"[1]"),
        ("sendgrid", b"7"),
        ("mailgun", b'{"event-data": []}'),
        ("events", b'{"events": {"a": 1}}'),
        ("events", b"[" * 100_000),
        ("message", b"x" * (LONGEST + 1)),
    ],
)
def test_what_is_nothing_of_the_kind_is_refused(form, body):
    with pytest.raises(Unreadable):
        words_of(form, body)


@pytest.fixture
def sent(sink, write):
    def send(reference="r-1", to="ana@acme.example"):
        message = write(reference=reference, to=to)
        post.deliver(message.pk)
        return message

    return send


@pytest.mark.django_db
def test_what_came_back_for_good_pauses_the_address_and_is_heard_once(sent, write):
    word = Word(sent().message_id, "hard", "5.1.1")
    assert [hear([word], vouched=True), hear([word, word], vouched=True)] == [1, 0]
    row = Suppression.objects.get()
    assert (row.address, row.cause, row.reason) == ("ana@acme.example", "bounced", "5.1.1")
    assert post.deliver(write(reference="next").pk) == "suppressed"
    assert lift("ana@acme.example")
    assert hear([word], vouched=True) == 0  # told again, it does not take the lifting back
    assert not Suppression.objects.exists()
    assert not lift("ana@acme.example")


@pytest.mark.django_db
def test_some_that_came_back_for_the_time_being_count_and_many_pause(sent):
    words = [Word(sent(f"r-{number}").message_id, "soft") for number in range(feedback.SOFT_MOST)]
    hear([*words[:-1], *words[:-1]], vouched=True)
    assert not Suppression.objects.exists()
    hear(words, vouched=True)
    assert Suppression.objects.get().cause == "put_off"
    lift("ana@acme.example")
    assert hear(words, vouched=True) == 0  # told again, they do not take the lifting back
    assert not Suppression.objects.exists()
    hear([Word(sent("after").message_id, "soft")], vouched=True)
    assert not Suppression.objects.exists()


@pytest.mark.django_db
def test_what_is_about_no_message_that_left_changes_nothing(write, behind_acme):
    waiting = write()
    assert hear([Word(waiting.message_id, "hard"), Word("<x@y.example>", "hard")], vouched=True) == 0
    assert not Feedback.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["soft", "hard", "complaint"])
def test_what_other_addresses_sent_back_pauses_no_good_one(sent, kind):
    good = sent("good", "good@client.example")
    strangers = [sent(f"r-{number}", f"x{number}@client.example") for number in range(feedback.SOFT_MOST)]
    hear([Word(each.message_id, kind) for each in strangers], vouched=True)
    hear([Word(good.message_id, "soft")], vouched=True)
    assert not Suppression.objects.filter(address="good@client.example").exists()


# --- What a forged mail cannot do. ------------------------------------------------------------------------------------


@pytest.fixture
def forge(client, settings):
    """Has a notification come back through the alias, which anybody can write to; whether an address is paused."""
    settings.MAIL_HOOK_SECRET = SECRET

    def forge(message_id, **parts):
        assert ask(client, notification(message_id, **parts), form="message").status_code == 200
        return Suppression.objects.exists()

    return forge


def handed_over(message, **ago):
    Attempt.objects.filter(message=message).update(started_at=timezone.now() - timedelta(**ago))


@pytest.mark.django_db
def test_nobody_computes_a_message_id_from_what_pages_show(sent, settings):
    """As all of a message but its text is known: it takes the installation's own key."""
    message = sent()
    name = message.message_id.strip("<>").partition("@")[0]
    for text in (f"{message.tenant_id}:r-1", "r-1", f"{message.tenant_id}\x1fr-1", str(message.public_id)):
        assert hashlib.sha256(text.encode()).hexdigest()[:16] not in name
    settings.SECRET_KEY = "another-key-" * 5
    assert sent("r-1").message_id == message.message_id  # a row keeps its own
    assert post._message_id(message.tenant_id, "r-1") != message.message_id


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("ago", "parts", "is_heard"),
    [
        ({"days": 0}, {}, True),
        ({"days": 0}, {"to": "Ana@ACME.example"}, True),
        ({"days": 6}, {}, True),
        ({"days": 15}, {}, False),
        ({"days": 0}, {"to": "eve@else.example"}, False),
        ({"days": 0}, {"to": ""}, False),
        ({"days": 0}, {"action": "delayed", "status": "4.4.1", "to": "eve@else.example"}, False),
    ],
)
def test_a_notification_has_to_name_the_recipient_within_days(sent, forge, caplog, ago, parts, is_heard):
    message = sent()
    handed_over(message, **ago)
    assert forge(message.message_id, **parts) == is_heard
    assert Feedback.objects.exists() == is_heard
    assert ("is ignored" in caplog.text) != is_heard
    assert "@" not in caplog.text  # the addresses of a forged mail are no words for a log


@pytest.mark.django_db
def test_a_complaint_has_to_name_the_recipient_too(sent, client, settings):
    settings.MAIL_HOOK_SECRET = SECRET
    body = complaint(sent("r-1", "bruno@acme.example").message_id)
    assert ask(client, body, form="message").status_code == 200
    assert not Feedback.objects.exists()
    ask(client, complaint(sent("r-2").message_id), form="message")
    assert Suppression.objects.get().cause == "complained"


@pytest.mark.django_db
def test_of_rows_with_a_computable_message_id_only_a_provider_is_heard(sent, forge):
    message = sent()
    message.message_id = f"<{hashlib.sha256(b'1:r-1').hexdigest()[:40]}@h.example>"
    message.save(update_fields=["message_id"])
    assert not forge(message.message_id)
    hear([Word(message.message_id, "hard")], vouched=True)
    assert Suppression.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["5.1.1", "4.4.1"])
def test_one_forged_bounce_silences_no_owner(ana, sent, forge, status):
    """Nor do many within a day; a second one for another message a day later does, and a provider's word at once."""
    for number in range(feedback.SOFT_MOST):
        assert not forge(sent(f"r-{number}", ana.email).message_id, to=ana.email, status=status)
    Feedback.objects.update(created_at=timezone.now() - timedelta(days=1, minutes=1))
    assert forge(sent("later", ana.email).message_id, to=ana.email, status=status)
    lift(ana.email)
    assert not forge(sent("after", ana.email).message_id, to=ana.email, status=status)  # what was forgiven is no proof
    hear([Word(sent("last", ana.email).message_id, "hard")], vouched=True)
    assert Suppression.objects.exists()


@pytest.mark.django_db
def test_an_owner_is_not_silenced_by_a_delay_and_a_bounce(ana, sent, forge):
    forge(sent("r-1", ana.email).message_id, to=ana.email, status="4.4.1")
    Feedback.objects.update(created_at=timezone.now() - timedelta(days=2))
    assert not forge(sent("r-2", ana.email).message_id, to=ana.email)


@pytest.mark.django_db
def test_others_failures_never_refuse_the_secret(client, settings, sent):
    """A hundred and more from one address, as behind a proxy all have one."""
    settings.MAIL_HOOK_SECRET = SECRET
    answers = {ask(client, b"{", secret=f"guess-{number}").status_code for number in range(120)}
    assert answers == {401}
    event = {"message_id": sent().message_id, "kind": "hard", "recipient": "ana@acme.example"}
    assert ask(client, json.dumps({"events": [event]})).status_code == 200
    assert Suppression.objects.exists()


def ask(client, body, *, form="events", secret=SECRET, how="bearer"):
    authorization = f"Bearer {secret}"
    if how == "basic":
        authorization = "Basic " + base64.b64encode(f"hook:{secret}".encode()).decode()
    content = "message/rfc822" if form == "message" else "application/json"
    return client.post(f"/hooks/mail/{form}", body, content_type=content, headers={"Authorization": authorization})


@pytest.mark.django_db
@pytest.mark.parametrize("how", ["bearer", "basic"])
def test_the_hook_hears_of_each_tenants_own_message(client, settings, sent, acme, globex, how):
    settings.MAIL_HOOK_SECRET = SECRET
    message = sent()
    with wall.tenant(globex):
        theirs = post.put(
            tenant_id=globex.pk, to="ana@acme.example", subject="s", text="t", html="", headers={}, reference="r-1"
        )
        post.deliver(theirs.pk)
    answers = [
        ask(client, notification(theirs.message_id), form="message", how=how),
        ask(client, notification("<nobody@h.example>"), form="message", how=how),
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b"{}")}
    with wall.tenant(globex):
        assert Suppression.objects.count() == 1
    assert not Suppression.objects.exists()  # another company's trouble with an address is not ours
    assert message.message_id != theirs.message_id


@pytest.mark.django_db
@pytest.mark.parametrize("secret", ["", "a-secret-of-the-installatioN", "ä"])
@pytest.mark.parametrize("form", ["events", "nothing"])
@pytest.mark.parametrize("known", [SECRET, ""])
def test_without_the_secret_everything_is_answered_alike(client, settings, db, secret, form, known):
    settings.MAIL_HOOK_SECRET = known
    answer = ask(client, b"{", form=form, secret=secret.encode().decode("latin-1"))
    assert (answer.status_code, answer.content) == (401, b"{}")
    assert client.get(f"/hooks/mail/{form}").status_code == 405


@pytest.mark.django_db
def test_with_it_what_cannot_be_read_is_refused(client, settings):
    settings.MAIL_HOOK_SECRET = SECRET
    assert ask(client, b"{").status_code == 400
    assert ask(client, b"{}", form="nothing").status_code == 404
    assert ask(client, b" " * (LONGEST + 1)).status_code == 413
