"""The page on which an owner says how long each class of data is kept, and sees first what would go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, npgettext
from django.views.decorators.http import require_http_methods

from portal.audit.record import address_of, record
from portal.formats import figures
from portal.privacy.models import Removal, Retention
from portal.privacy.registry import DataClass
from portal.privacy.retention import FEWEST_DAYS, MOST_DAYS, days_of, keep
from portal.tenants.guards import TenantRequest, tenant_view
from portal.tenants.models.people import Role
from portal.tenants.models.tenants import Environment
from reports.privacy.retention.preview import Preview, preview

NIGHTS = 30  # that are shown
SECONDS = 5.0  # in which a preview counts; after that it says "at least"
_HINTS: Mapping[DataClass, str | Promise] = {
    DataClass.RECORDINGS: gettext_lazy("The link goes. The recording itself lies with the vendor."),
    DataClass.TRANSCRIPTS: gettext_lazy("What was said, and the summary, tools and context that were told with it."),
    DataClass.NUMBERS: gettext_lazy(
        "A number goes so many days after the last call with it, from all its calls at once; at least 31. "
        "Contacts and area codes are counted as before."
    ),
    DataClass.PAYLOADS: gettext_lazy(
        "The vendor's whole answer on a call, with transcript and link. When and how the call went stays."
    ),
    DataClass.MAILS: gettext_lazy(
        "Text and enclosures of mails that were sent. That they were sent, and to whom, stays."
    ),
    DataClass.CHANGES: gettext_lazy("What was corrected after a call was first read. The call stays as it is now."),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A class as the form asks for it."""

    name: str
    label: str
    hint: str
    value: str
    least: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What a new number of days would do to a class. Without ``goes`` nothing goes."""

    label: str
    was: str
    now: str
    goes: str = ""
    oldest: str = ""
    environments: Sequence[str] = ()


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view(Role.OWNER, over_all=True)
def privacy(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """The days of each class. They are looked at first, then confirmed, and hold from the coming night on."""
    was = days_of(request.tenant.pk)
    if request.method != "POST":
        return _page(request, {what: _typed(days) for what, days in was.items()})
    typed = {what: request.POST.get(what.value, "").strip() for what in DataClass}
    errors = {what: error for what, text in typed.items() if (error := _error(what, text))}
    step = request.POST.get("step", "")
    if errors or step not in ("look", "save"):
        return _page(request, typed, errors, status=400)
    days = {what: int(text) if text else None for what, text in typed.items()}
    changed = [what for what in DataClass if days[what] != was[what]]
    if not changed:
        messages.info(request, _("Nothing was changed."))
        return HttpResponseRedirect(reverse("reports_web:privacy", args=[tenant]))
    unsure = _unsure(request, was) if step == "save" else ""
    if step == "look" or unsure:
        return _page(request, typed, changes=_changes(request, was, days, changed), unsure=unsure)
    _save(request, days)
    messages.success(request, _("Saved. It holds from the coming night on."))
    return HttpResponseRedirect(reverse("reports_web:privacy", args=[tenant]))


def _unsure(request: TenantRequest, was: Mapping[DataClass, int | None]) -> str:
    """Why what was looked at can't be saved yet, or ""."""
    if request.POST.get("was", _written(was)) != _written(was):
        return _("Somebody changed the days meanwhile. Look again at what would go.")
    return "" if request.POST.get("sure") == "yes" else _("Confirm that it is for good.")


def _written(days: Mapping[DataClass, int | None]) -> str:
    """The days of all classes, as the page carries them from the look to the confirmation."""
    return " ".join(f"{what.value}:{_typed(days[what])}" for what in DataClass)


def _page(
    request: TenantRequest,
    typed: Mapping[DataClass, str],
    errors: Mapping[DataClass, str] | None = None,
    *,
    changes: Sequence[Change] = (),
    unsure: str = "",
    status: int = 200,
) -> HttpResponseBase:
    errors = errors or {}
    lines = [
        Line(what.value, str(what.label), str(_HINTS[what]), typed[what], FEWEST_DAYS[what], errors.get(what, ""))
        for what in DataClass
    ]
    context = {
        "page": "company",
        "lines": lines,
        "most": MOST_DAYS,
        "wrong": bool(errors),
        "changes": changes,
        "was": _written(days_of(request.tenant.pk)),
        "unsure": unsure,
        "nights": _nights(),
        "next": _next(request),
    }
    return TemplateResponse(request, "reports/privacy.html", context, status=400 if unsure else status)


def _typed(days: int | None) -> str:
    return "" if days is None else str(days)


def _error(what: DataClass, text: str) -> str:
    least = FEWEST_DAYS[what]
    if not text or (text.isascii() and text.isdecimal() and len(text) < 9 and least <= int(text) <= MOST_DAYS):
        return ""
    return _("Give whole days, from %(least)s to %(most)s, or nothing.") % {
        "least": figures.decimal(least),
        "most": figures.decimal(MOST_DAYS),
    }


def _save(request: TenantRequest, days: Mapping[DataClass, int | None]) -> None:
    with transaction.atomic():
        changed = keep(request.tenant.pk, request.tenant.zone, days)
        if changed:
            record(
                "retention.changed",
                tenant_id=request.tenant.pk,
                user=request.user,
                changes={what.value: pair for what, pair in changed.items()},
                address=address_of(request),
            )


def _changes(
    request: TenantRequest,
    was: Mapping[DataClass, int | None],
    days: Mapping[DataClass, int | None],
    changed: Sequence[DataClass],
) -> list[Change]:
    names = dict(Environment.objects.order_by("name", "pk").values_list("pk", "name"))
    looked = preview(request.tenant, days, timezone.now(), of=changed, seconds=SECONDS)
    found = {each.what: each for each in looked}
    return [
        Change(str(what.label), _so_long(was[what]), _so_long(days[what]), *_told(found.get(what), names, request))
        for what in changed
    ]


def _told(found: Preview | None, names: Mapping[int, str], request: TenantRequest) -> tuple[str, str, Sequence[str]]:
    if found is None or not found.total:
        return "", "", ()
    zone = request.tenant.tzinfo
    said = {"what": _amount(found.what, found.total), "day": figures.day(found.since.astimezone(zone).date())}
    if found.what is DataClass.NUMBERS:
        text = _("%(what)s without a call since %(day)s")
    elif found.whole:
        text = _("%(what)s from before %(day)s")
    else:
        text = _("at least %(what)s from before %(day)s")
    oldest = "" if found.oldest is None else figures.day(found.oldest.astimezone(zone).date())
    each = [
        f"{name}: {figures.decimal(found.environments[pk])}" for pk, name in names.items() if found.environments[pk]
    ]
    return text % said, oldest, each


def _so_long(days: int | None) -> str:
    if days is None:
        return _("for good")
    return ngettext("%(n)s day", "%(n)s days", days) % {"n": figures.decimal(days)}


def _amount(what: DataClass, count: int) -> str:
    match what:
        case DataClass.RECORDINGS:
            text = ngettext("%(n)s link of a recording", "%(n)s links of recordings", count)
        case DataClass.TRANSCRIPTS:
            text = ngettext("%(n)s transcript", "%(n)s transcripts", count)
        case DataClass.NUMBERS:
            text = npgettext("of people who called", "%(n)s number", "%(n)s numbers", count)
        case DataClass.PAYLOADS:
            text = ngettext("%(n)s answer of the vendor", "%(n)s answers of the vendor", count)
        case DataClass.MAILS:
            text = ngettext("%(n)s text of a mail", "%(n)s texts of mails", count)
        case _:
            text = ngettext("%(n)s change of a call", "%(n)s changes of calls", count)
    return text % {"n": figures.decimal(count)}


def _nights() -> list[tuple[str, str]]:
    """What went, by day, the newest first."""
    rows = Removal.objects.order_by("-day")[: NIGHTS * len(DataClass)]
    nights = []
    for day, removals in groupby(rows, key=lambda row: row.day):
        amounts = {DataClass(row.what): row.amount for row in removals}
        went = [_amount(what, amounts[what]) for what in DataClass if what in amounts]
        nights.append((figures.day(day), " · ".join(went)))
    return nights[:NIGHTS]


def _next(request: TenantRequest) -> str:
    """When what is over goes next; empty where everything is kept for good."""
    due = Retention.objects.filter(days__isnull=False).order_by("due_at").values_list("due_at", flat=True).first()
    if due is None:
        return ""
    now = timezone.now()
    return figures.dated_moment(max(due, now), request.tenant.zone, now=now)
