"""Where mail servers and providers tell what became of mails: ``POST /hooks/mail/<form>``, with a secret or signed.

Without the secret each request is answered by the same 401, and what is not signed as its form demands by 403; with it
the answer is the same for messages that exist and that do not. Wrong secrets are not counted: nobody finds a long one
by guessing, and a limit would refuse the right one from the same address.
"""

import base64
import binascii
import logging

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from portal.lib.outward.errors import Unreachable
from portal.outbox import sns, vouching
from portal.outbox.doubts import Doubtful
from portal.outbox.feedback import hear
from portal.outbox.returned import FORGEABLE, FORMS, LONGEST, Unreadable, words_of

logger = logging.getLogger("ringbook.outbox")


@csrf_exempt
@never_cache
@require_POST
def mail_hook(request: HttpRequest, form: str) -> HttpResponse:
    try:
        if vouching.is_signed(form):
            vouching.demand_signed(form, _body(request), request.headers)
        elif not _knows_secret(request):
            return _unknown(form)
        if form not in FORMS:
            return JsonResponse({}, status=404)
        new = hear(words_of(form, _body(request)), vouched=form not in FORGEABLE)
        if form == "ses":
            sns.confirm(_body(request))
    except Doubtful as doubt:
        logger.warning("what came as from %s was not signed by it: %s", form, doubt)
        return _unknown(form)
    except Unreachable as obstacle:  # whoever told tells again
        logger.warning("what came as from %s was not heard: %s", form, obstacle.detail)
        return JsonResponse({}, status=503)
    except RequestDataTooBig:
        return JsonResponse({}, status=413)
    except Unreadable:
        return JsonResponse({}, status=400)
    if new:
        logger.info("%d words about mails were heard", new)
    return JsonResponse({})


def _unknown(form: str) -> HttpResponse:
    if vouching.is_signed(form):
        return JsonResponse({}, status=403)
    return JsonResponse({}, status=401, headers={"WWW-Authenticate": 'Basic realm="mail"'})


def _body(request: HttpRequest) -> bytes:
    """Raises RequestDataTooBig before more is read than any form may have."""
    if int(request.META.get("CONTENT_LENGTH") or 0) > LONGEST:
        raise RequestDataTooBig
    return request.body


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
