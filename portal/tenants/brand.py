"""A tenant's brand: how its pages and mails look, whom they come from, and under which host name it is found.

The brand of a page is that of its tenant; of a page before sign-in, that of the tenant whose host name was asked. All
else looks like Ringbook.
"""

from dataclasses import dataclass
from email.utils import formataddr, parseaddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.http.request import validate_host
from django.utils.functional import SimpleLazyObject

from portal.lib import colours
from portal.tenants.models.tenants import DARK_GROUNDS, LIGHT_GROUNDS, Tenant

_AT_HOST = "tenant_at_host"  # what a request knows once it was asked
_WHITE, _BLACK, _SOFT = "#ffffff", "#0d1615", 0.1
_MIDDLE = 4.6  # the contrast of Ringbook's own bars with white


@dataclass(frozen=True, slots=True)
class Look:
    """What templates show. ``css`` and ``logo`` are addresses, or ""; ``accent`` and ``dark`` colours for mails."""

    name: str = "Ringbook"
    accent: str = "#0b6b62"
    dark: str = "#5cc4b4"
    css: str = ""
    logo: str = ""


RINGBOOK = Look()


def look_of(tenant: Tenant, *, at_host: bool = False, place: str = "") -> Look:
    """The tenant's look; ``at_host`` for pages that are read before anybody is known, ``place`` for one that has its
    stylesheet and its logo at addresses of its own."""
    place, version = place or ("/brand" if at_host else f"/t/{tenant.slug}/brand"), tenant.brand_version
    return Look(
        name=tenant.brand_name or RINGBOOK.name,
        accent=tenant.accent or RINGBOOK.accent,
        dark=on_dark(tenant.accent) if tenant.accent else RINGBOOK.dark,
        css=f"{place}.css?v={version}" if tenant.accent else "",
        logo=f"{place}/logo?v={version}" if tenant.has_logo else "",
    )


def look(request: HttpRequest) -> dict[str, Any]:
    """A template's ``look``; what it costs, it costs when it is shown."""
    return {"look": SimpleLazyObject(lambda: _look_at(request))}


def _look_at(request: HttpRequest) -> Look:
    tenant = getattr(request, "tenant", None)
    if tenant is not None:
        return look_of(tenant)
    tenant = tenant_at(request)
    return RINGBOOK if tenant is None else look_of(tenant, at_host=True)


def tenant_at(request: HttpRequest) -> Tenant | None:
    """Whose host name the browser asked for. No query under the portal's own, and one for each request otherwise."""
    known = vars(request)
    if _AT_HOST not in known:
        known[_AT_HOST] = _asked_for(request)
    tenant: Tenant | None = known[_AT_HOST]
    return tenant


def _asked_for(request: HttpRequest) -> Tenant | None:
    try:
        host = urlsplit(f"//{request.get_host()}").hostname or ""
    except (DisallowedHost, ValueError):
        return None
    if host == urlsplit(settings.BASE_URL).hostname:
        return None
    return Tenant.objects.filter(host=host, active=True).first()


def address_of(tenant: Tenant) -> str:
    """Where the tenant's people find the portal: without a slash at its end, as BASE_URL, which it is by default."""
    if not tenant.host or not validate_host(tenant.host, settings.ALLOWED_HOSTS):
        return str(settings.BASE_URL)
    base = urlsplit(settings.BASE_URL)
    port = f":{base.port}" if base.port else ""
    return f"{base.scheme}://{tenant.host}{port}{base.path}"


def sender_of(tenant: Tenant) -> str:
    """From whom the tenant's mails come. An address whose domain is none of SENDER_DOMAINS any more is not used."""
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    own = tenant.sender_address
    allowed = own.rpartition("@")[2].lower() in settings.SENDER_DOMAINS
    return formataddr((tenant.sender_name or tenant.brand_name or name, own if own and allowed else address))


def on_dark(accent: str) -> str:
    """The colour as it is read on dark pages."""
    return colours.readable(accent, (*DARK_GROUNDS, colours.mixed(DARK_GROUNDS[0], accent, _SOFT)), towards=_WHITE)


def stylesheet(accent: str) -> str:
    """What a tenant's colour changes of ringbook.css."""
    dark = on_dark(accent)
    soft = _ground(accent, LIGHT_GROUNDS[0]), _ground(dark, DARK_GROUNDS[0])
    return (
        ":root {\n"
        f"  --accent: light-dark({accent}, {dark});\n"
        f"  --accent-ink: light-dark({_WHITE}, {_BLACK});\n"
        f"  --accent-soft: light-dark({soft[0]}, {soft[1]});\n"
        f"  --bar-1: light-dark({_bar(accent)}, {dark});\n"
        f"  --deep: light-dark({accent}, {dark});\n"
        "}\n"
    )


def _bar(accent: str) -> str:
    """The colour, light enough that ink is read on its mixtures with paper: squares of a map are such."""
    shades = (colours.mixed(accent, _WHITE, step / 50) for step in range(51))
    return next(each for each in shades if colours.contrast(each, _WHITE) <= _MIDDLE)


def _ground(accent: str, sheet: str) -> str:
    """A touch of the colour, on which the colour itself is still read."""
    touches = (colours.mixed(sheet, accent, _SOFT * step / 5) for step in range(5, 0, -1))
    return next((each for each in touches if colours.contrast(each, accent) >= colours.TEXT), sheet)
