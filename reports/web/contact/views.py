"""The page of one contact: what its calls come to, and all of them by day."""

from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from django.http import Http404
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from portal.formats import figures
from portal.tenants.guards import TenantRequest, tenant_view
from reports.queries.calls.lists import page
from reports.queries.contacts.contact import Contact, NoContact, behind_contact, calls_with, contact
from reports.queries.cursor import CursorError
from reports.queries.scope import Scope
from reports.web.call.facts import OUTCOMES
from reports.web.calls.columns import CallLine, call_line, shown_columns
from reports.web.shared.completeness import completeness_line
from reports.web.shared.selection import written
from sync.taxonomy import Outcome

ROWS = 50


@dataclass(frozen=True, slots=True)
class Day:
    when: str
    lines: tuple[CallLine, ...]


@require_safe
@tenant_view()
def contact_page(request: TenantRequest, tenant: str, contact_id: str) -> HttpResponseBase:
    """Every call of one number over agents, environments and vendors, newest first. Foreign and absent ids are 404."""
    scope, now = Scope.of(request.scope_grant), timezone.now()
    try:
        record = contact(contact_id, scope, now=now)
        question = calls_with(record)
        listed = page(question, scope, cursor=request.GET.get("cursor", ""), size=ROWS)
    except (NoContact, CursorError):
        raise Http404 from None
    several = len(record.environments) > 1
    columns = shown_columns((), several_environments=several)
    query = {"contact": record.id, "testing": "include"}
    lines = [call_line(row, columns, zone=scope.zone, now=now) for row in listed.rows]
    context = {
        "page": "calls",
        "contact": record,
        "number": figures.phone(record.number),
        "zone": figures.zone_name(scope.zone),
        "facts": _facts(record, now, scope.zone),
        "outcomes": [(OUTCOMES[word][0], _came_to(word, n)) for word, n in record.outcomes.items() if n],
        "days": _days(lines, scope.zone),
        "columns": columns,
        "several": several,
        "row_query": f"?{written(query)}",
        "list_query": written(query),
        "next": f"?{written({'cursor': listed.next})}" if listed.next else "",
        "previous": f"?{written({'cursor': listed.previous})}" if listed.previous else "",
        "line": completeness_line(behind_contact(record, scope, now=now), scope.zone, now=now),
    }
    return TemplateResponse(request, "reports/contact.html", context)


def _facts(record: Contact, now: datetime, zone: str) -> list[tuple[str, str, str]]:
    """Label, figure and what stands under it."""
    callbacks = figures.NO_BASE if record.callbacks is None else figures.decimal(record.callbacks)
    both = _("%(out)s outbound, %(in)s inbound") % {
        "out": figures.decimal(record.outbound),
        "in": figures.decimal(record.inbound),
    }
    tests = ""
    if record.test_calls:
        tests = ngettext("and %(n)s test call", "and %(n)s test calls", record.test_calls)
        tests %= {"n": figures.decimal(record.test_calls)}
    return [
        (_("Attempts"), figures.decimal(record.calls), " ".join(part for part in (both, tests) if part)),
        (_("Connected"), figures.decimal(record.connected), figures.duration(record.talk_seconds)),
        (_("Callbacks"), callbacks, _("that answer a call of ours")),
        (_("First seen"), figures.moment(record.first_seen, zone, now=now), ""),
        (_("Last seen"), figures.moment(record.last_seen, zone, now=now), ""),
    ]


def _came_to(outcome: str, n: int) -> str:
    """How many of its calls came to that: ``3 connected``."""
    texts = {
        Outcome.CONNECTED: ngettext("%(n)s connected", "%(n)s connected", n),
        Outcome.UNREACHED: ngettext("%(n)s unreached", "%(n)s unreached", n),
        Outcome.OPEN: ngettext("%(n)s open", "%(n)s open", n),
        Outcome.UNRESOLVED: ngettext("%(n)s unresolved", "%(n)s unresolved", n),
    }
    return texts[Outcome(outcome)] % {"n": figures.decimal(n)}


def _days(lines: list[CallLine], zone: str) -> list[Day]:
    def day(line: CallLine) -> date:
        return line.started_at.astimezone(ZoneInfo(zone)).date()

    return [Day(f"{figures.weekday(when)} {when.year}", tuple(some)) for when, some in groupby(lines, key=day)]
