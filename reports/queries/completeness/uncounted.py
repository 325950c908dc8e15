"""Days that are mirrored and stand in no column file yet: what is shown of them is not complete, and says so."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from portal.tenants.models.tenants import Environment
from reports.columns.sources import Missing
from reports.definitions.labels import NOT_COUNTED
from reports.queries.answer import Completeness, GapNote
from reports.queries.completeness.lacks import lacks, where
from sync.taxonomy import Stream

MOST_DAYS = 31  # of a span that are told one by one; a longer one is told as one


def with_uncounted(
    completeness: Completeness, missing: Iterable[Missing], environments: Mapping[int, Environment], now: datetime
) -> Completeness:
    """The completeness of a period, some of whose days cannot be answered for, or as of an earlier time only."""
    spans = list(missing)
    if not spans:
        return completeness
    names = {environments[span.environment].name for span in spans}
    moments = [at for at in (completeness.as_of, *(span.as_of for span in spans)) if at is not None]
    return replace(
        completeness,
        complete=False,
        as_of=min(moments, default=None),
        gaps=tuple(
            dict.fromkeys(
                (
                    *completeness.gaps,
                    *(note for span in spans for note in _notes(span, environments[span.environment], now)),
                )
            )
        ),
        incomplete=tuple(dict.fromkeys((*completeness.incomplete, *sorted(names)))),
    )


def not_looked_at(missing: Iterable[Missing], environments: Mapping[int, Environment], now: datetime) -> str:
    """Beside what was looked for among calls, which of them it was not looked for among; "" where it was among all."""
    notes = [note for span in missing for note in _notes(span, environments[span.environment], now)]
    if not notes:
        return ""
    places = "; ".join(where(lack) for lack in lacks(notes))
    text = _("Some calls could not be looked at, and what they would add is missing here (%(where)s).")
    return text % {"where": places}


def _notes(span: Missing, environment: Environment, now: datetime) -> Iterator[GapNote]:
    days = (span.last - span.first).days + 1
    one_by_one = days <= MOST_DAYS
    for n in range(days if one_by_one else 1):
        yield GapNote(
            environment=str(environment.public_id),
            environment_name=environment.name,
            stream=Stream.CALLS,
            part=f"{span.first}/{span.last}",
            day=span.first + timedelta(days=n) if one_by_one else None,
            days=None if one_by_one else (span.first, span.last),
            fault=NOT_COUNTED,
            since=span.as_of or now,
        )
