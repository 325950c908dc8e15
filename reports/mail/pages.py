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

from portal.formats import figures
from reports.mail import consent, links
from reports.mail.links import Pointer
from reports.mail.models import Recipient


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    pointer = _pointer(token, links.CONFIRM)
    if request.method == "POST":
        consent.confirm(pointer)
    recipient = consent.find(pointer)
    confirmed = recipient is not None and recipient.confirmed_at is not None
    return _answer(request, "mail/confirm.html", recipient, {"confirmed": confirmed})


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, token: str) -> HttpResponse:
    """What comes to the reader's address; sent without more, as mail programs do, it leaves the link's own mail."""
    pointer = _pointer(token, links.LEAVE)
    if request.method == "POST":
        _act(request, pointer)
    recipient = consent.find(pointer)
    places = consent.places(pointer)
    language = recipient.language if recipient else translation.get_language()
    with translation.override(language):
        lines = [(place, _rhythm(place)) for place in places]
    standing = [place for place in places if not place.gone]
    context = {"lines": lines, "standing": standing, "languages": settings.LANGUAGES, "recipient": recipient}
    return _answer(request, "mail/leave.html", recipient, context)


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


def _rhythm(place: Recipient) -> str:
    """How often it comes, and when next."""
    row = place.subscription
    words = [row.get_kind_display()]
    if row.active and row.next_due is not None and place.left_at is None:
        words.append(figures.moment(row.next_due, row.zone, now=timezone.now()))
    return " · ".join(words)


def _answer(
    request: HttpRequest, template: str, recipient: Recipient | None, context: dict[str, object]
) -> HttpResponse:
    with translation.override(recipient.language if recipient else translation.get_language()):
        about = {
            "subscription": recipient.subscription if recipient else None,
            "tenant": recipient.tenant if recipient else None,
            "gone": recipient is None or recipient.gone,
        }
        return render(request, template, about | context)
