"""The completeness line: how much of the vendor's history stands behind the figures, in words."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.formats import figures
from reports.queries.answer import Completeness
from reports.queries.completeness.lacks import lacks, said
from reports.queries.completeness.words import calls_mirrored

SHOWN_GAPS = 5


@dataclass(frozen=True, slots=True)
class CompletenessLine:
    """``reason`` leads the line where nothing else in it says what is missing: all of the days read is mirrored.
    ``only`` names the environments that are not complete, where the others are.
    """

    complete: bool
    parts: tuple[str, ...]
    gaps: tuple[str, ...]
    more_gaps: int
    reason: str = ""
    only: tuple[str, ...] = ()


def completeness_line(completeness: Completeness, zone: str, *, now: datetime) -> CompletenessLine:
    """``1,211 of 1,211 calls mirrored · complete as of 14:05 · 7 corrections since``, or what is missing and why."""
    if not completeness.begun:
        parts = [_("this period is still to come")]
    elif not completeness.as_of:
        parts = [_("nothing read from the vendor yet")]
    else:
        parts = [calls_mirrored(completeness)]
        moment = {"moment": figures.moment(completeness.as_of, zone, now=now)}
        state = _("complete as of %(moment)s") if completeness.complete else _("last read at %(moment)s")
        parts.append(state % moment)
    if completeness.corrections:
        text = ngettext("%(n)s correction since", "%(n)s corrections since", completeness.corrections)
        parts.append(text % {"n": figures.decimal(completeness.corrections)})
    missing = lacks(completeness.gaps)

    def since(at: datetime) -> str:
        return figures.moment(at, zone, now=now)

    return CompletenessLine(
        complete=completeness.complete,
        parts=tuple(parts),
        gaps=tuple(said(lack, since) for lack in missing[:SHOWN_GAPS]),
        more_gaps=max(0, len(missing) - SHOWN_GAPS),
        reason=_reason(completeness),
        only=completeness.incomplete if completeness.is_partly_complete else (),
    )


def _reason(completeness: Completeness) -> str:
    if completeness.complete or not completeness.as_of:
        return ""
    if completeness.quarantined:
        return ""
    if completeness.lacks_calls:
        return ""
    if completeness.gaps:
        return _("some of its days could not be read.")
    return _("some of its days are not read yet, or lie before the first day asked of the vendor.")
