"""What a request may not hold: text that no database keeps, and more than is read into memory."""

from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError

_NUL = "\0"
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
FAULTS = (SuspiciousOperation, BadRequest, MultiPartParserError)


class Unreadable(BadRequest):
    """Something in the request is no text that can be stored or looked up; ``field`` names it where it has a name."""

    def __init__(self, field: str = "") -> None:
        super().__init__("The address or the form holds what is no text.")
        self.field = field


def demand_readable(request: HttpRequest) -> None:
    """Raise one of ``FAULTS`` unless parameters, cookies and form can be read; a body of another kind is only measured.

    A path that can't be read is no fault: nothing is there.
    """
    if int(request.META.get("CONTENT_LENGTH") or 0) > (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0):
        raise RequestDataTooBig("The body is too long.")
    if any(_NUL in value for value in request.COOKIES.values()):
        request.COOKIES = {name: value for name, value in request.COOKIES.items() if _NUL not in value}
    fields = [request.GET, request.POST] if request.content_type in _FORMS else [request.GET]
    for name, values in (pair for each in fields for pair in each.lists()):
        if not is_storable(name):
            raise Unreadable
        if not is_storable(values):
            raise Unreadable(name)


def is_storable(value: Any) -> bool:
    """Whether a JSON value's texts can be kept: PostgreSQL takes no NUL, and half a surrogate pair has no UTF-8.

    Raises RecursionError for one that is nested too deeply.
    """
    if isinstance(value, str):
        return _NUL not in value and not any("\ud800" <= each <= "\udfff" for each in value)
    if isinstance(value, dict):
        return all(is_storable(name) and is_storable(each) for name, each in value.items())
    return not isinstance(value, list) or all(map(is_storable, value))
