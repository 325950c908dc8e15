"""What a log line never holds: secrets whole, and full phone numbers."""

import logging

import pytest

from portal.logs import Redact


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
        ("no secret, 2026-07-08 15:00:00", "no secret, 2026-07-08 15:00:00"),
    ],
)
def test_a_log_line_without_secrets_and_numbers(said: str, kept: str) -> None:
    record = logging.LogRecord("ringbook", logging.INFO, "", 0, "%s", (said,), None)

    assert Redact().filter(record)
    assert record.getMessage() == kept
