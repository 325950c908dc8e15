"""Opaque ids of contacts: deterministic, sealed, and opened again without looking through any call.

See portal/decisions/0013-contact-ids.md.
"""

import re

from portal.vault import open_id, sealed_id
from reports.scope import Scope

_PURPOSE = "contact"
_FORM = re.compile(r"[A-Za-z0-9_-]{32}|[A-Za-z0-9_-]{44}")
_SHORT, _LONG = 8, 17  # bytes: up to 18 digits, up to 40; so that the length of an id tells nothing of common numbers


def contact_id(digits: str, scope: Scope) -> str:
    """A contact's id: the same for every call of the number within a tenant, and for nobody else a way to the number.

    "" for a withheld number.
    """
    if not digits:
        return ""
    number = int(f"1{digits}")  # the one keeps leading zeros
    size = _SHORT if number < 1 << 8 * _SHORT else _LONG
    return sealed_id(_PURPOSE, str(scope.tenant_id), number.to_bytes(size))


def contact_digits_of(text: str, scope: Scope) -> str:
    """The digits behind an id of this tenant; "" for any other text, a foreign tenant's id included."""
    opened = open_id(_PURPOSE, str(scope.tenant_id), text) if looks_like_id(text) else None
    return "" if opened is None else str(int.from_bytes(opened))[1:]


def looks_like_id(text: str) -> bool:
    """Whether a text has the form of an id, and so is no number."""
    return bool(_FORM.fullmatch(text)) and not text.isdecimal()
