"""What a provider says of itself, and its keys. Both are read anew for each sign-in, so keys rotate by themselves."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
from django.conf import settings
from django.utils.translation import gettext as _
from jwt import PyJWKSet
from jwt.exceptions import PyJWTError

from portal.accounts.sso.refusals import Unusable
from portal.lib.outward.addresses import read_base
from portal.lib.outward.asking import ask
from portal.lib.outward.errors import Obstacle, Unreachable

ALGORITHMS = {"RS256", "ES256"}
_PAGE = "/.well-known/openid-configuration"
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Description:
    issuer: str
    authorization: str
    token: str
    keys: str
    posts_secret: bool  # beside the code, rather than in the header

    def kept(self) -> dict[str, Any]:
        return asdict(self)


def describe(issuer: str) -> Description:
    """Ask the issuer. Raises :class:`Unusable`."""
    document = read_document(issuer.rstrip("/") + _PAGE)
    told = str(document.get("issuer", ""))[:_LONGEST]
    if told != issuer:
        raise Unusable(_("The provider calls itself “%(issuer)s”: that is its issuer.") % {"issuer": told})
    methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    if not {"client_secret_basic", "client_secret_post"} & set(_words(methods)):
        raise Unusable(_("The provider takes no client secret."))
    signed = _words(document.get("id_token_signing_alg_values_supported") or ["RS256"])
    if not ALGORITHMS & set(signed):
        raise Unusable(_("The provider signs by neither RS256 nor ES256."))
    return Description(
        issuer=issuer,
        authorization=_address(document, "authorization_endpoint"),
        token=_address(document, "token_endpoint"),
        keys=_address(document, "jwks_uri"),
        posts_secret="client_secret_basic" not in _words(methods),
    )


def read_keys(address: str) -> PyJWKSet:
    """The provider's keys of kinds that are known. Raises :class:`Unusable`."""
    document = read_document(address)
    try:
        return PyJWKSet.from_dict(dict(document))
    except (PyJWTError, TypeError, ValueError, AttributeError, KeyError):
        raise Unusable(_("The provider names no key that is understood.")) from None


def read_document(
    address: str, *, form: Mapping[str, str] | None = None, login: tuple[str, str] | None = None
) -> Mapping[str, Any]:
    """The JSON object of an address of the provider's. Raises :class:`Unusable`."""
    try:
        reply = ask(address, allow_private=settings.UPSTREAM_ALLOW_PRIVATE, form=form, login=login)
    except Unreachable as error:
        raise Unusable(_OBSTACLES[error.obstacle]()) from None
    if reply.status != 200:
        raise Unusable(_("The provider answers with status %(status)d.") % {"status": reply.status})
    try:
        document = msgspec.json.decode(reply.content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise Unusable(_("The provider answers with something else than its description."))
    return document


_OBSTACLES = {
    Obstacle.ADDRESS: lambda: _("This address is not allowed: it has to be https, and on the public internet."),
    Obstacle.NETWORK: lambda: _("The provider is not reached."),
    Obstacle.TIMEOUT: lambda: _("The provider does not answer in time."),
}


def _address(document: Mapping[str, Any], name: str) -> str:
    address = document.get(name)
    try:
        if not isinstance(address, str) or len(address) > _LONGEST:
            raise Unreachable(Obstacle.ADDRESS, name)
        # The address of signing in may hold a query of its own.
        bare = address.partition("?")[0] if name == "authorization_endpoint" else address
        read_base(bare, allow_private=settings.UPSTREAM_ALLOW_PRIVATE)
        if "#" in address or not address.isprintable() or " " in address:
            raise Unreachable(Obstacle.ADDRESS, name)
    except Unreachable:
        raise Unusable(_("The provider's “%(name)s” is no address that may be used.") % {"name": name}) from None
    return address


def _words(value: Any) -> list[str]:
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []
