"""SIGKILL at any moment, real processes, a real mail server of many moods: no reader has a report twice."""

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.mail_hosts import READERS
from tests.journeys.test_a_year_of_mondays import Moods
from tests.portal.outbox.sink import Sink

ROOT = Path(__file__).resolve().parents[2]


class Hesitant(Moods):
    """It is there, and says no only now and then."""

    BAD = {
        "MAIL": ("451 later", "drop"),
        "RCPT": ("450 later", "drop"),
        "DATA": ("451 later", "drop"),
        "END": ("451 later", "drop", "late"),
    }


@pytest.mark.fault
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_hosts_that_are_killed_at_any_moment_send_each_reader_one_mail(scratch, tmp_path):
    url, rows = scratch
    with Sink() as sink:
        sink.answers = Hesitant(random.Random(7))
        sink.answers.share = 0.03
        env = os.environ | {
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "DATABASE_URL": url,
            "DATA_DIR": str(tmp_path),
            "EMAIL_URL": f"smtp://127.0.0.1:{sink.port}",
            "MAILS_PER_MINUTE": "100000",
        }

        def hosts(act):
            command = [sys.executable, "-m", "tests.faults.mail_hosts", act]
            done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=240, check=False)
            assert done.returncode == 0, done.stderr[-3000:]
            return done.stdout

        hosts("set_up")
        killed = int(hosts("run").split()[-1])

    received = Counter(mail["Message-ID"] for mail in sink.mails)
    assert killed > 15
    assert max(received.values()) == 1  # at most once after DATA, whoever died or slept
    sent = dict(rows("SELECT message_id, state FROM outbox_message"))
    assert len(sent) == READERS
    assert set(sent.values()) <= {"sent", "unknown"}
    assert all(received[message] == 1 for message, state in sent.items() if state == "sent")
    assert [tuple(row) for row in rows("SELECT state, COUNT(*) FROM reports_mail_delivery GROUP BY state")] == [
        ("posted", READERS)
    ]
    assert set(received) <= set(sent)
