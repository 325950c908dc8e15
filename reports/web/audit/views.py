"""The audit page: who did what and when, newest first, a page at a time by number."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal.audit.actions import ACTIONS
from portal.audit.models import Entry, Visit
from portal.audit.record import address_of
from portal.formats import figures
from portal.lib.times import parse_day
from portal.tenants.guards import TenantRequest, tenant_view
from portal.tenants.models.people import Membership, Role, User
from reports.definitions.periods import moment_of_asking
from reports.files.as_csv import spreadsheet_of
from reports.files.audit import MEDIA, audit_csv, audit_headers, audit_lines
from reports.files.jobs import Asker
from reports.privacy.look_up import reasons
from reports.web.audit.words import Words

SHOWN = 50
SHOWN_VISITS = 10


@dataclass(frozen=True, slots=True)
class AuditLine:
    number: int
    at: str
    action: str
    who: str
    about: str
    reason: str
    changes: tuple[str, ...]
    address: str


@dataclass(frozen=True, slots=True)
class VisitLine:
    who: str
    reason: str
    begun: str
    over: str
    is_open: bool


@require_safe
@tenant_view(Role.OWNER)
def audit(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """The entries that the address chooses: by act, by member, by day."""
    chosen = {name: request.GET.get(name, "") for name in ("action", "who", "date_from", "date_to")}
    members = list(Membership.objects.select_related("user").order_by("user__email"))
    rows, wrong = _chosen_entries(chosen, request)
    before = request.GET.get("before", "")
    if before.isascii() and before.isdecimal() and len(before) < 19:
        rows = rows.filter(number__lt=int(before))
    page = list(rows.select_related("key").order_by("-number")[: SHOWN + 1])
    following = {name: text for name, text in chosen.items() if text}
    if len(page) > SHOWN:
        following["before"] = str(page[SHOWN - 1].number)
    context = {
        "page": "company",
        "lines": _lines(page[:SHOWN], members, request),
        "visits": _visits(request.tenant.zone),
        "chosen": chosen,
        "actions": sorted(((key, str(label)) for key, label in ACTIONS.items()), key=lambda pair: pair[1].casefold()),
        "members": [(str(member.user_id), member.user.email) for member in members],
        "wrong": wrong,
        "pages": {"next": f"?{urlencode(following)}" if len(page) > SHOWN else ""},
    }
    return TemplateResponse(request, "reports/audit.html", context, status=400 if wrong else 200)


@require_safe
@tenant_view(Role.OWNER, to_visits=False)
def audit_file(request: TenantRequest, tenant: str, form: str) -> HttpResponseBase:
    """The whole audit: as a table that a spreadsheet opens, or as lines that can be checked."""
    asker = Asker(request.tenant.pk, user=request.user, address=address_of(request))
    if form == "csv":
        pieces = audit_csv(request.tenant, asker, dialect=spreadsheet_of(get_language()))
    else:
        pieces = audit_lines(request.tenant, asker)
    return StreamingHttpResponse(pieces, content_type=MEDIA[form], headers=audit_headers(tenant, form))


def _chosen_entries(chosen: Mapping[str, str], request: TenantRequest) -> tuple[QuerySet[Entry], str]:
    """The entries, and what was wrong with the choice: then there are none."""
    rows: QuerySet[Entry] = Entry.objects.all()
    zone = request.tenant.tzinfo
    try:
        if chosen["action"]:
            rows = rows.filter(action=_known(chosen["action"]))
        if chosen["who"]:
            rows = rows.filter(user_id=Membership.objects.values_list("user_id", flat=True).get(user_id=chosen["who"]))
        if chosen["date_from"]:
            first = parse_day(chosen["date_from"])
            rows = rows.filter(at__gte=datetime(first.year, first.month, first.day, tzinfo=zone).astimezone(UTC))
        if chosen["date_to"]:
            after = parse_day(chosen["date_to"]) + timedelta(days=1)
            rows = rows.filter(at__lt=datetime(after.year, after.month, after.day, tzinfo=zone).astimezone(UTC))
    except (ValueError, OverflowError, Membership.DoesNotExist):
        return Entry.objects.none(), _("This choice cannot be read. Choose anew.")
    return rows, ""


def _known(action: str) -> str:
    if action not in ACTIONS:
        raise ValueError(action)
    return action


def _lines(rows: Iterable[Entry], members: Iterable[Membership], request: TenantRequest) -> list[AuditLine]:
    rows, now, words = list(rows), moment_of_asking(), Words(request.tenant.zone)
    names = {member.user_id: member.user.email for member in members}
    others = {row.user_id for row in rows if row.user_id not in names and row.user_id is not None}
    why = reasons(row.about for row in rows)
    staff = set(User.objects.filter(pk__in=others, is_staff=True).values_list("pk", flat=True))
    return [
        AuditLine(
            number=row.number,
            at=figures.moment(row.at, request.tenant.zone, now=now),
            action=str(ACTIONS.get(row.action, row.action)),
            who=_who(row, names, staff),
            about=" · ".join(f"{name} {value}" for name, value in row.about.items()),
            changes=tuple(words.change(name, pair, row.about) for name, pair in row.changes.items()),
            reason=why.get(row.about.get("reveal", ""), ""),
            address=row.address or "",
        )
        for row in rows
    ]


def _visits(zone: str) -> list[VisitLine]:
    """The newest visits of the portal's administrators."""
    now = moment_of_asking()
    rows = Visit.objects.select_related("user")[:SHOWN_VISITS]
    return [
        VisitLine(
            who=row.user.email if row.user else _("an administrator of the portal"),
            reason=row.reason,
            begun=figures.moment(row.begun_at, zone, now=now),
            over=figures.moment(row.over_at, zone, now=now),
            is_open=row.over_at > now,
        )
        for row in rows
    ]


def _who(row: Entry, names: Mapping[int, str], staff: set[int]) -> str:
    if row.key is not None:
        return _("API key %(name)s") % {"name": row.key.name}
    if row.user_id is None:
        return _("the portal itself")
    if row.user_id in names:
        return names[row.user_id]
    if row.user_id in staff:
        return _("an administrator of the portal")
    return _("a former member (no. %(number)s)") % {"number": row.user_id}
