"""A password that was forgotten: the same for everybody who asks, and a link that is ours alone."""

import re

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from portal.accounts.members import find_person
from portal.outbox import post
from portal.outbox.models import PlatformMessage, State
from portal.tenants.models.people import User

NEW = "another horse entirely"


def ask(client, email: str, **more):
    return client.post("/accounts/password/reset/", {"email": email}, **more)


def send() -> list[str]:
    """Everything that waits in the platform's outbox, and how it ended."""
    return [post.deliver(message_id, PlatformMessage) for message_id in post.overdue_of_platform()]


def link() -> str:
    found = re.search(r"http://127\.0\.0\.1:8000(/accounts/password/reset/key/\S+)", PlatformMessage.objects.get().text)
    assert found is not None
    return found[1]


def test_a_forgotten_password(client, ana) -> None:
    ask(client, "ANA@acme.example")
    path = link()
    form = client.get(path)["Location"]
    client.post(form, {"password1": NEW, "password2": NEW})

    ana.refresh_from_db()
    assert ana.check_password(NEW)
    assert "no longer works" in client.get(path).content.decode()


def test_known_and_unknown_are_the_same_work(client, ana) -> None:
    work, rows = [], []
    for email in ("first@acme.example", ana.email, "nobody@acme.example"):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = ask(client, email)
        work.append((answer.status_code, answer["Location"], [query["sql"].split()[0] for query in queries]))
        rows.append(PlatformMessage.objects.get(to=email))

    assert work[1] == work[2]
    known, unknown = rows[1], rows[2]
    for name in ("subject", "language", "rule", "holds_secret", "urgent", "state", "headers"):
        assert getattr(known, name) == getattr(unknown, name), name
    assert abs(len(known.html) - len(unknown.html)) < 20


def test_a_stranger_gets_no_mail_and_a_person_one(client, ana) -> None:
    ask(client, ana.email)
    ask(client, "nobody@acme.example")

    assert sorted(send()) == [State.SENT, State.SUPPRESSED]
    assert [message.to for message in mail.outbox] == [[ana.email]]
    assert not PlatformMessage.objects.exclude(text="").exists()  # the links are forgotten


def test_who_was_closed_meanwhile_gets_no_link(client, ana) -> None:
    ask(client, ana.email)
    User.objects.update(is_active=False)

    assert send() == [State.SUPPRESSED]
    assert not mail.outbox


def test_an_address_that_looks_the_same_gets_nothing(client, ana) -> None:
    """Databases fold letters that mail servers do not: the link goes to the address that is kept."""
    ask(client, "Ana@ACME.example")

    assert PlatformMessage.objects.get().to == ana.email


@pytest.mark.parametrize("alike", ["boſs@acme.example", "boss@mıcro.example"])
def test_whose_address_merely_looks_the_same_is_somebody_else(db, alike) -> None:
    """PostgreSQL writes ı as I and ſ as S in capitals."""
    other = User.objects.create_user(alike)

    assert find_person("boss@acme.example") is find_person("boss@micro.example") is None
    assert find_person(alike.replace("b", "B")) == other


def test_the_host_header_says_nothing(client, ana, settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    ask(client, ana.email, headers={"Host": "evil.example"})
    message = PlatformMessage.objects.get()

    assert "evil.example" not in f"{message.subject}{message.text}{message.html}"
    assert link() in message.html


def test_a_mail_server_that_is_down_costs_nothing(client, ana, settings) -> None:
    settings.EMAIL_BACKEND = "portal.outbox.smtp.SmtpBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

    assert ask(client, ana.email).status_code == 302
    assert send() == [State.PENDING]
    assert link()  # it will leave later


def test_the_letter_speaks_the_persons_language(client, ana) -> None:
    User.objects.update(language="pt-br")
    ask(client, ana.email)
    message = PlatformMessage.objects.get()

    with translation.override("pt-br"):
        assert message.subject == translation.gettext("Set a new password for %(portal)s") % {"portal": "Ringbook"}
    assert message.subject != "Set a new password for Ringbook"


@pytest.mark.parametrize("email", ["", "no address", "a" * 250 + "@acme.example"])
def test_what_is_no_address(client, ana, email) -> None:
    assert ask(client, email).status_code == 200
    assert not PlatformMessage.objects.exists()
