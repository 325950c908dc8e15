"""Browsers that somebody has signed in from before.

Such a browser keeps a signed cookie. It proves nothing about the person, and opens nothing: it takes its holder past
the limits that strangers can use up for an account or an address, into a limit of its own.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import get_random_string

COOKIE = "ringbook_device"
_AGE = timedelta(days=365)
_MOST_PEOPLE = 5  # of one browser, the latest ones
_SALT = "portal.accounts.devices"


def known_device(request: HttpRequest, email: str) -> str:
    """The id of this browser if the person of that address has signed in from it; "" for any other browser."""
    return _read(request).get(email.strip().lower(), "")


def device_of(request: HttpRequest) -> str:
    """The id of this browser, whoever has signed in from it; "" for one that nobody has."""
    return next(reversed(_read(request).values()), "")


def remember_device(request: HttpRequest, response: HttpResponse, email: str) -> None:
    """Know this browser from now on, for a year after the latest sign-in."""
    people = _read(request)
    email = email.lower()
    device = people.pop(email, "") or get_random_string(20)
    kept = [*people.items(), (email, device)][-_MOST_PEOPLE:]
    response.set_cookie(
        COOKIE,
        signing.dumps(kept, salt=_SALT, compress=True),
        max_age=_AGE,
        path="/accounts/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _read(request: HttpRequest) -> dict[str, str]:
    if COOKIE not in request.COOKIES:
        return {}
    try:
        people: Any = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=_AGE)
    except signing.BadSignature:
        return {}
    return {str(email): str(device) for email, device in people}
