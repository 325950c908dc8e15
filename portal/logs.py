"""Keeps secrets and full phone numbers out of log lines."""

import logging
import re

_SECRET = re.compile(
    r"(?i)\b(bearer\s+|basic\s+|ring_|talq_|(?:password|token|secret|api_?key)[\"']?\s*[=:]\s*[\"']?"
    r"|(?:sessionid|csrftoken)=|accounts/invitation/|shared-link/|mail/(?:leave|confirm)/|password/reset/key/\w+-)[^\s\"',;&•]+"
)
_IN_ADDRESS = re.compile(r"(://[^\s:/@]*:)[^\s/@]+(?=@)")
# With +; as a parameter; and in Brazil's forms without it: other digits alone are counts, ids and moments.
_NUMBER = re.compile(
    r"(?<![\w.:-])(?:(?:\+|%2B)\d{6,15}(?!\d)|(?:55[1-9]{2}\d{8,9}|[1-9]{2}9\d{8})(?![\w.:-]))"
    r"|(?:(?<=number=)|(?<=[?&]line=)|(?<=[?&]search=))[^\s&\"']+"
)


def redact(text: str) -> str:
    """The text with secrets and phone numbers taken out: a number keeps its last two digits, a secret nothing."""
    return _NUMBER.sub(lambda match: f"•••{match[0][-2:]}", _IN_ADDRESS.sub(r"\1•••", _SECRET.sub(r"\1•••", text)))


class Redact(logging.Filter):
    """Formats the record first, so that arguments are covered too."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), None
        return True


class RedactedLines(logging.Formatter):
    """Redacts the whole line, so that tracebacks and stacks are covered too: they quote what they failed on."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))
