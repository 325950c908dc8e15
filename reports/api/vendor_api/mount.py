"""What both mounts share: the key bound to one environment, the wall, the headers, and errors in the vendor's form."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_exempt

from portal.audit.access import Whose, note_transcripts
from portal.audit.record import address_of
from portal.lib.times import rfc3339
from portal.privacy.pending import RETRY_AFTER
from portal.tenants import wall
from portal.tenants.database import OUTAGES, explain_to_operator
from portal.tenants.guards import reader_of_key
from portal.tenants.models.grants import Grant
from portal.tenants.models.keys import ApiKey
from portal.tenants.models.tenants import Environment, Tenant
from portal.unreadable import FAULTS, is_storable
from reports.api.auth import key_in, scope_of
from reports.api.problems import RETRY_SECONDS
from reports.queries.scope import Scope
from reports.queries.vendor_api.ledger import Rests, standing

logger = logging.getLogger("ringbook.api")


class Refusal(Exception):
    """An answer other than 200, in the vendor's form."""

    def __init__(self, status: int, body: Mapping[str, Any], *, retry_after: int = 0) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.retry_after = retry_after


@dataclass(slots=True)
class Visit:
    """One request: whose environment it reads, and with ``rests`` what of it, once that is known."""

    tenant: Tenant
    environment: Environment
    scope: Scope
    key: ApiKey
    grant: Grant
    address: str | None = None
    rests: Rests = field(default_factory=Rests)

    def note_transcripts(self, whose: Whose, subject: str) -> None:
        """Keep in the company's audit that transcripts are handed out."""
        note_transcripts(whose, subject, tenant_id=self.tenant.pk, key=self.key, address=self.address)


@dataclass(frozen=True, slots=True)
class Mount:
    """A vendor's form: how it says who is not let in or has to wait, what it does not do, and that it failed or cannot
    read."""

    provider: str
    unauthorized: Callable[[], Refusal]
    wrong_method: Callable[[], Refusal]
    failed: Callable[[], Refusal]
    unreadable: Callable[[], Refusal]
    busy: Callable[[str], Refusal]

    def get(
        self, view: Callable[..., HttpResponseBase], *, unauthorized: Callable[[], Refusal] | None = None
    ) -> Callable[..., HttpResponseBase]:
        """A view for GET, called behind the wall with the request, its :class:`Visit` and the path's values."""
        refuse = unauthorized or self.unauthorized

        @csrf_exempt
        @wraps(view)
        def answered(request: HttpRequest, **path: str) -> HttpResponseBase:
            try:
                if not is_storable([text for pair in request.GET.items() for text in pair]):
                    raise self.unreadable()
                visit = self.visit(request)
                if visit is None:
                    raise refuse()
                with wall.tenant(visit.tenant):
                    try:
                        if request.method not in ("GET", "HEAD"):
                            raise self.wrong_method()
                        response = view(request, visit, **path)
                    except Refusal as refusal:
                        response = refused(refusal)
                    _tell_standing(response, visit)
                if isinstance(response, StreamingHttpResponse):
                    response.streaming_content = wall.each(visit.tenant, response.streaming_content)  # type: ignore[arg-type]
            except Refusal as refusal:
                response = refused(refusal)
            except FAULTS:
                response = refused(self.unreadable())
            except wall.Closed:
                failure = self.failed()
                response = refused(Refusal(503, failure.body, retry_after=RETRY_AFTER))
            except OUTAGES as error:
                response = refused(self._interrupted(error))
            except Exception:
                logger.exception("an answer in the form of %s failed", self.provider)
                response = refused(self.failed())
            response["Cache-Control"] = "private, no-store"
            patch_vary_headers(response, ("Authorization",))
            return response

        return answered

    def _interrupted(self, error: Exception) -> Refusal:
        refusal, trouble = self.failed(), explain_to_operator(error)
        logger.error("an answer in the form of %s failed: %s", self.provider, trouble, exc_info=not trouble)
        if trouble:
            refusal.status, refusal.retry_after = 503, RETRY_SECONDS
        return refusal

    def visit(self, request: HttpRequest) -> Visit | None:
        """Whose key this is; None unless it is bound to an environment of this vendor that it may see."""
        secret = key_in(request.META.get("HTTP_AUTHORIZATION", "").encode("latin-1", "replace"))
        reader = reader_of_key(secret) if secret else None
        if reader is None or reader.key.environment is None or reader.key.environment.provider != self.provider:
            return None
        scope = scope_of(reader.tenant, reader.grant, reader.key.environment_id)
        if not scope.environment_ids:
            return None
        return Visit(reader.tenant, reader.key.environment, scope, reader.key, reader.grant, address_of(request))


def answer(body: bytes, status: int = 200) -> HttpResponse:
    return HttpResponse(body, status=status, content_type="application/json")


def refused(refusal: Refusal) -> HttpResponse:
    response = answer(msgspec.json.encode(refusal.body), refusal.status)
    if refusal.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if refusal.status == 405:
        response["Allow"] = "GET, HEAD"
    if refusal.retry_after:
        response["Retry-After"] = str(refusal.retry_after)
    return response


def _tell_standing(response: HttpResponseBase, visit: Visit) -> None:
    completeness = standing(visit.scope, visit.environment, visit.rests, timezone.now())
    response["X-Mirror-As-Of"] = rfc3339(completeness.as_of)
    response["X-Mirror-Complete"] = "true" if completeness.complete else "false"
