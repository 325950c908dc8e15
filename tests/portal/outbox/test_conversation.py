"""Every verb of a conversation with a mail server, and each way in which it can go wrong there: three mails on one
connection, encrypted and signed in, of which the second meets the fault. Who gets his mail once, whose state is
unknown, whose is tried again.
"""

from collections import Counter

import pytest
from django.core.cache import cache

from portal.outbox import post, rounds
from portal.outbox.models import Attempt, Message, Suppression
from tests.portal.outbox import faulty
from tests.portal.outbox.faulty import VERBS, certificate

pytestmark = pytest.mark.django_db

READERS = ("ana@one.example", "bo@two.example", "cy@three.example")
GREETINGS = ("CONNECT", "EHLO", "STARTTLS", "AUTH")  # said before there is a mail to speak of
ANSWERS = {"4xx": "451 4.3.0 later", "5xx": "554 5.5.0 no", "stall": "stall", "drop": "drop"}
SENT, WAITS, FAILED, UNKNOWN = "sent", "pending", "failed", "unknown"
# What becomes of the second mail. The first and the third are sent in the same round.
OF_THE_SECOND = {
    "MAIL": {"4xx": WAITS, "5xx": WAITS, "stall": WAITS, "drop": WAITS},  # our sender is ours to mend
    "RCPT": {"4xx": WAITS, "5xx": FAILED, "stall": WAITS, "drop": WAITS},
    "DATA": {"4xx": WAITS, "5xx": FAILED, "stall": UNKNOWN, "drop": UNKNOWN},
    "END": {"4xx": WAITS, "5xx": FAILED, "stall": UNKNOWN, "drop": UNKNOWN},
    "QUIT": {"4xx": SENT, "5xx": SENT, "stall": SENT, "drop": SENT},
}

# And of what was handed over, but not answered, a server may have kept the mail or not.
CASES = [(verb, answer, True) for verb in OF_THE_SECOND for answer in ANSWERS]
CASES += [("END", "stall", False), ("END", "drop", False)]


@pytest.fixture(scope="module")
def identity(tmp_path_factory):
    return certificate(tmp_path_factory.mktemp("mail-server"))


@pytest.fixture
def provider(settings, monkeypatch, identity):
    monkeypatch.setenv("SSL_CERT_FILE", str(identity))
    with faulty.provider(settings, identity) as server:
        yield server


@pytest.fixture
def three(write):
    return [write(to=to, reference=to) for to in READERS]


def go_round():
    cache.clear()  # whoever rests has rested
    Message.objects.update(next_attempt_at=None)
    assert rounds.go_round() is None
    return list(Message.objects.order_by("id").values_list("state", flat=True))


def received(provider):
    """How often each mail came in, by its reader; each over a connection that is encrypted and signed in."""
    assert all(session.ssl and session.authenticated for _mail, session, _envelope in provider.taken)
    assert all(mail["To"] == envelope.rcpt_tos[0] for mail, _session, envelope in provider.taken)
    return Counter(mail["To"] for mail, _session, _envelope in provider.taken)


def test_one_connection_carries_all_three(provider, three):
    assert go_round() == [SENT] * 3
    assert received(provider) == Counter(READERS)
    assert {verb: provider.said[verb] for verb in VERBS} == {
        "CONNECT": 1, "EHLO": 2, "STARTTLS": 1, "AUTH": 1, "MAIL": 3, "RCPT": 3, "DATA": 3, "END": 3, "QUIT": 1,
    }  # fmt: skip


@pytest.mark.fault
@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("verb", GREETINGS)
def test_where_no_conversation_begins_every_mail_waits_and_is_sent_once(provider, three, settings, verb, answer):
    provider.fault = (verb, 0, ANSWERS[answer])
    settings.EMAIL_TIMEOUT = 0.5 if answer == "stall" else 5
    assert go_round() == [WAITS] * 3
    assert not provider.taken  # nor does anything leave without encryption, or without the password
    assert provider.said["MAIL"] == 0
    assert Attempt.objects.count() == 1  # the others did not knock at a closed door
    assert not Suppression.objects.exists()
    settings.EMAIL_TIMEOUT, provider.fault = 5, None
    assert go_round() == [SENT] * 3
    assert received(provider) == Counter(READERS)


@pytest.mark.fault
@pytest.mark.parametrize(("verb", "answer", "keeps"), CASES)
def test_a_fault_is_the_second_mails_alone(provider, three, settings, verb, answer, keeps):
    ending = OF_THE_SECOND[verb][answer]
    provider.fault, provider.keeps = (verb, 1 if verb == "QUIT" else 2, ANSWERS[answer]), keeps
    settings.EMAIL_TIMEOUT = 0.5 if answer == "stall" else 5
    assert go_round() == [SENT, ending, SENT]
    has_arrived = ending == SENT or (verb == "END" and ending == UNKNOWN and keeps)
    assert received(provider) == Counter({READERS[0]: 1, READERS[1]: int(has_arrived), READERS[2]: 1})
    tried = Attempt.objects.filter(message=three[1]).get()
    assert tried.outcome == ending
    assert tried.reply  # what the server said, or what became of the connection
    blamed = [row.address for row in Suppression.objects.all()]
    assert blamed == ([READERS[1]] if (verb, answer) == ("RCPT", "5xx") else [])

    settings.EMAIL_TIMEOUT = 5
    after = SENT if ending == WAITS else ending
    assert go_round() == [SENT, after, SENT]  # what failed or is unknown is never sent by itself
    wanted = Counter({READERS[0]: 1, READERS[1]: int(has_arrived or ending == WAITS), READERS[2]: 1})
    assert received(provider) == wanted
    if ending == UNKNOWN:
        assert post.send_again(three[1].pk)  # a person's decision: the same mail, by its Message-ID
        assert go_round() == [SENT] * 3
        ids = [mail["Message-ID"] for mail, _session, _envelope in provider.taken if mail["To"] == READERS[1]]
        assert ids == [three[1].message_id] * (2 if has_arrived else 1)


def test_a_server_without_encryption_or_with_anothers_name_gets_no_mail(provider, three, settings, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    assert go_round() == [WAITS] * 3
    assert Attempt.objects.get().reply == "SSLCertVerificationError"
    assert provider.said["AUTH"] == provider.said["MAIL"] == 0  # the password is not told to a stranger
    settings.EMAIL_USE_TLS = False
    assert WAITS in go_round()
    assert not provider.taken
