"""What is missing, told by environment, streams and spans of days: one line for a week that could not be read, not one
for each of its days and streams. Pure.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext as _

from portal.formats import figures
from reports.definitions.labels import FAULT_LABELS, STREAM_LABELS
from reports.definitions.periods import in_a_row
from reports.queries.answer import GapNote
from reports.queries.completeness.words import elements_unread

MOST_SPANS = 3
Span = tuple[date, date]  # both included


@dataclass(frozen=True, slots=True)
class Lack:
    """Days of some streams of one environment that are missing for one reason. ``spans`` is empty where a stream is no
    days, ``since`` when the first of it was noticed.
    """

    environment: str
    streams: tuple[str, ...]
    spans: tuple[Span, ...]
    fault: str
    since: datetime
    quarantined: int = 0


def lacks(notes: Iterable[GapNote]) -> tuple[Lack, ...]:
    """The gaps put together, in the order they come."""
    by_stream: dict[tuple[str, str, str, str], list[GapNote]] = defaultdict(list)
    for note in notes:
        by_stream[note.environment, note.environment_name, note.stream, note.fault].append(note)
    joined: dict[tuple[str, str, str, tuple[Span, ...]], list[tuple[str, list[GapNote]]]] = defaultdict(list)
    for (key, name, stream, fault), gaps in by_stream.items():
        days = {note.day for note in gaps if note.day is not None}
        spans = sorted({*in_a_row(days), *(note.days for note in gaps if note.days is not None)})
        joined[key, name, fault, tuple(spans)].append((stream, gaps))
    return tuple(
        Lack(
            environment=name,
            streams=tuple(stream for stream, _gaps in members),
            spans=spans,
            fault=fault,
            since=min(note.since for _stream, gaps in members for note in gaps),
            quarantined=sum(note.quarantined for _stream, gaps in members for note in gaps),
        )
        for (_key, name, fault, spans), members in joined.items()
    )


def where(lack: Lack) -> str:
    """``Sales: calls and callbacks, 17–22 Nov``."""
    streams = [str(STREAM_LABELS.get(stream, stream)) for stream in lack.streams]
    listed = ", ".join(streams[:-1])
    listed = _("%(first)s and %(last)s") % {"first": listed, "last": streams[-1]} if listed else streams[-1]
    days = _days(lack.spans)
    return f"{lack.environment}: {listed}{f', {days}' if days else ''}"


def why(lack: Lack) -> str:
    return elements_unread(lack.quarantined) if lack.quarantined else str(FAULT_LABELS.get(lack.fault, lack.fault))


def said(lack: Lack, moment: Callable[[datetime], str]) -> str:
    """``Sales: calls and callbacks, 17–22 Nov, since 08:30 (the vendor rejected the token)``."""
    words = {"where": where(lack), "moment": moment(lack.since), "fault": why(lack)}
    return _("%(where)s, since %(moment)s (%(fault)s)") % words


def _days(spans: Sequence[Span]) -> str:
    if len(spans) <= MOST_SPANS:
        return ", ".join(figures.short_days(*span) for span in spans)
    days = sum((last - first).days + 1 for first, last in spans)
    return _("%(n)s days of %(days)s") % {
        "n": figures.decimal(days),
        "days": figures.short_days(spans[0][0], spans[-1][1]),
    }
