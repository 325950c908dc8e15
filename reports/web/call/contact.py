"""The calls of a contact around one of them, and its place in the callback loop."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from portal.formats import figures
from reports.queries.callbacks.links import CallbackLink, Links, links
from reports.queries.calls.detail import CallDetail
from reports.queries.calls.neighbours import Contacted, around
from reports.queries.question import QuestionError
from reports.queries.run import NotNow
from reports.queries.scope import Scope
from reports.web.call.facts import OUTCOMES, direction_word, status_word


@dataclass(frozen=True, slots=True)
class Row:
    id: str  # "" for the call the page is about
    at: datetime
    inbound: bool
    direction: str
    status: str
    mark: str
    duration: str
    agent: str
    is_test: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class WithContact:
    """``rows`` in the order of time, this call among them; ``sentence`` and ``other`` tell of the callback loop,
    ``lacking`` of calls that could not be looked at for it.
    """

    rows: tuple[Row, ...]
    alone: bool
    more_before: bool
    more_after: bool
    sentence: str = ""
    other: str = ""
    lacking: str = ""


def with_contact(call_detail: CallDetail, scope: Scope) -> WithContact:
    call = call_detail.row
    near, linked = around(call["id"], scope), _links(call["id"], scope)
    loop = linked.link
    here = Contacted(
        id="",
        direction=call["direction"],
        status=call["status"],
        outcome=call["outcome"],
        started_at=call["started_at"],
        duration=call["duration"],
        agent_name=call["agent_name"],
        environment_name=call["environment_name"],
        is_test=call["is_test"],
    )
    return WithContact(
        rows=tuple(_row(row, loop) for row in (*near.before, here, *near.after)),
        alone=not (near.before or near.after),
        more_before=near.more_before,
        more_after=near.more_after,
        sentence=_sentence(loop) if loop else "",
        other=loop.other if loop else "",
        lacking=linked.lacking,
    )


def _links(call: str, scope: Scope) -> Links:
    """A call is shown though its place in the loop cannot be computed at the moment."""
    try:
        return links(call, scope)
    except (QuestionError, NotNow):
        return Links(lacking=str(NotNow()))


def _row(call: Contacted, loop: CallbackLink | None) -> Row:
    note = ""
    if loop and call.id == loop.other:
        note = _("answered by this call") if loop.answers else _("the callback")
    return Row(
        id=call.id,
        at=call.started_at,
        inbound=call.direction == "inbound",
        direction=direction_word(call.direction),
        status=status_word(call.status),
        mark=OUTCOMES[call.outcome][0],
        duration=figures.NO_BASE if call.duration is None else figures.duration(call.duration),
        agent=call.agent_name,
        is_test=call.is_test,
        note=note,
    )


def _sentence(loop: CallbackLink) -> str:
    waited: Any = figures.duration(loop.waited.total_seconds())
    if loop.answers:
        return _("A callback: it came %(time)s after the call it answers.") % {"time": waited}
    return _("Answered by a callback %(time)s later.") % {"time": waited}
