"""A call in the callback loop: the call it answers, or the call that answered it. The join is the loop's own."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from reports.columns.engine import Rows
from reports.columns.schema import contact_code
from reports.definitions.conditions import Condition
from reports.definitions.filters import Filters
from reports.queries.callbacks.loop import calls_at, opened, place_of
from reports.queries.completeness.uncounted import not_looked_at
from reports.queries.scope import Scope
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
    """``looped`` is None where the call is in no loop, or the other call is not the reader's to see. ``lacking`` says
    which calls could not be looked at for it, "" where all could.
    """

    looped: CallbackLink | None = None
    lacking: str = ""


_GIVEN = (
    "SELECT started_us, place, agent, taker, heard_us, heard_place FROM given"
    " WHERE environment = {home} AND contact = {who}"
)


def links(public_id: str, scope: Scope) -> Links:
    """The caller has looked that the reader may see this call. A handful of queries."""
    row: Any = Call.objects.values("pk", "environment_id", "contact", "started_at", "is_test").get(pk=public_id)
    if not row["contact"] or row["is_test"]:
        return Links()
    everyone = Scope(scope.tenant_id, scope.zone, frozenset({row["environment_id"]}))
    around = timedelta(days=1)
    selector = resolve(Filters(), everyone)
    at: datetime = row["started_at"]
    hours = timedelta(hours=selector.environments[row["environment_id"]].tenant.callback_hours)
    who = contact_code(row["contact"])
    with opened(selector, at - around, at + hours + around) as loop:
        if not loop.routes.sources:
            return Links()
        join = loop.join(narrowed=Condition(f"contact = {who}"))
        given = loop.run(join.statement(_GIVEN.format(home=row["environment_id"], who=who)))
    place = place_of(row["pk"])
    lacking = not_looked_at(loop.missing, selector.environments, selector.now)
    if place is None:
        return Links(lacking=lacking)
    return Links(_link(row["environment_id"], place[1:], given, scope), lacking)


def _link(environment: int, mine: tuple[int, int], given: Rows, scope: Scope) -> CallbackLink | None:
    own = next((tuple(row[4:]) for row in given if tuple(row[:2]) == mine), None)
    answers = any(tuple(row[4:]) == mine for row in given)
    heard = mine if answers else own
    if heard is None:
        return None
    attempts = sorted(row for row in given if tuple(row[4:]) == heard)
    last = attempts[-1]
    other = heard if not answers else (last[0], last[1])
    agent = last[3] if not answers else last[2]
    if scope.agent_ids is not None and agent not in scope.agent_ids:
        return None
    call = calls_at([(environment, *other)]).get((environment, *other))
    waited = timedelta(microseconds=heard[0] - (last[0] if answers else mine[0]))
    return None if call is None else CallbackLink(str(call), answers, waited, len(attempts))
