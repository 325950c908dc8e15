"""What a saved report asks, read anew for whoever opens it: its period counts from today, its zone stays.

Another period may be put in the place of its own: by the same words that an address has for it.
"""

from collections.abc import Container, Mapping
from datetime import date
from types import MappingProxyType
from urllib.parse import parse_qsl
from uuid import UUID

from reports.queries.question import Question, read_question
from reports.queries.scope import Scope

OWN: Mapping[str, str] = MappingProxyType({})  # each question at its own period
# Days to compare with belong to a period of one's own; the one before and the year before go along.
_WHEN = frozenset({"period", "date_from", "date_to", "compare_from", "compare_to"})


def params_of(query: str, period: Mapping[str, str] = OWN) -> dict[str, str]:
    """What stands in a query; of a name that stands there twice the last. ``period`` takes the place of its own."""
    params = dict(parse_qsl(query))
    return {name: value for name, value in params.items() if name not in _WHEN} | dict(period) if period else params


def question_of(query: str, scope: Scope, *, today: date | None = None, period: Mapping[str, str] = OWN) -> Question:
    """Raises QuestionError where it can't be asked."""
    return read_question(params_of(query, period), scope, today=today)


def is_known(question: Question, environments: Container[UUID], agents: Container[UUID]) -> bool:
    """Whether all that it names is among what its reader may see; another's is as what is not there."""
    filters = question.filters
    return all(key in environments for key in filters.environments) and all(
        key in agents for key in (*filters.agents, *filters.source_agents)
    )
