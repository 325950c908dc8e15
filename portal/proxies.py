"""Who asks, and over what: the client's address and https, when proxies stand in front.

A proxy adds what it saw to the end of ``X-Forwarded-For``, so of these entries only the last ``TRUSTED_PROXIES`` are
its own; whatever stands before them a client may have written. Without proxies no forwarding header is believed.
"""

from collections.abc import Callable, Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

_FORWARDING = ("HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP")
_LOCAL_HOSTS = {"localhost", "127.0.0.1", "[::1]"}


def client_address(meta: Mapping[str, Any]) -> str | None:
    """The client's network address, IPv4 where it is one; None when nobody knows it."""
    said = _believed(meta, "HTTP_X_FORWARDED_FOR")
    return _read_address(said) or _read_address(str(meta.get("REMOTE_ADDR", "")))


def client_scheme(meta: Mapping[str, Any]) -> str:
    """``https`` or ``http``: what the client's own connection speaks, as the trusted proxies say it."""
    own = "https" if meta.get("wsgi.url_scheme") == "https" else "http"
    said = _believed(meta, "HTTP_X_FORWARDED_PROTO").lower()
    return said if said in ("http", "https") else own


def is_from_here(request: HttpRequest) -> bool:
    """Asked by a program on this machine, and not passed on by a proxy that stands here too."""
    forwarded = any(name.startswith("HTTP_X_FORWARDED") or name in _FORWARDING for name in request.META)
    host = request.META.get("HTTP_HOST", "localhost").rpartition(":")[0] or request.META.get("HTTP_HOST", "localhost")
    address = _read_address(str(request.META.get("REMOTE_ADDR", "")))
    return not forwarded and host in _LOCAL_HOSTS and address is not None and ip_address(address).is_loopback


class TrustedProxiesMiddleware:
    """First of all: from here on ``REMOTE_ADDR`` and ``is_secure`` tell of the client, to whoever asks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        meta["REMOTE_ADDR"], meta["wsgi.url_scheme"] = client_address(meta) or "", client_scheme(meta)
        return self.get_response(request)


def _believed(meta: Mapping[str, Any], name: str) -> str:
    """The entry that the outermost trusted proxy wrote; "" without one. Several lines of a header are one list."""
    count: int = settings.TRUSTED_PROXIES
    entries = str(meta.get(name, "")).split(",")
    return entries[-min(count, len(entries))].strip() if count else ""


def _read_address(text: str) -> str | None:
    """The address in ``1.2.3.4``, ``1.2.3.4:5678``, ``[::1]:443`` or ``fe80::1%eth0``; None for anything else."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return str((isinstance(address, IPv6Address) and address.ipv4_mapped) or address)
