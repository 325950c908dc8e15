"""The calls of a contact around one of them, and its place in the callback loop."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from portal.formats import figures
from reports.queries.detail import CallDetail
from reports.queries.looped import Looped, looped
from reports.queries.neighbours import Contacted, around
from reports.scope import Scope
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
    """``rows`` in the order of time, this call among them; ``sentence`` and ``other`` tell of the callback loop."""

    rows: tuple[Row, ...]
    alone: bool
    more_before: bool
    more_after: bool
    sentence: str = ""
    other: str = ""


def with_contact(found: CallDetail, scope: Scope) -> WithContact:
    call = found.row
    near, loop = around(call["id"], scope), looped(call["id"], scope)
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
        rows=tuple(_row(each, loop) for each in (*near.before, here, *near.after)),
        alone=not (near.before or near.after),
        more_before=near.more_before,
        more_after=near.more_after,
        sentence=_sentence(loop) if loop else "",
        other=loop.other if loop else "",
    )


def _row(call: Contacted, loop: Looped | None) -> Row:
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
        duration=figures.value(call.duration, "seconds"),
        agent=call.agent_name,
        is_test=call.is_test,
        note=note,
    )


def _sentence(loop: Looped) -> str:
    waited: Any = figures.duration(loop.waited.total_seconds())
    if loop.answers:
        return _("A callback: it came %(time)s after the call it answers.") % {"time": waited}
    return _("Answered by a callback %(time)s later.") % {"time": waited}
