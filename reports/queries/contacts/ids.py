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
    if not digits:
        return ""
    number = int(f"1{digits}")  # the one keeps leading zeros
    size = _SHORT if number < 1 << 8 * _SHORT else _LONG
    return sealed_id(_PURPOSE, str(scope.tenant_id), number.to_bytes(size))


def contact_digits_of(text: str, scope: Scope) -> str:
    """The digits behind an id of this tenant; "" for any other text, a foreign tenant's id included."""
    opened = open_id(_PURPOSE, str(scope.tenant_id), text) if is_sealed_id(text) else None
    return "" if opened is None else str(int.from_bytes(opened))[1:]
