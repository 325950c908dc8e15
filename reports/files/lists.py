"""The lists beside that of calls, as tables: callbacks found, contacts that still wait, campaigns.

Rows and their order are those of page and API, because they come from the same queries; columns stand as on the page,
and behind them what only programs want. Days and times are those of the tenant's zone, as they are there.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from operator import itemgetter
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from portal.formats import figures
from reports.files import words
from reports.files.models import What
from reports.files.table import Facts, Kind, Table
from reports.files.tables import Spec, columns_of, definition, file_name
from reports.metrics import METRICS
from reports.queries import campaigns
from reports.queries.campaigns import CampaignTold
from reports.queries.chosen import Filters
from reports.queries.filters import Reach, resolve
from reports.queries.freshness import behind_within
from reports.queries.params import ParamReader
from reports.queries.question import CallQuestion
from reports.queries.returns.lists import Asked, every_return, read_asked, write_asked
from reports.queries.returns.open import every_open
from reports.scope import Scope

PLACES = ("date_from", "date_to", "environment", "agent")
PARAMS: Mapping[What, tuple[str, ...]] = {
    What.CALLBACKS: PLACES,
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
    ("status", gettext_lazy("Status"), Kind.TEXT, True),
    ("missing_since", gettext_lazy("Missing upstream since"), Kind.MOMENT, True),
    ("agent_name", gettext_lazy("Agent"), Kind.TEXT, True),
    ("starts", gettext_lazy("Start"), Kind.DAY, True),
    ("total_calls", gettext_lazy("Calls"), Kind.COUNT, True),
    ("completed_calls", gettext_lazy("Completed"), Kind.COUNT, True),
    ("failed_calls", gettext_lazy("Failed"), Kind.COUNT, True),
    ("success_rate", gettext_lazy("Completion rate (%)"), Kind.PERCENT, True),
    ("over", gettext_lazy("Calls over (%)"), Kind.PERCENT, True),
    ("added", gettext_lazy("Added over the period"), Kind.COUNT, True),
    ("id", gettext_lazy("Id"), Kind.TEXT, False),
    ("external_id", gettext_lazy("Vendor's id"), Kind.TEXT, False),
    ("agent", gettext_lazy("Agent id"), Kind.TEXT, False),
    ("environment", gettext_lazy("Environment id"), Kind.TEXT, False),
    ("first_seen_at", gettext_lazy("First seen"), Kind.MOMENT, False),
)


@dataclass(frozen=True, slots=True)
class ListQuestion:
    """Which list, and which part of it. ``status`` is of campaigns alone, whose days only say over what they grew."""

    what: What
    asked: Asked
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
    return ListQuestion(what, read_asked(params, scope), status)


def write_list(question: ListQuestion) -> str:
    """The query string that asks for it; :func:`read_list` reads the same question back."""
    return urlencode(_params(question))


def list_table(question: ListQuestion, scope: Scope, *, prefix: str = "", now: datetime | None = None) -> Table:
    """The list in question. The wall of the scope's tenant must be open here, and while rows are taken."""
    reach = resolve(question.asked.filters, scope, now=now or timezone.now())
    return _TABLES[question.what](question, reach, prefix)


def _callbacks(question: ListQuestion, reach: Reach, prefix: str) -> Table:
    expected, rows = every_return(question.asked, reach.scope, reach=reach)
    told = ("derived_callbacks", "attempts_before_callback")
    return _of_calls(question, reach, prefix, _Listed(_("Callbacks"), CALLBACKS, rows, expected, told))


def _waiting(question: ListQuestion, reach: Reach, prefix: str) -> Table:
    expected, rows = every_open(question.asked, reach.scope, reach=reach)
    listed = _Listed(_("Contacts still waiting"), WAITING, rows, expected, ("still_open",))
    return _of_calls(question, reach, prefix, listed, (_("Waiting at"), words.moment(reach.now, reach.scope.zone)))


@dataclass(frozen=True, slots=True)
class _Listed:
    title: str
    specs: tuple[Spec, ...]
    rows: Iterator[dict[str, Any]]
    expected: int
    metrics: tuple[str, ...]  # whose definitions tell what the rows are

    def table(self, name: str, facts: Facts, **said: Mapping[str, Any]) -> Table:
        cells = itemgetter(*(key for key, *_rest in self.specs))
        definitions = tuple(definition(METRICS[key]) for key in self.metrics)
        return Table(
            name=name,
            columns=columns_of(self.specs, **said),
            rows=map(cells, self.rows),
            expected=self.expected,
            facts=replace(facts, title=self.title, definitions=definitions),
        )


def _of_calls(question: ListQuestion, reach: Reach, prefix: str, listed: _Listed, *more: tuple[str, str]) -> Table:
    """A list that is found among the calls of its days, and is as complete as these."""
    asked, zone = question.asked, reach.scope.zone
    calls = CallQuestion(asked.date_from, asked.date_to, zone, asked.filters)
    stand = behind_within(calls, reach, now=reach.now)
    lines = (
        (_("Period"), words.span(asked.date_from, asked.date_to)),
        (_("Time zone"), figures.zone_name(zone)),
        *more,
        *words.filter_lines(asked.filters, reach.scope),
        *_untold(reach, listed.metrics[0]),
        *words.stand_lines(stand, zone),
    )
    facts = _facts(question, zone, lines)
    facts = replace(
        facts, as_of=stand.as_of, complete=stand.complete, gaps=words.gaps(stand.gaps), lack=words.lack(stand)
    )
    days = (asked.date_from, asked.date_to)
    return listed.table(file_name(prefix, question.what, days, complete=stand.complete), facts)


def _campaigns(question: ListQuestion, reach: Reach, prefix: str) -> Table:
    """Complete when the vendor's list was read to its end: the rows are its own counts, and not of calls mirrored."""
    asked, scope, zone = question.asked, reach.scope, reach.scope.zone
    listed = campaigns.campaigns(scope, environments=asked.environments, agents=asked.agents, status=question.status)
    expected, found = campaigns.every_campaign(listed)
    days = (asked.date_from or date.min, asked.date_to or date.max)
    homes = set(reach.homes().values()) if asked.agents else reach.environments
    read = campaigns.last_read(scope, homes)
    unread, cut = _("some of the vendor's list could not be read"), _("the vendor's list was not read to its end")
    whole = _("yes") if read.whole else _("no: %(lack)s") % {"lack": unread if read.ended else cut}
    lines = (
        (_("Added over"), words.span(asked.date_from, asked.date_to)),
        (_("Time zone"), figures.zone_name(zone)),
        *words.campaign_lines(asked.filters, question.status, scope),
        *_untold(reach, "campaign_success_rate"),
        (_("Complete"), whole),
        (_("As of"), words.as_of(read.as_of, zone)),
    )
    facts = replace(
        _facts(question, zone, lines),
        as_of=read.as_of,
        complete=read.whole,
        lack=_("Not complete: %(what)s.") % {"what": unread if read.ended else cut},
        gaps=words.gaps(campaigns.list_gaps(reach)),
    )
    rows = (_campaign(told, *days) for told in found)
    table = _Listed(_("Campaigns"), CAMPAIGNS, rows, expected, ("campaign_success_rate",))
    name = file_name(prefix, question.what, (asked.date_from, asked.date_to), complete=read.whole)
    return table.table(name, facts, status=words.CAMPAIGN_STATES, kind=words.CAMPAIGN_KINDS)


_TABLES: Mapping[What, Callable[[ListQuestion, Reach, str], Table]] = {
    What.CALLBACKS: _callbacks,
    What.WAITING: _waiting,
    What.CAMPAIGNS: _campaigns,
}


def _campaign(told: CampaignTold, first: date, last: date) -> dict[str, Any]:
    row = told.row
    return {
        "name": row.name,
        "kind": row.kind,
        "environment_name": row.environment.name,
        "status": row.status,
        "missing_since": row.missing_since,
        "agent_name": "" if row.agent is None else str(row.agent),
        "starts": told.starts,
        "total_calls": row.total_calls,
        "completed_calls": row.completed_calls,
        "failed_calls": row.failed_calls,
        "success_rate": told.rate,
        "over": told.over,
        "added": told.added(first, last),
        "id": str(row.public_id),
        "external_id": row.external_id,
        "agent": None if row.agent is None else str(row.agent.public_id),
        "environment": str(row.environment.public_id),
        "first_seen_at": row.first_seen_at,
    }


def _facts(question: ListQuestion, zone: str, lines: tuple[tuple[str, str], ...]) -> Facts:
    asked = question.asked
    return Facts("", zone, lines, asked.date_from, asked.date_to, params=_params(question))


def _untold(reach: Reach, metric: str) -> list[tuple[str, str]]:
    """The environments whose vendor does not tell what such a list is found in."""
    names = [home.name for home in reach.environments.values() if home.provider not in METRICS[metric].vendors]
    return [(_("Not told by the vendor of"), " · ".join(names))] if names else []


def _params(question: ListQuestion) -> dict[str, str]:
    return write_asked(question.asked) | ({"status": question.status} if question.status else {})
