"""Where mail servers and providers tell what became of mails: ``POST /hooks/mail/<form>``, with a secret.

Whoever does not know the secret reads the same 401, whatever he asks for; whoever does, the same answer for messages
that there are and that there are not.
"""

import base64
import binascii
import logging

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from portal.accounts.limits import Guess
from portal.outbox.feedback import hear
from portal.outbox.returned import FORMS, LONGEST, Unreadable, words_of

logger = logging.getLogger("ringbook.outbox")


@csrf_exempt
@never_cache
@require_POST
def mail_hook(request: HttpRequest, form: str) -> HttpResponse:
    guess = Guess(request, "hook", "")
    if not guess.is_allowed() or not _knows_secret(request):
        return JsonResponse({}, status=401, headers={"WWW-Authenticate": 'Basic realm="mail"'})
    guess.take_back()
    if form not in FORMS:
        return JsonResponse({}, status=404)
    if int(request.META.get("CONTENT_LENGTH") or 0) > LONGEST:
        return JsonResponse({}, status=413)
    try:
        new = hear(words_of(form, request.body))
    except Unreadable:
        return JsonResponse({}, status=400)
    if new:
        logger.info("%d words about mails were heard", new)
    return JsonResponse({})


def _knows_secret(request: HttpRequest) -> bool:
    """By ``Authorization``: a bearer, or the password of Basic, as ``https://user:password@host/`` sends it."""
    scheme, _space, told = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            told = base64.b64decode(told, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            told = ""
    elif scheme.lower() != "bearer":
        told = ""
    known = settings.MAIL_HOOK_SECRET
    return bool(known) and constant_time_compare(told, known)
