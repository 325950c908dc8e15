"""Text fit for mail headers and address columns."""

import unicodedata

from django.core.validators import validate_email

_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn"}  # control, format (direction marks are among them), surrogates, unassigned


def one_line(text: str, *, limit: int = 250) -> str:
    """Text without line ends, control or direction-changing characters, one space between words."""
    spaced = (" " if char.isspace() else char for char in text)
    seen = "".join(char for char in spaced if unicodedata.category(char) not in _UNSEEN)
    return " ".join(seen.split())[:limit]


def normalised(address: str) -> str:
    """The form an address is kept and compared in; raises ValidationError when it is none."""
    address = address.strip().lower()
    validate_email(address)
    return address
