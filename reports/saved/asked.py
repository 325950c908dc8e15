"""What a saved report asks, read anew for whoever opens it: its period counts from today, its zone stays."""

from datetime import date
from urllib.parse import parse_qsl

from reports.queries.question import Question, read_question
from reports.queries.scope import Scope


def params_of(query: str) -> dict[str, str]:
    """What stands in a query; of a name that stands there twice the last."""
    return dict(parse_qsl(query))


def question_of(query: str, scope: Scope, *, today: date | None = None) -> Question:
    """Raises QuestionError where it can't be asked."""
    return read_question(params_of(query), scope, today=today)
