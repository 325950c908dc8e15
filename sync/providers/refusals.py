"""What a failed request means: the fault, how long to wait, and the vendor's own words with nothing secret in them."""

import http.client
import re
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec
import requests
import urllib3.exceptions

from portal.lib.outward.errors import Unreachable
from sync.providers.errors import UpstreamError
from sync.taxonomy import Fault

_FAULTS = {401: Fault.REJECTED, 403: Fault.FORBIDDEN, 404: Fault.NOT_FOUND, 429: Fault.THROTTLED}
_WAITS = (1.0, 3600.0)  # seconds: shorter is no pause, longer is the schedule's business
_LONGEST = 200

_SECRETS = (
    re.compile(r"(?i)\b(bearer|basic)\s+(?!token\b)[^\s\"',;]+"),
    re.compile(r"\btalq_\w*"),
    re.compile(r"[A-Za-z0-9_\-./+=]{24,}"),
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d(?!\d)")
_PHONE = re.compile(r"\+?\(?\d(?:[\s().-]*\d){6,}")

# Everything that a request may raise besides UpstreamError.
FAILURES = (Unreachable, requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)


def refusal(status: int, headers: Mapping[str, str], body: bytes, *, token: str) -> UpstreamError:
    """The error for an answer that is not a success."""
    fault = _FAULTS.get(status) or (Fault.SERVER if status >= 500 else Fault.REFUSED)
    detail = "The server points elsewhere; redirects are not followed." if 300 <= status < 400 else _words(body)
    wait = retry_after(headers) if status in (429, 503) else None
    return UpstreamError(fault, redacted(detail, token), status=status, retry_after=wait)


def breakage(error: BaseException) -> UpstreamError:
    """The error for a connection that failed, before or while the answer was read."""
    if isinstance(error, Unreachable):
        return UpstreamError(Fault(error.obstacle), error.detail)
    causes = list(_causes(error))
    if any(isinstance(cause, TimeoutError | requests.Timeout | urllib3.exceptions.TimeoutError) for cause in causes):
        return UpstreamError(Fault.TIMEOUT, "The answer did not come in time.")
    if any(isinstance(cause, requests.exceptions.ContentDecodingError) for cause in causes):
        return UpstreamError(Fault.NOT_JSON, "The answer's compression is broken.")
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return UpstreamError(Fault.NETWORK, f"The host's certificate is not valid: {cause.verify_message}.")
        if isinstance(cause, ssl.SSLError):
            return UpstreamError(Fault.NETWORK, f"No secure connection: {cause.reason}.")
        if isinstance(cause, ConnectionError) and not isinstance(cause, requests.RequestException):
            detail = f"The connection broke: {cause.strerror}." if cause.strerror else "The connection broke."
            return UpstreamError(Fault.NETWORK, detail)
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return UpstreamError(Fault.TRUNCATED, "The answer ended before its end.")
    return UpstreamError(Fault.NETWORK, "The connection failed.")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it wraps, outermost first. Libraries hide causes in arguments."""
    waiting, seen = [error], set[int]()
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        inner = (*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__)
        waiting.extend(one for one in inner if isinstance(one, BaseException))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, between 1 and 3,600. A date counts from the answer's own Date, so a wrong clock does no harm."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    else:
        until = _date(text)
        if until is None:
            return None
        seconds = (until - (_date(headers.get("Date", "")) or datetime.now(UTC))).total_seconds()
    return min(max(seconds, _WAITS[0]), _WAITS[1])


def clocks_apart(headers: Mapping[str, str], asked_at: datetime, answered_at: datetime) -> float:
    """Seconds by which the vendor's clock is ahead of ours, below zero behind; 0 where its time fits or is not told."""
    date = _date(headers.get("Date", ""))
    if date is None or "Age" in headers:  # somebody kept the answer for a while
        return 0.0
    return max((date - answered_at).total_seconds(), 0.0) or min((date - asked_at).total_seconds() + 1, 0.0)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _words(body: bytes) -> str:
    """The message in an error body: of the documented forms, or the text itself when it is no page."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        text = body.decode("utf-8", "replace").strip()
        return "" if text.startswith("<") else text
    if isinstance(document, dict):
        inner = document.get("error")
        for place in (inner if isinstance(inner, dict) else {}, document):
            for key in ("message", "detail", "error", "title"):
                if isinstance(words := place.get(key), str) and words:
                    return words
        if isinstance(document.get("detail"), list):
            return "; ".join(str(item.get("msg", "")) for item in document["detail"][:5] if isinstance(item, dict))
    return document if isinstance(document, str) else ""


def redacted(text: str, token: str = "") -> str:
    """The text on one line, at most 200 characters, without the token, anything like one, or phone numbers."""
    text = " ".join(text[:4000].replace("\x00", " ").split())
    if token:
        text = text.replace(token, "•••")
    for pattern in _SECRETS:
        text = pattern.sub("•••", text)
    kept = _DAY.findall(text)
    text = _PHONE.sub("•••", _DAY.sub("\x00", text))
    for day in kept:
        text = text.replace("\x00", day, 1)
    return text.encode("utf-8", "replace").decode()[:_LONGEST]
