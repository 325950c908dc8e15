"""One thing that is wrong: what, whose, how many, since when, and where it is mended."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    """In the order in which they are shown: what stops everything first."""

    QUEUES = "queues", _("Work that nobody does")
    STORAGE = "storage", _("Storage")
    TOKENS = "tokens", _("Rejected tokens")
    FAILING = "failing", _("Connections that fail")
    STALE = "stale", _("Streams that nobody reads")
    MAILS = "mails", _("Mails that did not leave")
    ERASURES = "erasures", _("Erasures not done")
    COLUMNS = "columns", _("Column files behind")
    GAPS = "gaps", _("Gaps")
    QUARANTINE = "quarantine", _("Elements in quarantine")


@dataclass(frozen=True, slots=True)
class Wrong:
    """``key`` is of this one problem, the same each time it is looked for. ``whose`` is the same in every language.

    ``link`` leads to where it is mended and ``act`` says how; an act that is a press of a button is ``posted`` to it.
    ``alarming`` is what administrators are written to about.
    """

    kind: Kind
    key: str
    what: str
    whose: str = ""
    count: int = 1
    since: datetime | None = None
    link: str = ""
    act: str = ""
    posted: bool = False
    alarming: bool = False


def listed(model: str, **chosen: object) -> str:
    """The address of a list of the console, narrowed."""
    return f"{reverse(f'admin:{model}_changelist')}?{urlencode(chosen)}"


def by_kind(wrongs: Iterable[Wrong]) -> list[tuple[Kind, list[Wrong]]]:
    """Those of each kind that there are, the oldest first."""
    rows = list(wrongs)
    groups = [(kind, [row for row in rows if row.kind == kind]) for kind in Kind]
    return [(kind, sorted(group, key=_age)) for kind, group in groups if group]


def _age(row: Wrong) -> tuple[float, str]:
    return (row.since.timestamp() if row.since else 0.0, row.whose)
