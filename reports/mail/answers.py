"""The answers of saved reports for the period of a mail: what each asks, but for its own period and comparison."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

from django.utils.translation import gettext as _

from reports.definitions.filters import Filters
from reports.definitions.periods import Period, local_date, year_before
from reports.files.tables import currency_of
from reports.files.words import filter_lines
from reports.mail.due import Kind
from reports.mail.facts import AskAll, plain
from reports.queries.agents import agents
from reports.queries.answer import Answer, Completeness
from reports.queries.before import known_before
from reports.queries.environments import environments
from reports.queries.order import in_order
from reports.queries.question import Question, QuestionError, write_question
from reports.queries.scope import Scope
from reports.saved.asked import is_known, question_of
from reports.saved.models import SavedView


@dataclass(frozen=True, slots=True)
class SheetAsked:
    """A saved report as a mail asks it; ``refused`` says why it cannot be asked for its reader."""

    title: str
    question: Question | None
    sort: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class SheetFacts:
    """``only`` are the filters in words, that of test calls first; the rows stand in the order of the report."""

    title: str
    answer: Answer | None
    only: tuple[tuple[str, str], ...] = ()
    currency: str = ""
    refused: str = ""


@dataclass(frozen=True, slots=True)
class SavedFacts:
    """What a mail of a saved report or a board is made of; ``title`` is the name of that."""

    kind: Kind
    period: Period
    title: str
    sheets: tuple[SheetFacts, ...]

    @property
    def answers(self) -> tuple[Answer, ...]:
        return tuple(sheet.answer for sheet in self.sheets if sheet.answer is not None)

    @property
    def standings(self) -> tuple[Completeness, ...]:
        return tuple(answer.completeness for answer in self.answers)

    @property
    def filters(self) -> Filters:
        """Each answer has its own, which its sheet tells."""
        return Filters()

    @property
    def empty(self) -> bool:
        return not any(cell.value for answer in self.answers for cell in answer.totals.values())

    def snapshot(self) -> dict[str, Any]:
        """The figures as they were sent, unrounded, for the record."""
        return {"answers": [{"question": write_question(each.question), **plain(each)} for each in self.answers]}


def asked_of(views: Sequence[SavedView], scope: Scope, period: Period, *, compares: bool) -> tuple[SheetAsked, ...]:
    """The question of each for a period, compared with the one before, or the year before where it says so."""
    here = environments(scope).values_list("public_id", flat=True), agents(scope).values_list("public_id", flat=True)
    known = tuple(map(frozenset, here))
    return tuple(_asked(view, scope, period, compares=compares, known=known) for view in views)


def _asked(
    view: SavedView, scope: Scope, period: Period, *, compares: bool, known: tuple[frozenset[Any], ...]
) -> SheetAsked:
    try:
        kept = question_of(view.query, scope, today=local_date(period.ends_at, period.zone))
    except QuestionError as error:
        return SheetAsked(view.name, None, refused=" ".join(error.errors.values()))
    if not is_known(kept, known[0], known[1]):
        return SheetAsked(view.name, None, refused=_("It asks about environments or agents that are not there."))
    yearly = kept.versus is not None and kept.versus == year_before(kept.period)
    question = replace(
        kept, period=period, span="", compare=compares, versus=year_before(period) if compares and yearly else None
    )
    return SheetAsked(view.name, question, dict(parse_qsl(view.query)).get("sort", ""))


def gather_saved(
    title: str, kind: Kind, period: Period, asked: Sequence[SheetAsked], *, scope: Scope, ask_all: AskAll
) -> SavedFacts:
    """Ask them all; one that cannot be asked is refused alone."""
    sheets = []
    for each in asked:
        if each.question is None:
            sheets.append(SheetFacts(each.title, None, refused=each.refused))
            continue
        try:
            (answer,) = map(known_before, ask_all([each.question], scope))
        except QuestionError as error:
            sheets.append(SheetFacts(each.title, None, refused=" ".join(error.errors.values())))
            continue
        sheets.append(
            SheetFacts(
                each.title,
                replace(answer, rows=tuple(in_order(answer, each.sort))),
                tuple(filter_lines(each.question.filters, scope)),
                currency_of(each.question, scope),
            )
        )
    return SavedFacts(kind, period, title, tuple(sheets))
