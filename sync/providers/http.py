"""The one door to vendors: deadlines, caps, no redirects, no cookies, no proxies, and checked addresses only.

Nothing is tried twice here. One policy for that exists, and it is the runner's.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from urllib.parse import urlencode

import requests

from portal.lib.outward.addresses import read_base
from portal.lib.outward.dialling import PATIENCE, OneHost
from portal.lib.outward.errors import Unreachable
from portal.lib.version import VERSION
from sync.providers import limits
from sync.providers.access import Access
from sync.providers.errors import UpstreamError
from sync.providers.limits import Expected
from sync.providers.patience import Patience
from sync.providers.refusals import FAILURES, breakage, clocks_apart, refusal
from sync.providers.room import reserve
from sync.taxonomy import Fault

logger = logging.getLogger("ringbook.sync")

_CHUNK = 256 * 1024
_TELL_AGAIN = 3600.0  # seconds
_told: dict[str, float] = {}  # by host: when its clock was last said to be wrong, or ours

_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "Connection": "keep-alive",
    "User-Agent": f"Ringbook/{VERSION} (+self-hosted reporting)",
}


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None at all: even a session told not to follow would read a redirect's whole body, without a cap."""


class Answer:
    """An answer whose body is still to be read. Leaving the ``with`` block early gives the connection up."""

    def __init__(self, response: requests.Response, most_bytes: int, patience: Patience) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.announced = _announced(response)  # bytes of the decoded body, 0 where nobody knows
        self._response = response
        self._most_bytes = most_bytes
        self._patience = patience

    def chunks(self) -> Iterator[bytes]:
        """The decoded body. Raises UpstreamError: TIMEOUT, NETWORK, TRUNCATED, or TOO_LARGE beyond what was expected.

        Bytes are counted after decompression, which never runs more than a chunk ahead. What is done with a chunk
        before the next is asked for counts for no deadline.
        """
        taken = 0
        try:
            for chunk in self._response.iter_content(_CHUNK):
                taken += len(chunk)
                if taken > self._most_bytes:
                    raise _too_large(self._most_bytes)
                self._patience.deliver(len(chunk))
                self._patience.pause()
                yield chunk
                self._patience.go_on()
        except FAILURES as error:
            raise breakage(error) from error

    def __enter__(self) -> "Answer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._response.close()


class Http:
    """A session with one vendor's host. Threads may share it: the pool locks, and no request leaves a trace behind.

    ``headers`` carry the token; they are sent to the configured host and nowhere else. How long an answer may take and
    how large it may be stands in :mod:`sync.providers.limits`; ``expected`` says which of the two forms it has.
    """

    def __init__(self, access: Access, *, headers: Mapping[str, str]) -> None:
        self.access = access
        try:
            base = read_base(access.base_url, allow_private=access.allow_private)
        except Unreachable as error:
            raise breakage(error) from None
        self._base = access.base_url.rstrip("/")
        self._session = _Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self._session.adapters.clear()
        self._host = OneHost(base, allow_private=access.allow_private)
        self._session.mount(f"{base.scheme}://{base.netloc}".lower(), self._host)
        self._headers = requests.structures.CaseInsensitiveDict({**_HEADERS, **_checked(headers)})

    def open(self, path: str, params: Sequence[tuple[str, str]] = (), *, expected: Expected | None = None) -> Answer:
        """GET a path below the base address; use the answer in ``with``. Only a 2xx is an answer.

        Raises UpstreamError for everything else, with the vendor's message as detail and ``retry_after`` if given.
        """
        request = self._request(path, params)
        expected = expected or limits.PAGE
        patience = Patience(expected)
        PATIENCE.set(patience)
        asked_at = datetime.now(UTC)
        try:
            # The timeout is that of the TLS handshake and of sending; connecting and reading ask the patience.
            response = self._session.send(
                request,
                stream=True,
                timeout=limits.CONNECT_SECONDS,
                verify=True,
                proxies={},
                allow_redirects=False,
            )
        except FAILURES as error:
            raise breakage(error) from error
        patience.begin()
        self._compare_clocks(response.headers, asked_at)
        answer = Answer(response, expected.most_bytes, patience)
        if not 200 <= answer.status < 300:
            with answer:
                raise refusal(answer.status, answer.headers, _error_body(response), token=self.access.token)
        if answer.announced > expected.most_bytes:
            with answer:
                raise _too_large(expected.most_bytes)
        return answer

    def get(self, path: str, params: Sequence[tuple[str, str]] = (), *, expected: Expected | None = None) -> bytes:
        """The whole decoded body of a GET; raises UpstreamError as :meth:`open` and :meth:`Answer.chunks` do.

        A heavy one waits for room (:mod:`sync.providers.room`) before it is read on.
        """
        expected = expected or limits.PAGE
        pieces, taken = [], 0
        with self.open(path, params, expected=expected) as answer:
            sizes = [limits.LIGHT_BYTES, answer.announced or limits.MIDDLE_BYTES, expected.most_bytes]
            for chunk in answer.chunks():
                taken += len(chunk)
                if taken > sizes[0]:
                    sizes = [size for size in sizes if size >= taken]
                    reserve(limits.COPIES * sizes[0])
                pieces.append(chunk)
        if taken > limits.LIGHT_BYTES:
            reserve(limits.COPIES * taken)  # what it took is known now; the rest is for others
        return b"".join(pieces)

    def _compare_clocks(self, headers: Mapping[str, str], asked_at: datetime) -> None:
        """Nothing is judged by the vendor's clock; but one of the two is wrong, and somebody should know."""
        apart = clocks_apart(headers, asked_at, datetime.now(UTC))
        now = time.monotonic()
        if abs(apart) < limits.CLOCKS_APART or now - _told.get(self._base, -_TELL_AGAIN) < _TELL_AGAIN:
            return
        _told[self._base] = now
        which = "ahead of" if apart > 0 else "behind"
        logger.warning("the clock of %s is %.0f seconds %s ours", self._base, abs(apart), which)

    def _request(self, path: str, params: Sequence[tuple[str, str]]) -> requests.PreparedRequest:
        if not path.startswith("/") or path.startswith("//"):
            raise ValueError(f"not a path below the base address: {path!r}")
        # Prepared by hand: all but the address is the same each time, and both its halves come in quoted.
        request = requests.PreparedRequest()
        request.method = "GET"
        request.url = f"{self._base}{path}?{urlencode(params)}" if params else f"{self._base}{path}"
        request.headers = self._headers
        request.hooks = {"response": []}
        return request

    def break_off(self) -> None:
        """From another thread: end every request that is under way."""
        self._host.break_off()

    def close(self) -> None:
        self._session.close()

    def __enter__(self) -> "Http":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _checked(headers: Mapping[str, str]) -> dict[str, str]:
    # Checked here because the library would repeat the value, which is the token, in its own complaint.
    for name, value in headers.items():
        if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
            raise UpstreamError(Fault.REJECTED, "The header's name is not one that can be sent.")
        if not value.isascii() or not value.isprintable() or value != value.strip():
            raise UpstreamError(Fault.REJECTED, "The token holds characters that no header can carry.")
    return dict(headers)


def _announced(response: requests.Response) -> int:
    text = response.headers.get("Content-Length", "")
    return int(text[:18]) if text.isascii() and text.isdigit() and "Content-Encoding" not in response.headers else 0


def _error_body(response: requests.Response) -> bytes:
    try:
        return next(response.iter_content(limits.ERROR_BYTES), b"")[: limits.ERROR_BYTES]
    except FAILURES:
        return b""


def _too_large(most_bytes: int) -> UpstreamError:
    return UpstreamError(Fault.TOO_LARGE, f"The answer is larger than {most_bytes:,} bytes.")
