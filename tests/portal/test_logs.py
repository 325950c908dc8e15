"""What a log line never holds: secrets whole, and full phone numbers."""

import logging
import sys

import pytest

from portal.logs import Redact, RedactedLines
from portal.settings import LOGGING


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer •••"),
        ("bearer  abc", "bearer  •••"),
        ("key ring_0123456789abcdef was revoked", "key ring_••• was revoked"),
        ("token talq_AbC123; again", "token talq_•••; again"),
        ("/mail?token=abc&x=1", "/mail?token=•••&x=1"),
        ("smtp password='hunter2'", "smtp password='•••'"),
        ("password=hunter2, next", "password=•••, next"),
        ("called +5511987654321 twice", "called •••21 twice"),
        ("GET /calls?number=11987654321&page=2", "GET /calls?number=•••21&page=2"),
        ("GET /calls?search=%2B5511987654321", "GET /calls?search=•••21"),
        ("called 5511987654321 and 11987654321", "called •••21 and •••21"),
        ('{"token": "talked", "password":"x"}', '{"token": "•••", "password":"•••"}'),
        ("Not Found: /mail/leave/1-2-3.1abc.x_Y-z", "Not Found: /mail/leave/•••"),
        ("Method Not Allowed (PUT): /mail/confirm/1-2-3.1abc.xYz", "Method Not Allowed (PUT): /mail/confirm/•••"),
        ("Authorization: Basic YWJjOmRlZg==", "Authorization: Basic •••"),
        ("Cookie: sessionid=abc; csrftoken=def", "Cookie: sessionid=•••; csrftoken=•••"),
        ("redis://:hunter2@broker:6379/0", "redis://:•••@broker:6379/0"),
        ("postgresql://ana:hunter2@host/name", "postgresql://ana:•••@host/name"),
        ("at 1791900000 of 0197f3a2-1111-7000-8000-119876543210",) * 2,
        ("no secret, 2026-07-08 15:00:00", "no secret, 2026-07-08 15:00:00"),
    ],
)
def test_a_log_line_without_secrets_and_numbers(said: str, kept: str) -> None:
    record = logging.LogRecord("ringbook", logging.INFO, "", 0, "%s", (said,), None)

    assert Redact().filter(record)
    assert record.getMessage() == kept


def test_a_traceback_is_covered_too() -> None:
    try:
        raise ValueError("no +5511987654321 with token=abc")
    except ValueError:
        record = logging.LogRecord("ringbook", logging.ERROR, "", 0, "failed", (), sys.exc_info())
    record.stack_info = "password='hunter2'"
    line = RedactedLines().format(record)
    assert "ValueError: no •••21 with token=•••" in line
    assert "hunter2" not in line


def test_an_installation_writes_its_lines_so() -> None:
    (handler,) = LOGGING["handlers"].values()
    assert LOGGING["formatters"][handler["formatter"]]["()"] == "portal.logs.RedactedLines"
