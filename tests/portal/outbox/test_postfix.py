"""A real mail server takes our mails, delivers them as they were written, and tells of those that come back."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from portal.outbox import rounds
from portal.outbox.feedback import hear
from portal.outbox.models import Attempt, Message, Suppression
from portal.outbox.returned import words_of

POSTFIX = shutil.which("postfix", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.slow,
    pytest.mark.skipif(POSTFIX is None or os.getuid() != 0, reason="needs Postfix, and to be root"),
]

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.client.example
mydestination =
alias_maps =
virtual_mailbox_domains = client.example, sender.example
virtual_mailbox_maps = inline:{{ana@client.example=ana/, late@client.example=late/, reports@sender.example=reports/}}
virtual_mailbox_base = {folder}/mail
virtual_minimum_uid = 1
virtual_uid_maps = static:{user}
virtual_gid_maps = static:{group}
transport_maps = inline:{{ late@client.example=dead: }}
smtpd_relay_restrictions = reject_unauth_destination
smtpd_peername_lookup = no
disable_dns_lookups = yes
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
error unix - - n - - error
dead unix - n n - - pipe user=nobody argv=/bin/sh -c {{exit 67}}
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


@dataclass
class Server:
    folder: Path
    port: int

    def mails(self, box: str, count: int) -> list[EmailMessage]:
        """What came into a mailbox, as soon as there are so many."""
        place = self.folder / "mail" / box / "new"
        deadline = time.monotonic() + 20
        while len(found := sorted(place.glob("*"))) < count:
            assert time.monotonic() < deadline, (self.folder / "log").read_text(encoding="utf-8")
            time.sleep(0.1)
        return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in found]  # type: ignore[misc]


@pytest.fixture(scope="module")
def postfix() -> Iterator[Server]:
    """One with folders of its own, on a port of its own, that knows nothing of the machine's."""
    folder, own = Path(tempfile.mkdtemp(prefix="ringbook-postfix-")), pwd.getpwnam("postfix")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = Server(folder, free.getsockname()[1])
    folder.chmod(0o755)
    for name in ("conf", "queue", "data", "mail"):
        (folder / name).mkdir()
        (folder / name).chmod(0o755)  # whatever the suite keeps private
    for name in ("data", "mail"):
        os.chown(folder / name, own.pw_uid, own.pw_gid)
    words = {"folder": folder, "port": server.port, "user": own.pw_uid, "group": own.pw_gid}
    (folder / "conf/main.cf").write_text(MAIN.format(**words), encoding="utf-8")
    (folder / "conf/master.cf").write_text(MASTER.format(**words), encoding="utf-8")
    for path in (folder / "conf").iterdir():
        path.chmod(0o644)
    command = [str(POSTFIX), "-c", str(folder / "conf")]
    try:
        subprocess.run([*command, "start"], check=True, capture_output=True, timeout=60, umask=0o022)
        yield server
    finally:
        subprocess.run([*command, "stop"], check=False, capture_output=True, timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def through(postfix, settings, sink) -> Server:
    settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = postfix.port, 10
    settings.DEFAULT_FROM_EMAIL = "Acme <reports@sender.example>"
    return postfix


def test_it_delivers_what_was_written_and_its_refusals_are_one_readers_own(through, write):
    link = "https://ringbook.example/mail/leave/1-2-3.abc"
    headers = {
        "List-Id": "<x.mail.ringbook>",
        "List-Unsubscribe": f"<{link}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
    }
    text = "Ligações da semana: 43,1 %\n.\n" + "longa " * 300
    message = write(to="ana@client.example", subject="Relatório · 43,1 %", text=text, headers=headers)
    write(to="nobody@client.example", reference="r-2")
    write(to="ana@client.example", reference="r-3", headers=headers)
    write(to="x@elsewhere.example", reference="r-4")
    assert rounds.go_round() is None
    states = list(Message.objects.order_by("id").values_list("state", flat=True))
    assert states == ["sent", "failed", "sent", "failed"]
    replies = list(Attempt.objects.order_by("id").values_list("reply", flat=True))
    assert "User unknown" in replies[1]
    assert "Relay access denied" in replies[3]
    assert [row.address for row in Suppression.objects.all()] == ["nobody@client.example"]  # the other is about us

    mails = through.mails("ana", 2)
    mail = next(mail for mail in mails if mail["Message-ID"].strip() == message.message_id)
    assert {name: mail[name].strip() for name in headers} == headers
    assert mail["From"] == "Acme <reports@sender.example>"
    assert mail["Return-Path"] == "<reports@sender.example>"
    assert mail["Subject"] == message.subject
    assert mail["Date"].datetime
    assert mail.get_content_type() == "multipart/alternative"
    assert mail.get_body(("plain",)).get_content().split() == text.split()
    assert len(mail.get_all("Received")) == 1  # nobody wrote a head twice
    assert not mail.defects


def test_what_it_sends_back_is_understood(through, write):
    """It takes the mail, finds no mailbox later, and writes to the sender as RFC 3464 wants it."""
    message = write(to="late@client.example")
    rounds.go_round()
    message.refresh_from_db()
    assert message.state == "sent"
    [returned] = through.mails("reports", 1)
    [word] = words_of("message", returned.as_bytes())
    assert (word.message_id, word.kind, word.code) == (message.message_id, "hard", "5.1.1")
    assert hear([word], vouched=False) == 1
    assert Suppression.objects.get().address == "late@client.example"
