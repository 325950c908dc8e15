"""Confirming, leaving and managing mails without an account. Opening a page changes nothing; pressing its button does.

Mail programs press the button of leaving themselves (RFC 8058), without a page, a cookie or a token of the form, so
these two take a POST from anywhere: the link itself is the proof. The page of leaving is also where its reader finds
all mails of the company to his address.
"""

from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from reports.mail import consent, links
from reports.mail.links import Pointer
from reports.mail.readers import Reader


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    pointer = _pointer(token, links.CONFIRM)
    if request.method == "POST":
        consent.confirm(pointer)
    reader = consent.find(pointer)
    confirmed = reader is not None and reader.confirmed_at is not None
    return _answer(request, "mail/confirm.html", reader, {"confirmed": confirmed})


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, token: str) -> HttpResponse:
    """What comes to the reader's address; sent without more, as mail programs do, it leaves the link's own mail."""
    pointer = _pointer(token, links.LEAVE)
    if request.method == "POST":
        _act(request, pointer)
    reader = consent.find(pointer)
    places = consent.places(pointer)
    with translation.override(_language(reader)):
        now = timezone.now()
        lines = [(place, place.comes(now)) for place in places]
    standing = [place for place in places if not place.gone]
    context = {"lines": lines, "standing": standing, "languages": settings.LANGUAGES, "language": _language(reader)}
    return _answer(request, "mail/leave.html", reader, context)


def _act(request: HttpRequest, pointer: Pointer) -> None:
    act = request.POST.get("act", "")
    if act == "all":
        consent.leave_all(pointer)
    elif act == "language":
        consent.speak(pointer, request.POST.get("language", ""))
    elif act == "one":
        try:
            consent.leave_one(pointer, UUID(request.POST.get("mail", "")))
        except ValueError as error:
            raise Http404 from error
    else:
        consent.leave(pointer)


def _pointer(token: str, purpose: str) -> Pointer:
    try:
        return links.read(token, purpose)
    except links.BadLink as error:
        raise Http404 from error


def _answer(request: HttpRequest, template: str, reader: Reader | None, context: dict[str, object]) -> HttpResponse:
    with translation.override(_language(reader)):
        about = {
            "read": reader.read if reader else None,
            "offer": reader.offer() if reader else "",
            "tenant": reader.tenant if reader else None,
            "gone": reader is None or reader.gone,
        }
        return render(request, template, about | context)


def _language(reader: Reader | None) -> str | None:
    return reader.tongue if reader else translation.get_language()
