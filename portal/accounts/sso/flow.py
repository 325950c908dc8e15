"""The way to a provider and back: authorization code with PKCE; state and nonce live in the browser's session.

What a provider answers serves once, for the sign-in that asked for it, in the browser that began it.
"""

import hashlib
import hmac
import secrets
import time
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from portal.accounts.models import IdentityProvider
from portal.accounts.sso.claims import Claims, Expectation, read_claims
from portal.accounts.sso.discovery import Description, describe, read_document, read_keys
from portal.accounts.sso.refusals import Refused, Unusable, Why
from portal.lib.outward.trials import SIGN_INS
from portal.vault import VaultError

_KEPT = "provider_asked"
_SECONDS = 600
_LONGEST_CODE = 4096


def start_address(public_id: UUID) -> str:
    """Where people begin to sign in."""
    return f"{settings.BASE_URL}{reverse('company_start', args=[public_id])}"


def return_address(public_id: UUID) -> str:
    """Where the provider sends them back to; its administrator enters it there."""
    return f"{settings.BASE_URL}{reverse('company_return', args=[public_id])}"


def begin(request: HttpRequest, provider: IdentityProvider, target: str) -> str:
    """The address at the provider to send somebody to, who goes on to ``target`` in the end. Raises Refused."""
    try:
        with SIGN_INS.take(provider.tenant_id):
            description = describe(provider.issuer)
    except Unusable:
        raise Refused(Why.UNREACHED, "description") from None
    asked = {
        "provider": str(provider.public_id),
        "state": secrets.token_urlsafe(32),
        "nonce": secrets.token_urlsafe(32),
        "verifier": secrets.token_urlsafe(64),
        "description": description.kept(),
        "client": provider.client_id,
        "target": target,
        "at": time.time(),
    }
    request.session[_KEPT] = asked
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": return_address(provider.public_id),
        "scope": "openid email profile",
        "state": asked["state"],
        "nonce": asked["nonce"],
        "code_challenge": _challenge(str(asked["verifier"])),
        "code_challenge_method": "S256",
    }
    if provider.factor_counts and provider.factor_acr:
        query["acr_values"] = provider.factor_acr
    joint = "&" if "?" in description.authorization else "?"
    return f"{description.authorization}{joint}{urlencode(query)}"


def finish(request: HttpRequest, provider: IdentityProvider) -> tuple[Claims, str]:
    """What the provider says of whoever comes back, and where he wanted to go. Raises :class:`Refused`."""
    asked = request.session.get(_KEPT) or {}
    state = request.GET.get("state", "")
    if not asked or not hmac.compare_digest(state.encode(), asked["state"].encode()):
        raise Refused(Why.STALE, "state")
    del request.session[_KEPT]
    request.session.save()  # before the provider is asked, which takes its time: an answer serves once
    now = (str(provider.public_id), provider.issuer, provider.client_id)
    if (asked["provider"], asked["description"]["issuer"], asked["client"]) != now:
        raise Refused(Why.STALE, "provider")
    if time.time() - asked["at"] > _SECONDS:
        raise Refused(Why.STALE, "age")
    if request.GET.get("iss", provider.issuer) != provider.issuer:
        raise Refused(Why.WRONG, "iss")
    if "error" in request.GET:
        raise Refused(Why.CANCELLED, "error")
    code = request.GET.get("code", "")
    if not 0 < len(code) <= _LONGEST_CODE:
        raise Refused(Why.WRONG, "code")
    return _claims(provider, asked, code), asked["target"]


def _claims(provider: IdentityProvider, asked: dict[str, Any], code: str) -> Claims:
    description = Description(**asked["description"])
    try:
        with SIGN_INS.take(provider.tenant_id):
            answer = _redeem(provider, description, {"code": code, "code_verifier": asked["verifier"]})
            keys = read_keys(description.keys)
    except (Unusable, VaultError):
        raise Refused(Why.UNREACHED, "code") from None
    return read_claims(answer.get("id_token"), keys, Expectation(provider.issuer, provider.client_id, asked["nonce"]))


def _redeem(provider: IdentityProvider, description: Description, proof: dict[str, str]) -> Any:
    form = {"grant_type": "authorization_code", "redirect_uri": return_address(provider.public_id), **proof}
    secret = provider.client_secret.reveal()
    if description.posts_secret:
        return read_document(description.token, form={**form, "client_id": provider.client_id, "client_secret": secret})
    return read_document(description.token, form=form, login=(quote(provider.client_id, ""), quote(secret, "")))


def _challenge(verifier: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
