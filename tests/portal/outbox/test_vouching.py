"""Providers that sign what they tell, over HTTP: signed with keys of this file's own as each provider documents it."""

import base64
import hashlib
import hmac
import json
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from django.core.cache import cache

from portal.lib.outward import dialling
from portal.outbox import post
from portal.outbox.models import Feedback, Suppression
from portal.outbox.returned import LONGEST
from portal.outbox.vouching import EARLY, LATE
from portal.tenants import wall

pytestmark = pytest.mark.django_db(transaction=True)

HOST = "sns.eu-central-1.amazonaws.com"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:ringbook"
PEM = "/SimpleNotificationService-0123456789abcdef.pem"


@pytest.fixture
def heard(live_server, acme, sink, write):
    """Posts a body to the hook; the status, and of which kinds was heard then."""
    message = write()
    post.deliver(message.pk)

    def tell(form, body, **headers):
        answer = requests.post(f"{live_server.url}/hooks/mail/{form}", data=body, headers=headers, timeout=20)
        with wall.tenant(acme):
            return answer.status_code, sorted(Feedback.objects.values_list("kind", flat=True))

    tell.message_id = message.message_id
    return tell


# --- SendGrid ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def sendgrid(settings, heard):
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    settings.SENDGRID_WEBHOOK_KEY = base64.b64encode(public).decode()
    body = json.dumps([{"event": "bounce", "type": "bounce", "status": "5.1.1", "smtp-id": heard.message_id}]).encode()

    def tell(*, by=key, at=None, over=body, body=body):
        at = str(int(time.time() if at is None else at))
        signature = base64.b64encode(by.sign(at.encode() + over, ec.ECDSA(hashes.SHA256()))).decode()
        names = ("X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp")
        return heard("sendgrid", body, **dict(zip(names, (signature, at), strict=True)))

    return tell


def test_what_sendgrid_signs_is_heard_once(sendgrid, acme):
    assert [sendgrid(), sendgrid()] == [(200, ["hard"])] * 2
    with wall.tenant(acme):
        assert Suppression.objects.count() == 1


def test_what_it_did_not_sign_or_days_ago_is_refused(sendgrid, heard, settings):
    settings.MAIL_HOOK_SECRET = "secret-of-the-installation"
    refused = (403, [])
    assert sendgrid(by=ec.generate_private_key(ec.SECP256R1())) == refused
    assert sendgrid(body=b"[]") == refused
    assert sendgrid(at=time.time() - LATE - 60) == refused
    assert sendgrid(at=time.time() + EARLY + 60) == refused
    assert heard("sendgrid", b"[]") == refused
    assert heard("sendgrid", b"[]", Authorization="Bearer secret-of-the-installation") == refused
    assert sendgrid() == (200, ["hard"])


# --- Mailgun ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def mailgun(settings, heard):
    settings.MAILGUN_WEBHOOK_KEY = "signing-key"

    def tell(*, key="signing-key", at=None, token="t" * 50, event="complained"):
        at = str(int(time.time() if at is None else at))
        digest = hmac.new(key.encode(), f"{at}{token}".encode(), hashlib.sha256).hexdigest()
        data = {"event": event, "message": {"headers": {"message-id": heard.message_id.strip("<>")}}}
        signature = {"timestamp": at, "token": token, "signature": digest}
        return heard("mailgun", json.dumps({"signature": signature, "event-data": data}))

    return tell


def test_what_mailgun_signs_is_heard_once(mailgun):
    at = time.time()
    assert [mailgun(at=at), mailgun(at=at)] == [(200, ["complaint"])] * 2


def test_its_token_vouches_for_one_body_alone(mailgun):
    """Its signature covers no event, so one that was read on its way would open the hook to any."""
    at = time.time()
    assert mailgun(at=at, event="clicked") == (200, [])
    assert mailgun(at=at, event="complained") == (403, [])
    assert mailgun(at=at, event="complained", token="u" * 50) == (200, ["complaint"])


def test_what_it_did_not_sign_is_refused(mailgun, heard):
    assert mailgun(key="another") == (403, [])
    assert mailgun(at=time.time() - LATE - 60) == (403, [])
    for body in (b"", b"{}", b'{"signature": {"timestamp": 1, "token": "t", "signature": "\xc3\xa4"}}', b"[" * 9000):
        assert heard("mailgun", body) == (403, [])


# --- Amazon SES by SNS ------------------------------------------------------------------------------------------------


def pem_of(key, name, *, days=1):
    now = datetime.now(UTC)
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder().subject_name(named).issuer_name(named).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=9)).not_valid_after(now + timedelta(days=days))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def amazons_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def amazon(settings, tmp_path, monkeypatch, amazons_key):
    """A server on loopback that the name of SNS leads to, with a certificate that is trusted; what it was asked."""
    settings.UPSTREAM_ALLOW_PRIVATE = True
    settings.SNS_TOPICS = [TOPIC]
    cache.clear()
    tls = ec.generate_private_key(ec.SECP256R1())
    trusted = tmp_path / "tls.pem"
    private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    trusted.write_bytes(pem_of(tls, HOST) + tls.private_bytes(*private))
    asked, answers = [], {PEM: (200, pem_of(amazons_key, HOST)), "/": (200, b"<ConfirmSubscriptionResponse/>")}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            status, content = answers.get(urlsplit(self.path).path, (404, b""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, daemon=True).start()
    real = socket.getaddrinfo

    def leads(host, port, *rest, **how):
        here = ("127.0.0.1", server.server_port)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", here)] if host == HOST else real(host, port, *rest, **how)

    monkeypatch.setattr(socket, "getaddrinfo", leads)
    monkeypatch.setattr(dialling, "CA_FILE", str(trusted))
    server.asked, server.answers = asked, answers
    yield server
    server.shutdown()
    server.server_close()


def published(key, message="", **fields):
    told = {
        "Type": "Notification", "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324", "TopicArn": TOPIC,
        "Message": message if isinstance(message, str) else json.dumps(message), "SignatureVersion": "2",
        "Timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "SigningCertURL": f"https://{HOST}{PEM}", **fields,
    }  # fmt: skip
    signed = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    if told["Type"] == "Notification":
        signed = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    text = "".join(f"{name}\n{told[name]}\n" for name in signed if name in told)
    told["Signature"] = base64.b64encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()
    return told


def bounce(message_id, **values):
    """As the documentation shows one, with the headers of the mail."""
    return {
        "notificationType": "Bounce",
        "bounce": {
            "bounceType": "Permanent", "bounceSubType": "General",
            "bouncedRecipients": [{"emailAddress": "ana@acme.example", "status": "5.1.1", "action": "failed"}],
        } | values,
        "mail": {
            "messageId": "00000138111222aa-33322211-cccc-cccc-cccc-ddddaaaa0680-000000",
            "headersTruncated": False,
            "headers": [{"name": "From", "value": "x"}, {"name": "Message-ID", "value": message_id}],
            "commonHeaders": {"messageId": message_id, "subject": "Week"},
        },
    }  # fmt: skip


def test_what_amazon_signs_is_heard_once_and_its_certificate_read_once(amazon, amazons_key, heard):
    body = json.dumps(published(amazons_key, bounce(heard.message_id), Subject="Amazon SES Email Event"))
    assert [heard("ses", body), heard("ses", body)] == [(200, ["hard"])] * 2
    assert amazon.asked == [PEM]


@pytest.mark.parametrize(
    ("event", "kinds"),
    [
        ({"eventType": "Bounce", "bounce": {"bounceType": "Transient", "bouncedRecipients": []}}, ["soft"]),
        ({"eventType": "Bounce", "bounce": {"bounceType": "Permanent"}}, ["hard"]),
        (
            {"eventType": "Bounce", "bounce": {"bounceType": "Permanent", "bouncedRecipients": [{"status": "5.7.1"}]}},
            ["soft"],
        ),
        ({"eventType": "Complaint", "complaint": {"complaintFeedbackType": "abuse"}}, ["complaint"]),
        ({"eventType": "Complaint", "complaint": {}}, ["complaint"]),
        ({"eventType": "Complaint", "complaint": {"complaintFeedbackType": "not-spam"}}, []),
        ({"eventType": "Open", "open": {}}, []),
    ],
)
def test_its_words(amazon, amazons_key, heard, event, kinds):
    mail = {"mail": {"headers": [{"name": "message-id", "value": heard.message_id}]}}
    assert heard("ses", json.dumps(published(amazons_key, event | mail))) == (200, kinds)


@pytest.mark.parametrize("message", ["Successfully validated SNS topic for Amazon SES event publishing.", "7", "{}"])
def test_what_it_tells_of_no_mail_of_ours_changes_nothing(amazon, amazons_key, heard, message):
    assert heard("ses", json.dumps(published(amazons_key, message))) == (200, [])
    assert heard("ses", json.dumps(published(amazons_key, bounce("<x@y.example>")))) == (200, [])


def test_what_is_not_signed_by_amazon_for_our_topic_is_refused_and_asks_nobody_else(amazon, amazons_key, heard):
    tampered = published(amazons_key, bounce("<x@y.example>"))
    tampered["Message"] = json.dumps(bounce(heard.message_id))
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    days_ago = (datetime.now(UTC) - timedelta(days=4)).isoformat()
    word = bounce(heard.message_id)
    refused = [
        tampered,
        published(stranger, word),
        published(amazons_key, word, Timestamp=days_ago),
        published(amazons_key, word, SignatureVersion="1"),
        published(amazons_key, word, Type="Telegram"),
        {},
        [],
    ]
    assert [heard("ses", json.dumps(told)) for told in refused] == [(403, [])] * len(refused)
    assert set(amazon.asked) <= {PEM}
    amazon.asked.clear()
    elsewhere = [
        "https://evil.example" + PEM,
        "http://" + HOST + PEM,
        f"https://{HOST}.evil.example{PEM}",
        f"https://{HOST}@evil.example{PEM}",
        f"https://{HOST}:8443{PEM}",
        "https://sns.us-east-1.amazonaws.com" + PEM,
        f"https://{HOST}/other.pem",
        f"https://{HOST}/..{PEM}",
        f"https://{HOST}{PEM}?x=1",
    ]
    refused = [published(amazons_key, word, SigningCertURL=address) for address in elsewhere]
    refused.append(published(amazons_key, word, TopicArn=TOPIC + "2"))
    assert [heard("ses", json.dumps(told)) for told in refused] == [(403, [])] * len(refused)
    assert amazon.asked == []


def test_a_certificate_that_ran_out_signs_nothing_and_one_that_is_not_to_be_had_is_asked_for_again(
    amazon, amazons_key, heard
):
    body = json.dumps(published(amazons_key, bounce(heard.message_id)))
    good = amazon.answers[PEM]
    for answer, status in (((200, pem_of(amazons_key, HOST, days=-1)), 403), ((500, b""), 503), ((200, b"x"), 403)):
        amazon.answers[PEM] = answer
        assert heard("ses", body) == (status, [])
    amazon.answers[PEM] = good
    assert heard("ses", body) == (200, ["hard"])


def asking(key, **fields):
    address = "https://evil.example/?Action=ConfirmSubscription"
    return json.dumps(
        published(key, "You have chosen", Type="SubscriptionConfirmation", Token="2336", SubscribeURL=address, **fields)
    )


def test_a_subscription_of_a_named_topic_is_confirmed_at_amazon_and_no_other(amazon, amazons_key, heard):
    assert heard("ses", asking(amazons_key, TopicArn=TOPIC + "2"))[0] == 403
    assert amazon.asked == []
    assert heard("ses", asking(amazons_key)) == (200, [])
    path, query = amazon.asked[-1].split("?")
    assert (path, parse_qs(query)) == (
        "/", {"Action": ["ConfirmSubscription"], "TopicArn": [TOPIC], "Token": ["2336"]},
    )  # fmt: skip
    amazon.answers["/"] = (500, b"")
    assert heard("ses", asking(amazons_key))[0] == 503  # Amazon asks again


def test_without_topics_nothing_of_amazons_is_heard_and_bodies_have_an_end(amazon, amazons_key, heard, settings):
    assert heard("ses", b" " * (LONGEST + 1))[0] == 413
    settings.SNS_TOPICS, settings.MAIL_HOOK_SECRET = [], "secret-of-the-installation"
    body = json.dumps(published(amazons_key, bounce(heard.message_id)))
    assert heard("ses", body, Authorization="Bearer secret-of-the-installation") == (403, [])


# --- Postmark ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "kinds"),
    [
        ({"RecordType": "Bounce", "Type": "HardBounce", "TypeCode": 1}, ["hard"]),
        ({"RecordType": "Bounce", "Type": "SoftBounce", "TypeCode": 4096}, ["soft"]),
        ({"RecordType": "Bounce", "Type": "AutoResponder", "TypeCode": 64}, []),
        ({"RecordType": "SpamComplaint", "Type": "SpamComplaint", "TypeCode": 512}, ["complaint"]),
        ({"RecordType": "Open"}, []),
    ],
)
def test_postmark_tells_with_the_secret_what_it_was_given_along(settings, heard, event, kinds):
    settings.MAIL_HOOK_SECRET = "secret-of-the-installation"
    body = json.dumps(event | {"MessageID": "0-0", "Metadata": {"Message-Id": heard.message_id.strip("<>")}})
    basic = "Basic " + base64.b64encode(b"hook:secret-of-the-installation").decode()
    assert heard("postmark", body) == (401, [])
    assert heard("postmark", body, Authorization=basic) == (200, kinds)
    assert heard("postmark", json.dumps(event), Authorization=basic) == (200, kinds)


def test_postmark_alone_is_given_the_message_id_along(settings, write, mailoutbox):
    for number, host in enumerate(("smtp.postmarkapp.com", "smtp-broadcasts.postmarkapp.com", "evilpostmarkapp.com")):
        settings.EMAIL_HOST = host
        message = write(reference=f"p-{number}")
        post.deliver(message.pk)
        given = mailoutbox[-1].message()["X-PM-Metadata-message-id"]
        assert given == (None if host.startswith("evil") else message.message_id.strip("<>"))
