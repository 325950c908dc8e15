"""Which calls count: the values that every question, list and file takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

MATCHES = ("contains", "begins", "ends", "exact")
TESTING = ("exclude", "include", "only")
NONE = "none"  # the word for calls without a cause, or of a number outside the Brazilian area codes


class QuestionError(ValueError):
    """What was asked can't be asked. ``errors`` maps parameter names to sentences in the active language."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which calls count. Empty means no restriction beyond the scope; ids are public ids.

    ``line`` is our own number: who called in an outbound call, who was called in any other. ``others`` are the values
    of declared filters that have no field here, by their names.
    """

    environments: tuple[UUID, ...] = ()
    agents: tuple[UUID, ...] = ()
    statuses: tuple[str, ...] = ()
    direction: str = ""
    number: str = ""
    number_match: str = "contains"  # contains, begins, ends, exact
    min_duration: float | None = None  # seconds
    max_duration: float | None = None
    testing: str = "exclude"  # exclude, include, only
    outcomes: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()  # the vendors' words, or NONE
    sides: tuple[str, ...] = ()  # on which calls ended, see reports.definitions.ended_by
    area_codes: tuple[str, ...] = ()  # two digits, or NONE
    line: str = ""  # digits, or the opaque id of a number
    weekdays: tuple[int, ...] = ()  # 1 is Monday
    hours: tuple[int, ...] = ()  # of the day, 0 to 23
    contact: str = ""  # an opaque id
    campaigns: tuple[UUID, ...] = ()  # that name the calls
    source_agents: tuple[UUID, ...] = ()  # that had dialled, of returns alone
    zone: str = ""  # that weekdays and hours are meant in; a question sets it to its own
    others: tuple[tuple[str, object], ...] = ()


def guarded(word: str) -> str:
    """A vendor's word as an element of a comma list; :func:`bare` is the way back."""
    return word.replace("%", "%25").replace(",", "%2C")


def bare(word: str) -> str:
    return word.replace("%2C", ",").replace("%2c", ",").replace("%25", "%")
