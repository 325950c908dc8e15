"""Everything a report is made of: the answers to its questions, and whom they are for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from portal.tenants.brand import RINGBOOK, Look
from reports.definitions.periods import Period, previous
from reports.files.table import Facts as TableFacts
from reports.mail.beside import CallbackLoop, Correction, seal
from reports.mail.due import Kind, baseline
from reports.mail.sections import SECTIONS
from reports.queries.answer import Answer, Cell, Completeness
from reports.queries.before import known_before
from reports.queries.callbacks.story import Source
from reports.queries.campaigns.progress import Progress
from reports.queries.highlights import LOOKED_AT, streak_over
from reports.queries.question import Filters, Question
from reports.queries.scope import Scope

HEADLINES = (
    "attempts",
    "connect_rate",
    "average_duration",
    "callbacks_received",
    "callbacks_answered",
    "still_open",
)
SHORT_CALLS = ("short_call_share_3s", "short_call_share_6s")  # of all calls that are over, as the regulator counts
SHORT_TALKS = ("short_connected_share_3s", "short_connected_share_6s")
DEFINED = {  # by its section, the figures whose definition a mail with it holds
    "headlines": HEADLINES,
    "short_calls": SHORT_CALLS[:1],
}
CORRECTED = tuple(key for key in HEADLINES if key != "still_open")  # who waits changes by itself
AskAll = Callable[[Sequence[Question], Scope], tuple[Answer, ...]]
Stand = Callable[[Scope, Period, Filters], Completeness]


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG that stands in a mail, by a name that is its own, and the words that say the same."""

    name: str
    alt: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Setting:
    """What surrounds the figures: whose they are, what they are limited to, where to answer and how to leave."""

    tenant: str
    name: str
    environments: tuple[str, ...]
    agent_count: int | None  # None when every agent is covered
    filters: Filters
    portal_url: str
    leave_url: str
    due_at: datetime
    late: bool
    complete: bool
    reply_to: str = ""
    manage_url: str = ""  # for whoever can sign in
    look: Look = RINGBOOK
    short_limits: tuple[float | None, float | None] = (None, None)  # of the tenant, for 3 and 6 seconds, in percent
    sections: tuple[str, ...] = SECTIONS
    subject: str = ""  # its author's own, instead of the answer
    note: str = ""
    chart: Picture | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a report is asked about. One that does not ``compare`` asks for nothing before its period."""

    kind: Kind
    period: Period
    filters: Filters
    compares: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """``figures`` are compared with the aligned period before; ``usual`` covers the ``usual_count`` periods before.

    ``trend`` holds the last six periods, this one last; ``corrections`` counts late changes to the period before;
    ``seal`` is that of the filters and rights behind it all. Without a comparison there is neither usual nor trend.
    """

    kind: Kind
    period: Period
    figures: Answer
    usual_count: int
    days: Answer
    hours: Answer
    agents: Answer
    corrections: int
    usual: Answer | None = None
    trend: Answer | None = None
    seal: str = ""
    loop: CallbackLoop | None = None
    campaigns: tuple[Progress, ...] = ()
    correction: Correction | None = None

    @property
    def compares(self) -> bool:
        return self.figures.question.compare

    @property
    def standings(self) -> tuple[Completeness, ...]:
        """How complete the answers are that it rests on."""
        return (self.figures.completeness,)

    @property
    def filters(self) -> Filters:
        return self.figures.question.filters

    @property
    def empty(self) -> bool:
        """Whether there was nothing to tell of: neither calls nor callbacks."""
        return not any(self.figures.totals[key].value for key in ("attempts", "callbacks_received"))

    def snapshot(self) -> dict[str, Any]:
        """The figures as they were sent, unrounded, for the record."""
        parts = {name: getattr(self, name) for name in ("figures", "usual", "days", "hours", "agents", "trend")}
        sources = [[source.name, source.returns, source.median] for source in self.sources]
        return {name: plain(answer) for name, answer in parts.items() if answer is not None} | {
            "seal": self.seal,
            "corrections": self.corrections,
            "sources": sources,
        }

    @property
    def sources(self) -> Sequence[Source]:
        """The callbacks found, by the agent that had called."""
        return self.loop.breakdown.sources if self.loop else ()


def gather(wanted: Wanted, *, scope: Scope, ask_all: AskAll, stand: Stand) -> Facts:
    """Ask what the report of a period needs, with one set of filters and one reader's scope."""
    kind, period = wanted.kind, wanted.period

    def question(metrics: tuple[str, ...], over: Period, *by: str, compare: bool = False) -> Question:
        return Question(metrics, over, by, wanted.filters, compare and wanted.compares)

    usual, count = baseline(kind, period)
    over = streak_over(period)
    if over is None:  # no rhythm has such a period
        raise ValueError(period)
    told = (*HEADLINES, *SHORT_CALLS, *SHORT_TALKS, *LOOKED_AT)
    questions = {
        "figures": question(tuple(dict.fromkeys(told)), period, compare=True),
        "days": question(("attempts", "connect_rate", "callbacks_received"), _days_shown(wanted), "day"),
        "hours": question(("attempts",), period, "weekday", "hour_of_day"),
        "agents": question(("attempts", "connect_rate", "average_duration"), period, "agent", compare=True),
    }
    if wanted.compares:
        questions |= {"usual": question(HEADLINES, usual), "trend": question(("connect_rate",), *over)}
    asked = ask_all(list(questions.values()), scope)
    answers: dict[str, Any] = dict(zip(questions, map(known_before, asked), strict=True))
    before = answers["figures"].previous_completeness or stand(scope, previous(period), wanted.filters)
    return Facts(
        kind=kind,
        period=period,
        usual_count=count,
        corrections=before.corrections,
        seal=seal(wanted.filters, scope),
        **answers,
    )


def covers(completeness: Completeness | TableFacts, period: Period, at: datetime) -> bool:
    """Whether the data behind a period that is over are whole to its end.

    For a day just over, complete may mean whole as of an hour before its end; a report waits for the rest.
    """
    if not completeness.complete or completeness.as_of is None:
        return False
    return completeness.as_of >= period.ends_at or at - period.ends_at > timedelta(days=2)


def plain(answer: Answer) -> dict[str, Any]:
    """An answer as JSON holds it."""

    def cells(of: dict[str, Cell]) -> dict[str, Any]:
        return {key: [cell.value, cell.n, cell.previous] for key, cell in of.items()}

    return {
        "from": answer.period.start.isoformat(),
        "until": answer.period.end.isoformat(),
        "totals": cells(answer.totals),
        "rows": [{"key": list(row.key), "cells": cells(row.cells)} for row in answer.rows],
    }


def _days_shown(wanted: Wanted) -> Period:
    period = wanted.period
    if wanted.kind == Kind.MONTHLY or not wanted.compares:
        return period
    return Period(period.end - timedelta(days=14), period.end, period.zone)
