"""The lists beside that of calls, as tables: callbacks found, contacts that still wait, campaigns.

Rows and their order are those of page and API, because they come from the same queries; columns stand as on the page,
and behind them what only programs want. Days and times are those of the tenant's zone, as they are there.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import permutations
from operator import itemgetter
from typing import Any, TypedDict
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from portal.formats import figures
from reports.definitions.filters import Filters
from reports.definitions.labels import CAMPAIGN_KIND_LABELS, CAMPAIGN_STATE_LABELS, CAMPAIGN_UNKNOWN_LABELS
from reports.definitions.metrics import METRICS
from reports.files import words
from reports.files.models import What
from reports.files.table import Facts, Kind, Table
from reports.files.tables import Spec, apart, columns_of, definition, file_name
from reports.queries.callbacks.lists import (
    CallbackQuestion,
    LoopList,
    every_return,
    read_callback_question,
    standing,
    write_callback_question,
)
from reports.queries.callbacks.open import every_open
from reports.queries.campaigns import lists as campaigns
from reports.queries.campaigns.progress import (
    During,
    ListStanding,
    Progress,
    calls_standing,
    during,
    list_standing,
    progress,
)
from reports.queries.params import ParamReader
from reports.queries.scope import Scope
from reports.queries.selector import Selector, resolve

PLACES = ("date_from", "date_to", "environment", "agent")
PARAMS: Mapping[What, tuple[str, ...]] = {
    What.CALLBACKS: (*PLACES, "source_agent"),
    What.WAITING: PLACES,
    What.CAMPAIGNS: (*PLACES, "status"),
}

CALLBACKS: tuple[Spec, ...] = (
    ("started_at", gettext_lazy("Rang back"), Kind.MOMENT, True),
    ("number", gettext_lazy("Number"), Kind.TEXT, True),
    ("agent_name", gettext_lazy("Taken by"), Kind.TEXT, True),
    ("environment_name", gettext_lazy("Environment"), Kind.TEXT, True),
    ("source_name", gettext_lazy("Answers the call of"), Kind.TEXT, True),
    ("answered_started_at", gettext_lazy("Had called"), Kind.MOMENT, True),
    ("waited", gettext_lazy("Waited (s)"), Kind.SECONDS, True),
    ("attempts", gettext_lazy("Attempts"), Kind.COUNT, True),
    ("waited_first", gettext_lazy("Waited since the first attempt (s)"), Kind.SECONDS, False),
    ("status", gettext_lazy("Status"), Kind.TEXT, False),
    ("outcome", gettext_lazy("Outcome"), Kind.TEXT, True),
    ("id", gettext_lazy("Call id"), Kind.TEXT, False),
    ("answers", gettext_lazy("Id of the call it answers"), Kind.TEXT, False),
    ("agent", gettext_lazy("Agent id"), Kind.TEXT, False),
    ("source", gettext_lazy("Id of the agent that had called"), Kind.TEXT, False),
    ("environment", gettext_lazy("Environment id"), Kind.TEXT, False),
    ("contact_id", gettext_lazy("Contact"), Kind.TEXT, False),
)
WAITING: tuple[Spec, ...] = (
    ("number", gettext_lazy("Number"), Kind.TEXT, True),
    ("last_missed_at", gettext_lazy("Last missed"), Kind.MOMENT, True),
    ("agent_name", gettext_lazy("Agent"), Kind.TEXT, True),
    ("environment_name", gettext_lazy("Environment"), Kind.TEXT, True),
    ("missed", pgettext_lazy("calls", "Missed"), Kind.COUNT, True),
    ("attempts_since", gettext_lazy("Our attempts since"), Kind.COUNT, True),
    ("call", gettext_lazy("Id of the last call missed"), Kind.TEXT, False),
    ("agent", gettext_lazy("Agent id"), Kind.TEXT, False),
    ("environment", gettext_lazy("Environment id"), Kind.TEXT, False),
    ("contact_id", gettext_lazy("Contact"), Kind.TEXT, False),
)
CAMPAIGNS: tuple[Spec, ...] = (
    ("name", gettext_lazy("Campaign"), Kind.TEXT, True),
    ("kind", gettext_lazy("Kind"), Kind.TEXT, True),
    ("environment_name", gettext_lazy("Environment"), Kind.TEXT, True),
    ("status", gettext_lazy("Status now"), Kind.TEXT, True),
    ("missing_since", gettext_lazy("Missing upstream since"), Kind.MOMENT, True),
    ("agent_name", gettext_lazy("Agent"), Kind.TEXT, True),
    ("starts", gettext_lazy("Start"), Kind.DAY, True),
    ("total_calls", gettext_lazy("Calls"), Kind.COUNT, True),
    ("completed_calls", gettext_lazy("Completed"), Kind.COUNT, True),
    ("failed_calls", gettext_lazy("Failed"), Kind.COUNT, True),
    ("success_rate", gettext_lazy("Completion rate (%)"), Kind.PERCENT, True),
    ("over", gettext_lazy("Calls over (%)"), Kind.PERCENT, True),
    ("read_on", gettext_lazy("Read on (day in UTC)"), Kind.DAY, True),
    ("calls", gettext_lazy("Calls in the period"), Kind.COUNT, True),
    ("added", gettext_lazy("Added over the period, vendor's"), Kind.COUNT, True),
    ("added_since", gettext_lazy("Added since it was read on (day in UTC)"), Kind.DAY, True),
    ("not_known", gettext_lazy("Not known"), Kind.TEXT, True),
    ("id", gettext_lazy("Id"), Kind.TEXT, False),
    ("external_id", gettext_lazy("Vendor's id"), Kind.TEXT, False),
    ("agent", gettext_lazy("Agent id"), Kind.TEXT, False),
    ("environment", gettext_lazy("Environment id"), Kind.TEXT, False),
    ("first_seen_at", gettext_lazy("First seen"), Kind.MOMENT, False),
)


class _CampaignCells(TypedDict):
    """One campaign by the keys of :data:`CAMPAIGNS`."""

    name: str
    kind: str
    environment_name: str
    status: str
    missing_since: datetime | None
    agent_name: str
    starts: date | None
    total_calls: int | None
    completed_calls: int | None
    failed_calls: int | None
    success_rate: float | None  # percent
    over: float | None  # percent
    read_on: date | None
    calls: int | None
    added: int | None
    added_since: date | None
    not_known: str
    id: str  # public id
    external_id: str
    agent: str | None  # public id
    environment: str  # public id
    first_seen_at: datetime


@dataclass(frozen=True, slots=True)
class ListQuestion:
    """Which list, and which part of it. ``status`` is that of campaigns as of now, and of no other list."""

    what: What
    asked: CallbackQuestion
    status: str = ""

    @property
    def shows(self) -> Filters:
        """What of the tenant the rows tell. A callback names the agent that had called, and a contact that waits our
        attempts since, whichever agents were asked for: so these rest on all that the reader may see.
        """
        return self.asked.filters if self.what == What.CAMPAIGNS else Filters(environments=self.asked.environments)


def read_list(what: What, params: Mapping[str, str], scope: Scope) -> ListQuestion:
    """The question that parameters ask; raises QuestionError that names every bad one."""
    reader = ParamReader(params, scope)
    status = reader.choice("status", ("", *campaigns.STATUSES)) if what == What.CAMPAIGNS else ""
    reader.finish()
    return ListQuestion(what, read_callback_question(params, scope), status)


def write_list(question: ListQuestion) -> str:
    """The query string that asks for it; :func:`read_list` reads the same question back."""
    return urlencode(_params(question))


def list_table(question: ListQuestion, scope: Scope, *, prefix: str = "", now: datetime | None = None) -> Table:
    """The list in question. The wall of the scope's tenant must be open here, and while rows are taken."""
    selector = resolve(question.asked.filters, scope, now=now or timezone.now())
    return _TABLES[question.what](question, selector, prefix)


def _callbacks(question: ListQuestion, selector: Selector, prefix: str) -> Table:
    answers = every_return(question.asked, selector.scope)
    metrics = ("derived_callbacks", "attempts_before_callback")
    listed = _Listed(_("Callbacks"), CALLBACKS, answers.rows, answers.count, metrics)
    return _of_calls(question, selector, prefix, listed, answers)


def _waiting(question: ListQuestion, selector: Selector, prefix: str) -> Table:
    contacts = every_open(question.asked, selector.scope, now=selector.now)
    listed = _Listed(_("Contacts still waiting"), WAITING, contacts.rows, contacts.count, ("still_open",))
    at = (_("Waiting at"), words.moment(selector.now, selector.scope.zone))
    return _of_calls(question, selector, prefix, listed, contacts, at)


@dataclass(frozen=True, slots=True)
class _Listed:
    title: str
    specs: tuple[Spec, ...]
    rows: Iterator[Mapping[str, object]]
    expected: int
    metrics: tuple[str, ...]  # whose definitions tell what the rows are

    def table(self, name: str, facts: Facts, scope: Scope, **said: Mapping[str, Any]) -> Table:
        cells = itemgetter(*(key for key, *_rest in self.specs))
        definitions = tuple(definition(METRICS[key]) for key in self.metrics)
        return Table(
            name=name,
            columns=columns_of(self.specs, **said),
            rows=map(cells, apart(self.rows, scope)),
            expected=self.expected,
            facts=replace(facts, title=self.title, definitions=definitions),
        )


def _of_calls(
    question: ListQuestion,
    selector: Selector,
    prefix: str,
    listed: _Listed,
    looked: LoopList[object],
    *more: tuple[str, str],
) -> Table:
    """A list that is found among the calls of its days, and is as complete as these."""
    asked, zone = question.asked, selector.scope.zone
    stand = standing(asked, selector, looked.missing)
    lines = (
        (_("Period"), words.span(asked.date_from, asked.date_to)),
        (_("Time zone"), figures.zone_name(zone)),
        *more,
        *words.filter_lines(asked.filters, selector.scope, callbacks=True),
        *_untold(selector, listed.metrics[0]),
        *words.stand_lines(stand, zone),
    )
    facts = _facts(question, zone, lines)
    facts = replace(
        facts, as_of=stand.as_of, complete=stand.complete, gaps=words.gaps(stand.gaps, zone), lack=words.lack(stand)
    )
    days = (asked.date_from, asked.date_to)
    return listed.table(file_name(prefix, question.what, days, complete=stand.complete), facts, selector.scope)


def _campaigns(question: ListQuestion, selector: Selector, prefix: str) -> Table:
    """The vendor's own counts, as of now or by the end of the days asked for, and the calls mirrored of these days."""
    asked, scope, zone = question.asked, selector.scope, selector.scope.zone
    days = (asked.date_from, asked.date_to)
    listed = campaigns.campaigns(scope, environments=asked.environments, agents=asked.agents, status=question.status)
    expected, portions = campaigns.every_campaign(listed, scope)
    standing = list_standing(selector, calls_standing(*days, selector, now=selector.now))
    lack = _lack(standing)
    period = during(*days, zone, now=selector.now)
    lines = (
        (_("Period"), words.span(*days) if period else _("none: totals as of now")),
        *([(_("Totals"), _totals(asked.date_to, period))] if period else []),
        (_("Time zone"), figures.zone_name(zone)),
        *words.campaign_lines(asked.filters, question.status, scope),
        *_untold(selector, "campaign_success_rate"),
        (_("Complete"), _("yes") if standing.complete else _("no: %(lack)s") % {"lack": lack}),
        (_("As of"), words.as_of(standing.as_of, zone)),
    )
    facts = replace(
        _facts(question, zone, lines),
        as_of=standing.as_of,
        complete=standing.complete,
        lack=_("Not complete: %(what)s.") % {"what": lack},
        gaps=words.gaps(standing.gaps, zone),
    )
    rows = (
        _campaign(campaign_progress)
        for portion in portions
        for campaign_progress in progress(portion, scope, period, standing.calls)
    )
    table = _Listed(_("Campaigns"), CAMPAIGNS, rows, expected, ("campaign_success_rate",))
    name = file_name(prefix, question.what, days, complete=standing.complete)
    said = {"status": CAMPAIGN_STATE_LABELS, "kind": CAMPAIGN_KIND_LABELS, "not_known": _reasons()}
    return table.table(name, facts, scope, **said)


def _reasons() -> dict[str, str]:
    """Why figures are not known, in words; there are up to three reasons, in any order."""
    return {
        ",".join(reasons): "; ".join(str(CAMPAIGN_UNKNOWN_LABELS[reason]) for reason in reasons)
        for count in range(1, 4)
        for reasons in permutations(CAMPAIGN_UNKNOWN_LABELS, count)
    }


def _lack(standing: ListStanding) -> str:
    if not standing.read.ended:
        return _("the vendor's list was not read to its end")
    if not standing.read.whole:
        return _("some of the vendor's list could not be read")
    return _("some days of the period are not read whole")


def _totals(last: date | None, period: During) -> str:
    if last is not None and period.over:
        return _("as last read by the end of %(day)s; a cell is empty where that is not known") % {
            "day": figures.day(last)
        }
    return _("as last read; a cell is empty where that is not known")


_TABLES: Mapping[What, Callable[[ListQuestion, Selector, str], Table]] = {
    What.CALLBACKS: _callbacks,
    What.WAITING: _waiting,
    What.CAMPAIGNS: _campaigns,
}


def _campaign(campaign_progress: Progress) -> _CampaignCells:
    row, totals, growth = campaign_progress.history.row, campaign_progress.totals, campaign_progress.growth
    return {
        "name": row.name,
        "kind": row.kind,
        "environment_name": row.environment.name,
        "status": row.status,
        "missing_since": row.missing_since,
        "agent_name": "" if row.agent is None else str(row.agent),
        "starts": campaign_progress.history.starts,
        "total_calls": totals.total if totals else None,
        "completed_calls": totals.completed if totals else None,
        "failed_calls": totals.failed if totals else None,
        "success_rate": totals.rate if totals else None,
        "over": totals.over if totals else None,
        "read_on": totals.day if totals else None,
        "calls": campaign_progress.calls,
        "added": growth.added if growth else None,
        "added_since": growth.since if growth else None,
        "not_known": ",".join(campaign_progress.unknown),
        "id": str(row.public_id),
        "external_id": row.external_id,
        "agent": None if row.agent is None else str(row.agent.public_id),
        "environment": str(row.environment.public_id),
        "first_seen_at": row.first_seen_at,
    }


def _facts(question: ListQuestion, zone: str, lines: tuple[tuple[str, str], ...]) -> Facts:
    asked = question.asked
    return Facts("", zone, lines, asked.date_from, asked.date_to, params=_params(question))


def _untold(selector: Selector, metric: str) -> list[tuple[str, str]]:
    """The environments whose vendor does not tell what such a list is found in."""
    names = [home.name for home in selector.environments.values() if home.provider not in METRICS[metric].vendors]
    return [(_("Not told by the vendor of"), " · ".join(names))] if names else []


def _params(question: ListQuestion) -> dict[str, str]:
    return write_callback_question(question.asked) | ({"status": question.status} if question.status else {})
