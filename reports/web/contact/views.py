"""The page of one contact, and two ways to it and on from it: a whole number looked up, and its number shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.audit.record import address_of
from portal.formats import figures
from portal.lib import phones
from portal.privacy.budget import Budget, budget_of
from portal.tenants.guards import TenantRequest, tenant_view
from reports.privacy.look_up import MOST_REASON, NumberAsker, look_up, reveal
from reports.queries.agents import agents, what_tells_apart
from reports.queries.calls.lists import page
from reports.queries.contacts.contact import Contact, NoContact, behind_contact, calls_with, contact, latest_call
from reports.queries.contacts.ids import contact_digits_of
from reports.queries.cursor import CursorError
from reports.queries.question import QuestionError
from reports.queries.scope import Scope
from reports.web.call.facts import OUTCOMES
from reports.web.calls.columns import CallLine, call_line, shown_columns
from reports.web.contact.back import back
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
    return _page(request, contact_id)


@require_POST
@tenant_view()
def reveal_number(request: TenantRequest, tenant: str, contact_id: str) -> HttpResponseBase:
    """The same page with the number whole, for a reason that is kept in the audit. In this one answer only."""
    reason = request.POST.get("reason", "")
    try:
        number = reveal(contact_id, reason, Scope.of(request.scope_grant), _asker(request))
    except NoContact:
        raise Http404 from None
    except QuestionError as error:
        return _page(request, contact_id, reason=reason, errors=error.errors)
    return _page(request, contact_id, number=number)


@sensitive_post_parameters("number")
@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view()
def look_up_page(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """Asks for a whole number and leads to its contact: the number stands in no address. For who may look numbers up;
    others read 403."""
    scope, asker = Scope.of(request.scope_grant), _asker(request)
    if not scope.may_look_up:
        raise PermissionDenied(_("You may not look numbers up."))
    errors: dict[str, str] = {}
    none = False
    if request.method == "POST":
        try:
            found = look_up(request.POST.get("number", ""), scope, asker)
        except QuestionError as error:
            errors = dict(error.errors)
        else:
            if latest_call(found, scope):
                return HttpResponseRedirect(reverse("reports_web:contact", args=[tenant, found]))
            none = True
    context = {"page": "calls", "errors": errors, "none": none, "budget": _budget(scope, asker)}
    return TemplateResponse(request, "reports/look_up.html", context, status=400 if errors else 200)


def _asker(request: TenantRequest) -> NumberAsker:
    return NumberAsker(request.tenant, request.scope_grant, user=request.user, address=address_of(request))


def _budget(scope: Scope, asker: NumberAsker) -> Budget | None:
    """What is left of the day; None for who sees numbers, and needs none."""
    return None if scope.sees_numbers else budget_of(asker.tenant, asker.account)


def _page(
    request: TenantRequest,
    contact_id: str,
    *,
    number: str = "",
    reason: str = "",
    errors: Mapping[str, str] | None = None,
) -> HttpResponseBase:
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
    way = back(request.GET, request.tenant.slug)
    turn = f"?{way.carried}&" if way.carried else "?"
    apart = what_tells_apart(agents(scope))
    lines = [call_line(row, columns, zone=scope.zone, now=now, apart=apart) for row in listed.rows]
    context = {
        "page": "calls",
        "contact": record,
        "number": figures.phone(number or record.number),
        "shown": bool(number),
        "reason": reason,
        "errors": errors or {},
        "waits": _waits(record, now, scope.zone),
        "back": way,
        **revealing(request, scope, record.id, carried=way.carried),
        "zone": figures.zone_name(scope.zone),
        "facts": _facts(record, now, scope.zone),
        "outcomes": [(OUTCOMES[word][0], _came_to(word, n)) for word, n in record.outcomes.items() if n],
        "days": _days(lines, scope.zone),
        "columns": columns,
        "several": several,
        "row_query": f"?{written(query)}",
        "list_query": written(query),
        "next": turn + written({"cursor": listed.next}) if listed.next else "",
        "previous": turn + written({"cursor": listed.previous}) if listed.previous else "",
        "line": completeness_line(behind_contact(record, scope, now=now), scope.zone, now=now),
    }
    return TemplateResponse(request, "reports/contact.html", context, status=400 if errors else 200)


def revealing(request: TenantRequest, scope: Scope, contact_id: str, *, carried: str = "") -> dict[str, Any]:
    """What the form needs that asks to have a contact's number shown; nothing for who sees it, or may not. ``carried``
    is the query string of the contact's page.
    """
    contact = contact_digits_of(contact_id, scope)
    if scope.sees_numbers or not scope.looks_up or not contact or phones.is_erased(contact):
        return {}
    return {
        "reveal_url": reverse("reports_web:contact_reveal", args=[request.tenant.slug, contact_id])
        + (f"?{carried}" if carried else ""),
        "budget": _budget(scope, _asker(request)),
        "most_reason": str(MOST_REASON),  # an attribute takes no thousands separator
    }


def _waits(record: Contact, now: datetime, zone: str) -> str:
    """Whether the contact, who rang and was not answered, still waits; "" for one who was always answered."""
    if record.last_missed is None:
        return ""
    moment = figures.moment(record.last_missed, zone, now=now)
    if record.waits:
        return _("Still waiting: called %(moment)s, was not answered, and no call has connected since.") % {
            "moment": moment
        }
    return _("Not waiting: last called without an answer %(moment)s; a call has connected since.") % {"moment": moment}


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
        (_("First seen"), figures.dated_moment(record.first_seen, zone, now=now), ""),
        (_("Last seen"), figures.dated_moment(record.last_seen, zone, now=now), ""),
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
