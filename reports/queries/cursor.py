"""Opaque places in a list: the row a page begins after, found again by key however the list has grown."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from json import dumps, loads
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from reports.definitions.filters import QuestionError

Row = TypeVar("Row", bound=Model)
Place = tuple[datetime, UUID] | tuple[datetime, UUID, int]
_LONGEST_NUMBER = 18  # digits: less than a key of the database may have


class CursorError(QuestionError):
    """What was asked for as a place in a list is none of it."""

    def __init__(self, sentence: str) -> None:
        super().__init__({"cursor": sentence})


@dataclass(frozen=True, slots=True)
class Cursor:
    """The row a page begins after, and whether it goes back from there. ``of`` names the list and its order. A row
    without a key of its own is told by the key of what it is in, and its ``place`` there.
    """

    of: str
    back: bool
    at: datetime
    key: UUID
    place: int = 0

    def text(self) -> str:
        parts = [self.of, int(self.back), self.at.isoformat(), self.key.hex, *([self.place] if self.place else [])]
        return sealed(dumps(parts, separators=(",", ":")))

    @classmethod
    def read(cls, text: str, of: str) -> "Cursor | None":
        """None without a text; raises CursorError for one that is no cursor of this list."""
        if not text:
            return None
        try:
            list_name, back, at, key, *place = loads(opened(text))
            cursor = cls(list_name, back == 1, datetime.fromisoformat(at).astimezone(UTC), UUID(key), *map(int, place))
        except (ValueError, TypeError, AttributeError, OverflowError):
            raise CursorError(_("This is no cursor of a page.")) from None
        if cursor.of != of:
            raise CursorError(_("This cursor is of another list, or of another order."))
        return cursor


def edges(of: str, places: Sequence[Place], cursor: Cursor | None, *, more: bool) -> tuple[str, str]:
    """The cursors of the next and the previous page of a page with these rows; ``more`` lie in the way it went."""
    if not places:
        return "", ""
    back = cursor is not None and cursor.back
    ahead, behind = (cursor is not None, more) if back else (more, cursor is not None)
    following = Cursor(of, False, *places[-1]).text() if ahead else ""
    return following, Cursor(of, True, *places[0]).text() if behind else ""


@dataclass(frozen=True, slots=True)
class KeyPage(Generic[Row]):
    """``next`` and ``previous`` are cursors, empty where there is no further page."""

    rows: list[Row]
    next: str
    previous: str


def page_by_key(rows: QuerySet[Row], text: str, size: int, *, of: str) -> KeyPage[Row]:
    """Some of the rows, the greatest key first, from where a cursor says; raises CursorError."""
    text_on, text_back = f"{of}-on", f"{of}-back"
    back = text != "" and _parts(text)[0] == text_back
    key = read_number(text, text_back if back else text_on)
    ordered: QuerySet[Any] = rows.order_by("pk" if back else "-pk")
    if key is not None:
        ordered = ordered.filter(pk__gt=key) if back else ordered.filter(pk__lt=key)
    found = list(ordered[: size + 1])
    more, found = len(found) > size, found[:size]
    if back:
        found.reverse()
    if not found:
        return KeyPage([], "", "")
    ahead, behind = (True, more) if back else (more, text != "")
    following = number_text(text_on, found[-1].pk) if ahead else ""
    return KeyPage(found, following, number_text(text_back, found[0].pk) if behind else "")


def number_text(of: str, number: int) -> str:
    """A cursor that is a number of the list ``of``: a key, or a place."""
    return sealed(f"{of}:{number}")


def read_number(text: str, of: str) -> int | None:
    """None without a text; raises CursorError for one that is no such cursor of this list."""
    if not text:
        return None
    name, number = _parts(text)
    if name != of or not number.isdecimal() or len(number) > _LONGEST_NUMBER:
        raise CursorError(_("This is no cursor of a page."))
    return int(number)


def sealed(text: str) -> str:
    """A text as it may stand in an address."""
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def opened(text: str) -> str:
    """The way back; raises ValueError."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")


def _parts(text: str) -> tuple[str, str]:
    try:
        name, _colon, number = opened(text).rpartition(":")
    except ValueError:
        raise CursorError(_("This is no cursor of a page.")) from None
    return name, number
