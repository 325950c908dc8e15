"""The one door to vendors: deadlines, caps, no redirects, no cookies, no proxies, and checked addresses only.

Nothing is tried twice here. One policy for that exists, and it is the runner's.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from urllib.parse import urlencode

import requests

from sync.providers.addresses import read_base
from sync.providers.base import Access, UpstreamError
from sync.providers.dialling import DEADLINE, OneHost
from sync.providers.refusals import FAILURES, breakage, refusal
from sync.taxonomy import Fault

PAGE_CAP = 50 * 1024 * 1024  # bytes of a decoded page
_CHUNK = 256 * 1024
_ERROR_CAP = 16 * 1024  # bytes of an error body that are read for its message

_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "Connection": "keep-alive",
    "User-Agent": "Ringbook/0.1 (+self-hosted reporting)",
}


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None at all: even a session told not to follow would read a redirect's whole body, without a cap."""


class Answer:
    """An answer whose body is still to be read. Leaving the ``with`` block early gives the connection up."""

    def __init__(self, response: requests.Response, cap: int) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self._response = response
        self._cap = cap

    def chunks(self) -> Iterator[bytes]:
        """The decoded body. Raises UpstreamError: TIMEOUT, NETWORK, TRUNCATED, or TOO_LARGE beyond the cap.

        Bytes are counted after decompression, which never runs more than a chunk ahead.
        """
        taken = 0
        try:
            for chunk in self._response.iter_content(_CHUNK):
                taken += len(chunk)
                if taken > self._cap:
                    raise _too_large(self._cap)
                yield chunk
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

    ``headers`` carry the token; they are sent to the configured host and nowhere else. ``connect`` and ``read`` bound
    one wait, ``total`` the whole request until the last byte of the body, all in seconds.
    """

    def __init__(
        self,
        access: Access,
        *,
        headers: Mapping[str, str],
        connect: float = 5.0,
        read: float = 20.0,
        total: float = 60.0,
    ) -> None:
        self.access = access
        base = read_base(access.base_url, allow_private=access.allow_private)
        self._base = access.base_url.rstrip("/")
        self._total = total
        self._timeout = (min(connect, total), min(read, total))
        self._session = _Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self._session.adapters.clear()
        self._session.mount(f"{base.scheme}://{base.netloc}".lower(), OneHost(base, allow_private=access.allow_private))
        self._headers = requests.structures.CaseInsensitiveDict({**_HEADERS, **_checked(headers)})

    def open(self, path: str, params: Sequence[tuple[str, str]] = (), *, cap: int = PAGE_CAP) -> Answer:
        """GET a path below the base address; use the answer in ``with``. Only a 2xx is an answer.

        Raises UpstreamError for everything else, with the vendor's message as detail and ``retry_after`` if given.
        """
        request = self._request(path, params)
        DEADLINE.set(time.monotonic() + self._total)
        try:
            response = self._session.send(
                request, stream=True, timeout=self._timeout, verify=True, proxies={}, allow_redirects=False
            )
        except FAILURES as error:
            raise breakage(error) from error
        answer = Answer(response, cap)
        if not 200 <= answer.status < 300:
            with answer:
                raise refusal(answer.status, answer.headers, _error_body(response), token=self.access.token)
        if _announced(response) > cap:
            with answer:
                raise _too_large(cap)
        return answer

    def get(self, path: str, params: Sequence[tuple[str, str]] = (), *, cap: int = PAGE_CAP) -> bytes:
        """The whole decoded body of a GET; raises UpstreamError as :meth:`open` and :meth:`Answer.chunks` do."""
        with self.open(path, params, cap=cap) as answer:
            return b"".join(answer.chunks())

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
        return next(response.iter_content(_ERROR_CAP), b"")[:_ERROR_CAP]
    except FAILURES:
        return b""


def _too_large(cap: int) -> UpstreamError:
    return UpstreamError(Fault.TOO_LARGE, f"The answer is larger than {cap:,} bytes.")
