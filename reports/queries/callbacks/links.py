"""A call in the callback loop: the call it answers, or the call that answered it. The join is the loop's own."""

from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from reports.columns.schema import contact_code
from reports.definitions.conditions import Condition
from reports.definitions.filters import Filters
from reports.queries.callbacks.loop import Place, calls_at, opened, place_of
from reports.queries.completeness.uncounted import not_looked_at
from reports.queries.scope import Scope
from reports.queries.seen import seen
from reports.queries.selector import resolve
from sync.models.calls import Call


@dataclass(frozen=True, slots=True)
class CallbackLink:
    """The other call's id, and how long the contact took. ``answers``: this call is the return, else the other one."""

    other: str
    answers: bool
    waited: timedelta
    attempts: int  # that the return answers, the other ones before included


@dataclass(frozen=True, slots=True)
class Links:
    """``link`` is None where the call is in no loop, or the other call is not the reader's to see. ``lacking`` says
    which calls could not be looked at for it, "" where all could.
    """

    link: CallbackLink | None = None
    lacking: str = ""


Position = tuple[int, int]  # in the column files of an environment: microseconds, and which call of that microsecond


class _AnsweredAttempt(NamedTuple):
    """A call of ours that a return answers, where that return stands, and the agent that took it."""

    started: int
    number: int  # among the calls of that microsecond
    agent: int | None
    taker: int | None
    return_started: int
    return_number: int

    @property
    def place(self) -> Position:
        return self.started, self.number

    @property
    def returned(self) -> Position:
        return self.return_started, self.return_number


_GIVEN = (
    "SELECT started_us, place, agent, taker, heard_us, heard_place FROM given"
    " WHERE environment = {home} AND contact = {who}"
)


def links(public_id: str, scope: Scope) -> Links:
    """The caller has looked that the reader may see this call. A handful of queries."""
    columns = ("pk", "environment_id", "contact", "started_at", "is_test")
    pk, environment, contact, at, is_test = seen(Call, scope).values_list(*columns).get(pk=public_id)
    if not contact or is_test:
        return Links()
    everyone = scope.only(environment).whatever_agent()
    around = timedelta(days=1)
    selector = resolve(Filters(), everyone)
    hours = timedelta(hours=selector.environments[environment].tenant.callback_hours)
    who = contact_code(contact)
    with opened(selector, at - around, at + hours + around) as loop:
        if not loop.routes.sources:
            return Links()
        join = loop.join(narrowed=Condition(f"contact = {who}"))
        attempts = [
            _AnsweredAttempt(*row) for row in loop.run(join.statement(_GIVEN.format(home=environment, who=who)))
        ]
    place = place_of(pk, scope)
    lacking = not_looked_at(loop.missing, selector.environments, selector.now)
    if place is None:
        return Links(lacking=lacking)
    return Links(_link(place, who, attempts, scope), lacking)


def _link(place: Place, contact: int, attempts: list[_AnsweredAttempt], scope: Scope) -> CallbackLink | None:
    environment, mine = place[0], place[1:]
    own = next((attempt.returned for attempt in attempts if attempt.place == mine), None)
    answers = any(attempt.returned == mine for attempt in attempts)
    returned = mine if answers else own
    if returned is None:
        return None
    answered = sorted(attempt for attempt in attempts if attempt.returned == returned)
    last = answered[-1]
    other = last.place if answers else returned
    agent = last.agent if answers else last.taker
    if scope.agent_ids is not None and agent not in scope.agent_ids:
        return None
    there = (environment, *other)
    call = calls_at({there: (agent, contact)}, scope).get(there)
    waited = timedelta(microseconds=returned[0] - (last.started if answers else mine[0]))
    return None if call is None else CallbackLink(str(call), answers, waited, len(answered))
