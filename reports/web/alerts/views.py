"""Alerts of a company: set up, tried on the last four weeks, changed, paused, removed; and what they told."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.outbox import server
from portal.tenants.guards import TenantRequest, tenant_view
from reports.alerts import access, acts, history
from reports.alerts.models import Alert, WebhookPost
from reports.alerts.preview import preview
from reports.alerts.rules import STANDINGS, When
from reports.alerts.tasks import enqueue_post
from reports.alerts.webhooks import HEADER
from reports.alerts.wishes import AlertPlan, read_plan, subject_of
from reports.mail import consent
from reports.mail.links import pointer_to
from reports.mail.preview import TooMany
from reports.mail.rights import Author
from reports.queries.cursor import CursorError
from reports.queries.question import QuestionError
from reports.queries.run import NotNow
from reports.queries.scope import Scope
from reports.web.alerts.form import AlertForm, empty_form, form_of, sent_form, wishes
from reports.web.alerts.words import alert_line, event_lines, preview_lines, standing, unknown_days
from reports.web.mail.views import author_of
from reports.web.mail.words import reader_lines

SHOWN = 20


@require_safe
@tenant_view()
def alerts(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """The alerts that one may see, and how each stands."""
    now = timezone.now()
    lines = [alert_line(shown, now) for shown in access.alerts(author_of(request))]
    return TemplateResponse(request, "reports/alerts.html", {"page": "alerts", "lines": lines})


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view(to_visits=False)
def alert_new(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """The form of a new alert, of the answer that an address asks for if it names one; sent, it is set up or tried."""
    author = author_of(request)
    form = sent_form(request.POST, author) if request.method == "POST" else empty_form(author, request.GET)
    context: dict[str, Any] = {"page": "alerts", "form": form}
    if request.method == "POST":
        try:
            plan = read_plan(wishes(form), author)
            if request.POST.get("act") == "preview":
                context |= _preview(plan, author.scope, author)
            else:
                made = acts.create(plan, author)
                messages.success(request, _("The alert is set up."))
                return _to(tenant, made.public_id)
        except QuestionError as error:
            form.errors = error.errors
        except (TooMany, NotNow) as error:
            form.errors = {"": str(error)}
    return TemplateResponse(request, "reports/alert_new.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@tenant_view()
def alert_one(request: TenantRequest, tenant: str, alert: UUID) -> HttpResponseBase:
    """One alert: how it stands, whom it tells, what it told; and its form for who may change it."""
    author, shown = author_of(request), _own(request, alert)
    row = shown.alert
    form = form_of(row, author) if shown.may_change else None
    more: dict[str, Any] = {}
    if request.method == "POST":
        _demand_change(shown)
        form = sent_form(request.POST, author, row)
        try:
            plan = read_plan(wishes(form), author, before=row)
            if request.POST.get("act") == "preview":
                more = _preview(plan, form.scope, author)
            else:
                acts.change(row, plan, author)
                messages.success(request, _("The alert is changed."))
                return _to(tenant, row.public_id)
        except QuestionError as error:
            form.errors = error.errors
        except NotNow as error:
            form.errors = {"": str(error)}
    context = _one(request, shown, form, timezone.now()) | more
    status = 400 if form is not None and form.errors else 200
    return TemplateResponse(request, "reports/alert_one.html", context, status=status)


@require_POST
@never_cache
@tenant_view()
def alert_act(request: TenantRequest, tenant: str, alert: UUID) -> HttpResponseBase:
    """Pause, resume or remove an alert, try it, have another secret, or be told no more: as ``act`` says."""
    author, shown, act = author_of(request), _own(request, alert), request.POST.get("act", "")
    row = shown.alert
    if act == "leave":
        if shown.place is not None:
            consent.leave(pointer_to(shown.place))
            messages.success(request, _("“%(name)s” tells you nothing any more.") % {"name": row.name})
        return HttpResponseRedirect(reverse("reports_web:alerts", args=[tenant]))
    if act not in ("pause", "resume", "remove", "test", "secret"):
        raise Http404
    _demand_change(shown)
    if act == "remove":
        acts.remove(row, author)
        messages.success(request, _("“%(name)s” is removed.") % {"name": row.name})
        return HttpResponseRedirect(reverse("reports_web:alerts", args=[tenant]))
    if act == "secret":
        context = _one(request, shown, form_of(row, author), timezone.now())
        context["secret"] = acts.renew_secret(row, author)
        return TemplateResponse(request, "reports/alert_one.html", context)
    if act == "test":
        _test(request, row, author)
    else:
        acts.set_paused(row, author, on=act == "pause")
    return _to(tenant, row.public_id)


@require_POST
@tenant_view()
def post_again(request: TenantRequest, tenant: str, alert: UUID, post: UUID) -> HttpResponseBase:
    """Another round of tries for a webhook that failed."""
    shown = _own(request, alert)
    _demand_change(shown)
    rows = WebhookPost.objects.select_related("event__alert").filter(event__alert=shown.alert)
    row = rows.filter(public_id=post).first()
    if row is None:
        raise Http404
    if acts.post_again(row, author_of(request)):
        enqueue_post(row.tenant_id, row.pk)
        messages.success(request, _("It is sent again."))
    return _to(tenant, shown.alert.public_id)


def _own(request: TenantRequest, alert: UUID) -> access.ShownAlert:
    try:
        return access.alert(alert, author_of(request))
    except Alert.DoesNotExist:
        raise Http404 from None


def _demand_change(shown: access.ShownAlert) -> None:
    if not shown.may_change:
        raise PermissionDenied(_("This alert is not yours to change."))


def _one(request: TenantRequest, shown: access.ShownAlert, form: AlertForm | None, now: datetime) -> dict[str, Any]:
    row = shown.alert
    try:
        page = history.page(history.events(row), request.GET.get("cursor", ""), SHOWN)
    except CursorError:
        raise Http404 from None
    pages = {
        way: f"?cursor={key}#history" if key else "" for way, key in (("next", page.next), ("previous", page.previous))
    }
    return {
        "page": "alerts",
        "alert": row,
        "line": alert_line(shown, now),
        "standing": standing(row, now),
        "form": form,
        "told": shown.is_told,
        "readers": reader_lines(row.readers, row.zone) if shown.may_change else (),
        "events": event_lines(page.rows, now, whole=shown.may_change),
        "pages": pages,
        "header": HEADER,
    }


def _preview(plan: AlertPlan, scope: Scope, author: Author) -> dict[str, Any]:
    """What the form shows of the last four weeks; nothing is saved."""
    alert = Alert(tenant=author.tenant, **plan.columns())
    made = preview(subject_of(plan, scope), scope, timezone.now(), silence=acts.silence(plan))
    return {
        "preview": made,
        "preview_lines": preview_lines(alert, made),
        "unknown_days": unknown_days(made.unknown),
        "all_unknown": len(made.unknown) == len(made.days),
        "of_data": When(plan.when) in STANDINGS,
    }


def _test(request: TenantRequest, row: Alert, author: Author) -> None:
    try:
        acts.test(row, author, enqueue_post)
    except TooMany as error:
        messages.error(request, str(error))
    else:
        told = _("A test is on its way to %(email)s.") % {"email": author.email}
        messages.success(request, server.promise(told))


def _to(tenant: str, alert: UUID) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("reports_web:alert_one", args=[tenant, alert]))
