"""A portal whose mails reach nobody says so, and a test mail says what the mail server answered."""

import pytest
from django.utils import translation

from portal.outbox import post, server
from portal.outbox.models import Message
from portal.tenants import wall

FOLDER, CONSOLE = server.NOWHERE
SMTP = "portal.outbox.smtp.SmtpBackend"
SECRET = "hunter2-hunter2"


@pytest.fixture
def nowhere(settings, tmp_path):
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = FOLDER, tmp_path


@pytest.mark.parametrize(
    ("backend", "base", "words"),
    [
        (FOLDER, "http://127.0.0.1:8000", ["go to a folder"]),
        (FOLDER, "https://calls.example", ["go to a folder"]),
        (CONSOLE, "https://calls.example", ["go to the output"]),
        (SMTP, "https://calls.example", []),
        (SMTP, "http://127.0.0.1:8000", ["http://127.0.0.1:8000"]),
        (SMTP, "http://[::1]:8000", ["http://[::1]:8000"]),
        (SMTP, "http://localhost", ["http://localhost"]),
        (SMTP, "http://192.168.0.7", []),
    ],
)
def test_what_keeps_mails_from_people(settings, backend, base, words):
    settings.EMAIL_BACKEND, settings.BASE_URL = backend, base
    found = server.troubles()
    assert len(found) == len(words)
    assert all(word in sentence for word, sentence in zip(words, found, strict=True))
    assert server.leaves() == (backend == SMTP)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/accounts/password/reset/", "/accounts/sso/"])
def test_no_page_promises_a_mail_that_goes_nowhere(client, nowhere, ana, path):
    for email in (ana.email, "nobody@else.example"):
        pages = [client.get(path), client.post(path, {"email": email}, follow=True)]
        for page in pages:
            text = page.content.decode()
            assert "This portal has no mail server" in text
            assert "way to you" not in text
            assert "on its way" not in text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({}, "answered: “250 taken”"),
        ({"END": "554 5.7.1 no figures here"}, "answered: “554 5.7.1 no figures here”"),
        ({"RCPT": "450 4.7.1 grey"}, "answered: “450 4.7.1 grey” It is retried"),
        ({"MAIL": f"535 5.7.8 {SECRET} is wrong"}, "answered: “535 5.7.8 … is wrong” It is retried"),
        ({"CONNECT": "drop"}, "closed the connection"),
        ({"EHLO": "hang", "HELO": "hang"}, "did not answer in time"),
        ({"END": "drop"}, "no answer came"),
        ("nobody", "Nothing listens"),
    ],
)
def test_a_test_mail_says_what_the_server_answered(sink, settings, acme, ana, fault, words):
    """By code and words, without a password that it repeats, and without the name of an error of ours."""
    if fault == "nobody":
        settings.EMAIL_PORT = 1
    else:
        sink.answers = dict(fault)
    with wall.tenant(acme):
        message = server.send_test(ana.email, acme)
        assert "waits" in server.result(message)
        settings.EMAIL_HOST_PASSWORD = SECRET  # without a name nobody signs in by it
        post.deliver(message.pk)
        message = Message.objects.get()
        found = server.result(message)
    assert words in found
    assert "Error" not in found
    assert "Disconnected" not in found
    assert SECRET not in message.last_reply


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["mail/", "alerts/", "exports/scheduled/new/", "settings/sign-in/"])
def test_an_owner_is_told_where_mails_are_sent_from_and_nobody_else(client, nowhere, ana, bruno, path):
    for user, told in ((ana, True), (bruno, False)):
        client.force_login(user)
        assert ("go to a folder" in client.get(f"/t/acme/{path}").content.decode()) is told


@pytest.mark.parametrize(
    "kept", ["TimeoutError", "gaierror", "SMTPServerDisconnected", "KeyError", "SSLEOFError", "died"]
)
def test_no_name_of_an_error_is_told(kept):
    said = {}
    for language in ("en", "pt-br"):
        with translation.override(language):
            said[language] = server.said(kept)
    assert said["en"] != said["pt-br"]
    assert not any(kept in sentence for sentence in said.values())
    assert server.said("550 5.1.1 no such user") == "550 5.1.1 no such user"


@pytest.mark.django_db
def test_a_mail_that_cannot_be_written_says_so(acme):
    with wall.tenant(acme):
        letter = {"subject": "Figures", "text": "x", "html": "", "headers": {}, "reference": "a"}
        message = post.put(tenant_id=acme.pk, to="ana@acme.example", **letter)
        Message.objects.update(to="ana@acme\n.example")
        post.deliver(message.pk)
        assert server.result(Message.objects.get()).startswith("The mail could not be written")


@pytest.mark.django_db
def test_a_test_mail_that_goes_nowhere_is_not_called_sent(nowhere, acme, ana):
    with wall.tenant(acme):
        message = server.send_test(ana.email, acme)
        post.deliver(message.pk)
        assert "go to a folder" in server.result(Message.objects.get())


@pytest.mark.django_db
def test_no_more_than_some_tests_an_hour(acme, globex, ana):
    with wall.tenant(acme):
        for _ in range(server.MOST_TESTS):
            server.send_test(ana.email, acme)
        with pytest.raises(server.TooManyTests):
            server.send_test(ana.email, acme)
    with wall.tenant(globex):
        server.send_test(ana.email, globex)
