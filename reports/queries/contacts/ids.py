"""Opaque ids of contacts: deterministic, sealed, and opened again without looking through any call.

See portal/decisions/0013-contact-ids.md.
"""

from portal.lib.ids import is_sealed_id
from portal.vault import open_id, sealed_id
from reports.queries.scope import Scope

_PURPOSE = "contact"
_SHORT, _LONG = 8, 17  # bytes: up to 18 digits, up to 40; so that the length of an id tells nothing of common numbers


def contact_id(digits: str, scope: Scope) -> str:
    """A contact's id: the same for every call of the number within a tenant, and for nobody else a way to the number.

    "" for a withheld number.
    """
    return id_within(scope.tenant_id, digits)


def contact_digits_of(text: str, scope: Scope) -> str:
    """The digits behind an id of this tenant; "" for any other text, a foreign tenant's id included."""
    return digits_within(scope.tenant_id, text)


def id_within(tenant_id: int, digits: str) -> str:
    """As :func:`contact_id`, where nobody reads."""
    if not digits:
        return ""
    number = int(f"1{digits}")  # the one keeps leading zeros
    size = _SHORT if number < 1 << 8 * _SHORT else _LONG
    return sealed_id(_PURPOSE, str(tenant_id), number.to_bytes(size))


def digits_within(tenant_id: int, text: str) -> str:
    """As :func:`contact_digits_of`, where nobody reads."""
    opened = open_id(_PURPOSE, str(tenant_id), text) if is_sealed_id(text) else None
    return "" if opened is None else str(int.from_bytes(opened))[1:]
