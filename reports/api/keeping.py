"""What views of kept things share: who keeps, and what he sends read by name and kind."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from rest_framework.exceptions import PermissionDenied

from portal.tenants.models.people import User
from reports.api.base import ReaderView
from reports.api.problems import ParameterError
from reports.saved.keeping import Keeper, ViewRefused

T = TypeVar("T")
KINDS: Mapping[type, Callable[[], str]] = {
    str: lambda: _("This is a text."),
    bool: lambda: _("This is “true” or “false”."),
    int: lambda: _("This is a whole number."),
    list: lambda: _("This is a list of texts."),
}


class KeepingView(ReaderView):
    """``fields`` are what it takes, with their kinds; ``not_yours`` says that somebody else keeps it."""

    fields: Mapping[str, type] = {}
    not_yours: str | Promise = ""

    @property
    def keeper(self) -> Keeper:
        user: Any = self.request.user
        reader = self.reader
        return Keeper(
            reader.tenant,
            reader.role,
            user if isinstance(user, User) else None,
            reader.grant,
            reader.key.environment_id if reader.key else None,
        )

    def wishes(self) -> dict[str, Any]:
        """What was sent, each of its kind. Raises ParameterError."""
        data = self.request.data
        if not isinstance(data, Mapping):
            raise ParameterError({"": _("Send one JSON object.")})
        errors = {name: _("This parameter is not known here.") for name in data if name not in self.fields}
        for name, kind in self.fields.items():
            if name in data and not _is_of(kind, data[name]):
                errors[name] = KINDS[kind]()
        if errors:
            raise ParameterError(errors)
        return dict(data)

    def act(self, name: str, do: Callable[[], T]) -> T:
        """Do it; a refusal is told of the field ``name``."""
        try:
            return do()
        except ViewRefused as error:
            raise ParameterError({name: str(error)}) from error
        except PermissionError as error:
            raise PermissionDenied(str(error) or str(self.not_yours)) from error


def _is_of(kind: type, value: object) -> bool:
    if kind is list:
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
