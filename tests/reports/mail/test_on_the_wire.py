"""What a weekly mail looks like to the server that takes it: head, parts, and how each is written."""

from datetime import UTC, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr, parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import time_machine
from django.core.cache import cache

from portal.outbox import rounds
from portal.outbox.models import Enclosure, Message
from portal.tenants import wall
from reports.mail.send import send_due
from tests.portal.outbox import faulty
from tests.reports.mail.conftest import DUE
from tests.reports.mail.test_subscriptions import BEFORE, schedule

pytestmark = pytest.mark.django_db
README = Path(__file__).parents[3] / "README.md"
BODY = ("multipart/alternative", "text/plain", ("multipart/related", "text/html", "image/png"))
PLAIN = ("multipart/alternative", "text/plain", "text/html")


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    return faulty.certificate(tmp_path_factory.mktemp("mail-server"))


@pytest.fixture(autouse=True)
def _before(mirrored):
    with time_machine.travel(BEFORE, tick=False):
        yield


@pytest.fixture
def provider(settings, monkeypatch, identity, acme):
    """A mail server; mails leave as those of a company with a name and an address of its own."""
    monkeypatch.setenv("SSL_CERT_FILE", str(identity))
    settings.BASE_URL = "https://ringbook.example"
    settings.DEFAULT_FROM_EMAIL = "Ringbook <mail@ringbook.example>"
    settings.SENDER_DOMAINS = ["acme.example"]
    acme.sender_name, acme.sender_address = "Ações Já", "relatorios@acme.example"
    acme.save()
    with faulty.provider(settings, identity) as server:
        yield server


def sent(provider) -> EmailMessage:
    with time_machine.travel(DUE, tick=True):
        assert send_due(DUE).sent == 1
    [(mail, session, envelope)] = provider.taken
    assert session.ssl
    assert session.authenticated
    assert envelope.mail_from == "relatorios@acme.example"
    return mail


def tree(part) -> tuple:
    """The types of a mail's parts: a list of parts begins with its own type."""
    if not part.is_multipart():
        return part.get_content_type()
    return (part.get_content_type(), *map(tree, part.iter_parts()))


def test_its_head_says_who_sends_it_when_and_how_to_leave(provider, acme, ana, bruno):
    row = schedule(acme, ana, to=[bruno.email], languages={bruno.email: "pt-br"})
    mail = sent(provider)
    names = [name.lower() for name in mail]
    assert len(names) == len(set(names))
    assert parseaddr(mail["From"]) == ("Ações Já", "relatorios@acme.example")
    assert (mail["To"], mail["Reply-To"]) == (bruno.email, ana.email)
    assert mail["Date"].endswith(" -0000")  # UTC, which says nothing of where the server stands
    assert abs(parsedate_to_datetime(mail["Date"]).replace(tzinfo=UTC) - DUE) < timedelta(minutes=5)
    assert mail["Message-ID"].endswith("@ringbook.example>")
    assert mail["Subject"].strip().startswith("Acme · semana 6–12 jul · 77 chamadas, 72,7")
    assert mail["MIME-Version"] == "1.0"
    assert (mail["Auto-Submitted"], mail["Content-Language"]) == ("auto-generated", "pt-br")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    leave = mail["List-Unsubscribe"].strip(" <>")
    assert (urlsplit(leave).scheme, urlsplit(leave).hostname) == ("https", "ringbook.example")
    assert leave in mail.get_body(("plain",)).get_content()
    assert str(row.public_id) in mail["List-Id"]
    assert not mail.defects


def test_the_address_of_its_head_leaves_with_one_click(provider, acme, ana, client):
    """RFC 8058: a POST of this form and nothing else, by a program without cookies."""
    row = schedule(acme, ana)
    mail = sent(provider)
    address = mail["List-Unsubscribe"].strip(" <>")
    name, _, value = mail["List-Unsubscribe-Post"].partition("=")
    path = urlsplit(address).path
    client.get(path)
    with wall.tenant(acme):
        assert row.recipients.get().left_at is None
    assert client.post(path, {name: value}).status_code == 200
    with wall.tenant(acme):
        assert row.recipients.get().left_at is not None


def test_what_was_put_off_comes_again_as_the_same_mail(provider, acme, ana):
    schedule(acme, ana, attachments=["csv"])
    provider.fault = ("END", 1, "451 4.7.1 greylisted")
    assert send_due(DUE).sent == 0
    assert not provider.taken
    cache.clear()  # the server has had its rest
    with wall.tenant(acme):
        Message.objects.update(next_attempt_at=None)
        assert rounds.go_round() is None
        message = Message.objects.get()
    assert message.state == "sent"
    first, second = (message_from_bytes(content, policy=policy.default) for content in provider.offered)
    assert first["Message-ID"] == second["Message-ID"] == message.message_id
    for name in first:
        if name not in ("Date", "Content-Type"):  # the time of the try, and the marks between parts
            assert first[name] == second[name], name
    contents = [[part.get_payload() for part in mail.walk() if not part.is_multipart()] for mail in (first, second)]
    assert contents[0] == contents[1]


def test_its_parts_without_files(provider, acme, ana):
    schedule(acme, ana, chart=False)
    mail = sent(provider)
    assert tree(mail) == PLAIN
    hold_texts(provider, acme, mail)


def test_its_parts_with_an_image(provider, acme, ana):
    """It stands beside the HTML, which names it, and not among the files."""
    schedule(acme, ana)
    mail = sent(provider)
    assert tree(mail) == BODY
    hold_texts(provider, acme, mail)
    assert not list(mail.iter_attachments())
    [image] = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    name = image["Content-ID"].strip("<>")
    assert f'src="cid:{name}"' in mail.get_body(("html",)).get_content()
    assert (image.get_content_disposition(), image.get_filename()) == ("inline", name)
    with wall.tenant(acme):
        assert image.get_payload(decode=True) == bytes(Enclosure.objects.get().content)
    [related] = [part for part in mail.walk() if part.get_content_type() == "multipart/related"]
    assert related.get_param("type") == "text/html"


def test_its_parts_with_files(provider, acme, ana):
    """Each file arrives as it was made, to the byte."""
    schedule(acme, ana, attachments=["xlsx", "csv", "pdf"], languages={ana.email: "pt-br"}, note="Olá")
    mail = sent(provider)
    sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert tree(mail) == ("multipart/mixed", BODY, sheet, "text/csv", "application/pdf", "application/pdf")
    hold_texts(provider, acme, mail)
    with wall.tenant(acme):
        made = {row.name: bytes(row.content) for row in Enclosure.objects.exclude(content_type="image/png")}
    files = list(mail.iter_attachments())
    assert {part.get_filename(): part.get_payload(decode=True) for part in files} == made
    assert {part.get_content_disposition() for part in files} == {"attachment"}


def hold_texts(provider, tenant, mail: EmailMessage) -> None:
    """Both forms arrive as they were written; on the way there is nothing but short lines of ASCII."""
    with wall.tenant(tenant):
        message = Message.objects.get()
    for kind, text in (("plain", message.text), ("html", message.html)):
        part = mail.get_body((kind,))
        assert part.get_content_charset() == "utf-8"
        assert part["Content-Transfer-Encoding"] == "quoted-printable"
        assert part.get_content().splitlines() == text.splitlines()
    content = provider.offered[-1]
    content.decode("ascii")
    lines = content.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    assert {str(part["Content-Transfer-Encoding"]) for part in mail.walk() if not part.is_multipart()} <= {
        "quoted-printable",
        "base64",
        "7bit",
    }


def test_the_notes_on_signatures_name_headers_that_a_mail_has(provider, acme, ana):
    """RFC 8058 wants the two of leaving signed; a signature over a header that comes later would be none."""
    schedule(acme, ana)
    mail = sent(provider)
    [notes] = README.read_text(encoding="utf-8").split("\n### Signatures of mails\n")[1:]
    told = " ".join(notes.split("\n### ")[0].split())
    covered = told.split("have the signature cover ")[1].split(":")[0].replace(" and ", ", ")
    names = [name.strip(" `") for name in covered.split(",")]
    assert {"From", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post"} <= set(names)
    assert [name for name in names if mail[name] is None] == []
    assert all(word in told for word in ("SPF", "DMARC", "RFC 8058"))
