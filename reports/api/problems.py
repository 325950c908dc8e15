"""Every error as a problem document (RFC 9457), in the reader's language.

A foreign id and an absent one give the same bytes: the document speaks of the request's kind of fault only, and never
repeats what was sent.
"""

import logging
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from portal.lib.outward.trials import TooManyTrials
from portal.obstacles import too_many
from portal.privacy.pending import RETRY_AFTER
from portal.tenants import wall
from portal.tenants.database import explain, explain_to_operator
from portal.unreadable import FAULTS
from reports.api import forms
from reports.api.writer import write
from reports.queries.question import QuestionError
from reports.queries.run import NotNow

logger = logging.getLogger("ringbook.api")

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5  # after an outage
TYPE_PREFIX = "urn:ringbook:problem:"
BODY = "body"  # among ``errors``, what is wrong with the request's body as a whole

# status: (last part of the type, title, detail)
_KINDS = {
    400: ("parameters", gettext_lazy("Wrong parameters"), gettext_lazy("The request cannot be answered as it is.")),
    401: ("sign-in", gettext_lazy("Not signed in"), gettext_lazy("Send an API key, or sign in.")),
    403: ("forbidden", gettext_lazy("Not allowed"), gettext_lazy("You may not do this.")),
    404: ("not-found", gettext_lazy("Not found"), gettext_lazy("There is nothing here that you may see.")),
    405: ("method", gettext_lazy("Method not allowed"), gettext_lazy("This address does not take this method.")),
    406: ("media-type", gettext_lazy("Not acceptable"), gettext_lazy("This address cannot answer in that form.")),
    413: ("too-long", gettext_lazy("Too long"), gettext_lazy("This is more than one request may hold.")),
    415: ("content-type", gettext_lazy("Unsupported content type"), gettext_lazy("Send JSON.")),
    409: ("not-ready", gettext_lazy("Not ready"), gettext_lazy("This is still being made.")),
    410: ("gone", gettext_lazy("Gone"), gettext_lazy("This is not kept any more.")),
    429: ("rate", gettext_lazy("Too many requests"), gettext_lazy("Wait before you ask again.")),
    503: ("database", gettext_lazy("Temporarily unavailable"), gettext_lazy("Try again in a moment.")),
    500: ("fault", gettext_lazy("Internal error"), gettext_lazy("The fault is ours; it has been noted.")),
}


def usual(status: int) -> str:
    """What a problem of this status says where nobody said more."""
    return str(_KINDS[status][2])


class RequestRefused(exceptions.APIException):
    """A refusal whose sentence is the reader's to see."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status_code = status


class ParameterError(exceptions.ValidationError):
    """Parameters that cannot be read: sentences by parameter name."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__({name: [text] for name, text in errors.items()})


def problem(exc: Exception, context: dict[str, Any]) -> Response:
    """The exception as an answer; what nobody foresaw is logged and answered with 500."""
    set_rollback()
    if explanation := explain(exc):
        logger.error("an API request was not answered: %s", explain_to_operator(exc))
        return document(503, detail=explanation, headers={"Retry-After": str(RETRY_SECONDS)})
    if isinstance(exc, wall.Closed):
        return document(503, detail=str(exc), headers={"Retry-After": str(RETRY_AFTER)})
    if isinstance(exc, TooManyTrials):
        return document(429, detail=too_many(exc.retry_after), headers={"Retry-After": str(exc.retry_after)})
    if isinstance(exc, NotNow):
        return document(exc.status, detail=str(exc), headers={"Retry-After": str(exc.retry_after)})
    fault = _api_exception(exc)
    if fault is None:
        logger.error("an API request failed", exc_info=exc)
        return document(500)
    headers = {}
    if (seconds := getattr(fault, "wait", None)) is not None:
        headers["Retry-After"] = str(int(seconds) + 1)
    if challenge := getattr(fault, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if isinstance(fault, exceptions.ParseError):  # a body that is no JSON
        return document(400, errors={BODY: [_("Send one JSON object.")]})
    if isinstance(fault, exceptions.ValidationError):
        return document(400, errors=_by_field(fault.detail))
    says_more = isinstance(fault, exceptions.AuthenticationFailed | exceptions.PermissionDenied | RequestRefused)
    return document(fault.status_code, detail=str(fault.detail) if says_more else "", headers=headers)


def document(
    status: int, *, detail: str = "", errors: Mapping[str, list[str]] | None = None, headers: Any = None
) -> Response:
    name, title, says = _KINDS.get(status, ("other", gettext_lazy("Request failed"), ""))
    body = {
        "type": f"{TYPE_PREFIX}{name}",
        "title": str(title),
        "status": status,
        "detail": detail or str(says),
        "errors": errors,
    }
    return Response(write(forms.Problem, body), status=status, headers=headers, content_type=MEDIA_TYPE)


def _api_exception(exc: Exception) -> exceptions.APIException | None:
    if isinstance(exc, exceptions.APIException):
        return exc
    if isinstance(exc, QuestionError):
        return ParameterError(exc.errors)
    if isinstance(exc, Http404 | ObjectDoesNotExist):
        return exceptions.NotFound()
    if isinstance(exc, DjangoPermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(exc, FAULTS):  # of a body that is read only now
        return exceptions.ParseError()
    return None


def _by_field(detail: Any) -> dict[str, list[str]]:
    if isinstance(detail, Mapping):
        return {str(name) or BODY: [str(text) for text in _listed(texts)] for name, texts in detail.items()}
    return {BODY: [str(text) for text in _listed(detail)] or [_("This value is not valid.")]}


def _listed(texts: Any) -> list[Any]:
    return list(texts) if isinstance(texts, list | tuple) else [texts]
