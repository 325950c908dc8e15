"""What an ID token says, once nothing about it is wrong."""

import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from jwt import PyJWK, PyJWKSet

from portal.accounts.sso.discovery import ALGORITHMS
from portal.accounts.sso.refusals import Refused, Why

_LEEWAY = 60  # seconds that two clocks may differ
_OLDEST = 600  # seconds since a token was made
_LONGEST = 32 * 1024

# Methods of RFC 8176 by what they show: knowing, having, being. Two of these are two factors.
_SHOWN = (
    {"pwd", "pin", "kba"},
    {"otp", "hwk", "swk", "sms", "tel", "sc", "pop"},
    {"face", "fpt", "iris", "retina", "vbm"},
)


@dataclass(frozen=True, slots=True)
class Expectation:
    """Whose token it has to be, for whom, and as the answer to which question."""

    issuer: str
    client_id: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Claims:
    subject: str
    email: str
    email_denied: bool  # the provider says in so many words that it has not verified the address
    name: str
    methods: frozenset[str]
    acr: str

    def tells_of_factor(self, acr: str) -> bool:
        """Whether a second factor was asked for; ``acr`` is the word of the provider for that, if it has one."""
        shown = sum(bool(self.methods & kind) for kind in _SHOWN)
        return "mfa" in self.methods or shown > 1 or bool(acr and self.acr == acr)


def read_claims(token: Any, keys: PyJWKSet, expected: Expectation) -> Claims:
    """Raises :class:`Refused`, whose fault names what is wrong."""
    told = _checked(token, keys, expected)
    if not hmac.compare_digest(str(told.get("nonce", "")).encode(errors="replace"), expected.nonce.encode()):
        raise _wrong("nonce")
    several = isinstance(told["aud"], list) and len(told["aud"]) > 1
    if told.get("azp", None if several else expected.client_id) != expected.client_id:
        raise _wrong("azp")
    if told["iat"] < time.time() - _OLDEST:
        raise _wrong("iat")
    subject = told["sub"]
    if not subject or len(subject) > 255 or not subject.isprintable():
        raise _wrong("sub")
    methods = told.get("amr")
    methods = methods if isinstance(methods, list) else []
    return Claims(
        subject=subject,
        email=_text(told.get("email"), 254).lower(),
        email_denied=told.get("email_verified", True) not in (True, "true"),
        name=_text(told.get("name"), 120),
        methods=frozenset(word for word in methods if isinstance(word, str)),
        acr=_text(told.get("acr"), 200),
    )


def _checked(token: Any, keys: PyJWKSet, expected: Expectation) -> Mapping[str, Any]:
    """The claims of a token of a known key, with issuer, audience and times as they have to be."""
    if not isinstance(token, str) or len(token) > _LONGEST:
        raise _wrong("token")
    try:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            raise _wrong("alg")
        claims: Mapping[str, Any] = jwt.decode(
            token,
            _key(keys, algorithm, header.get("kid")).key,
            algorithms=[algorithm],
            audience=expected.client_id,
            issuer=expected.issuer,
            leeway=_LEEWAY,
            options={"require": ["iss", "aud", "exp", "iat", "sub"], "enforce_minimum_key_length": True},
        )
    except jwt.PyJWTError as error:
        raise _wrong(_FAULTS.get(type(error), "token")) from None
    if not isinstance(claims["iat"], int | float):
        raise _wrong("iat")
    return claims


_FAULTS: dict[type[Exception], str] = {
    jwt.InvalidSignatureError: "signature",
    jwt.InvalidAudienceError: "aud",
    jwt.InvalidIssuerError: "iss",
    jwt.ExpiredSignatureError: "exp",
    jwt.ImmatureSignatureError: "iat",
    jwt.InvalidIssuedAtError: "iat",
    jwt.InvalidKeyError: "key",
}


def _key(keys: PyJWKSet, algorithm: str, kid: Any) -> PyJWK:
    """The key that a token names, or the only one there is for its algorithm where it names none."""
    fitting = [
        key
        for key in keys.keys
        if key.algorithm_name == algorithm
        and key.public_key_use in (None, "sig")
        and (kid is None or key.key_id == kid)
    ]
    if len(fitting) != 1:
        raise _wrong("key")
    return fitting[0]


def _text(value: Any, most: int) -> str:
    text = value.strip() if isinstance(value, str) else ""
    return text if len(text) <= most and text.isprintable() else ""


def _wrong(fault: str) -> Refused:
    return Refused(Why.WRONG, fault)
