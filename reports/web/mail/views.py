"""Scheduled mails of a company: set up, changed, paused, removed, looked at before they go; and what was sent."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.audit.record import address_of
from portal.outbox import server
from portal.outbox.tasks import enqueue
from portal.tenants.guards import TenantRequest, tenant_view
from portal.tenants.models.people import Role
from portal.tenants.rights import Rights
from reports.mail import access, consent, content, log, subscriptions
from reports.mail.content import keeper_of
from reports.mail.links import pointer_to
from reports.mail.models import Subscription
from reports.mail.plans import plan_of, read_plan, readers_of
from reports.mail.preview import TooMany, send_test
from reports.mail.rights import Author, NotAllowed
from reports.queries.cursor import CursorError
from reports.queries.question import QuestionError
from reports.queries.scope import Scope
from reports.queries.titles import report_title
from reports.saved import keeping
from reports.saved.asked import question_of
from reports.saved.keeping import MOST_VIEWS, ViewRefused
from reports.saved.models import LONGEST_NAME, SavedView, ViewOf
from reports.web.mail.form import MailForm, empty_form, form_of, sent_form, wishes
from reports.web.mail.words import delivery_lines, due, mail_line, reader_lines, rhythm

SHOWN = 20


@require_safe
@tenant_view()
def mails(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """The mails that one may see, and what was sent of them."""
    author, now = author_of(request), timezone.now()
    mails = access.subscriptions(author)
    lines = [mail_line(visible, author, now) for visible in mails]
    context = {"page": "mail", "lines": lines, **_deliveries(request, author, mails)}
    return TemplateResponse(request, "reports/mails.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view(to_visits=False)
def mail_new(request: TenantRequest, tenant: str) -> HttpResponseBase:
    """The form of a new mail; sent, it is set up."""
    author = author_of(request)
    form = sent_form(request.POST, author) if request.method == "POST" else empty_form(author, request.GET)
    if request.method == "POST":
        try:
            made = _made(form, author)
        except QuestionError as error:
            form.errors = error.errors
        else:
            messages.success(request, _("The mail is set up."))
            return to_mail(tenant, made.public_id)
    context = {"page": "mail", "form": form}
    return TemplateResponse(request, "reports/mail_new.html", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_view()
def mail_one(request: TenantRequest, tenant: str, mail: UUID) -> HttpResponseBase:
    """One mail: when it goes out, to whom, what was sent; and its form for who may change it."""
    author, now, visible = author_of(request), timezone.now(), own_mail(request, mail)
    row = visible.subscription
    form = form_of(row, author) if visible.may_change else None
    if request.method == "POST":
        demand_change(visible)
        form = sent_form(request.POST, author, row)
        try:
            subscriptions.change(row, read_plan(wishes(form), author, before=row), author)
        except QuestionError as error:
            form.errors = error.errors
        else:
            messages.success(request, _("The mail is changed."))
            return to_mail(tenant, row.public_id)
    status = 400 if form is not None and form.errors else 200
    return TemplateResponse(request, "reports/mail_one.html", _one(request, visible, form, now), status=status)


@require_POST
@tenant_view()
def mail_act(request: TenantRequest, tenant: str, mail: UUID) -> HttpResponseBase:
    """Pause, resume or remove it, set its readers' languages, have one sent to oneself, or leave it, by ``act``."""
    author, visible, act = author_of(request), own_mail(request, mail), request.POST.get("act", "")
    row = visible.subscription
    if act == "test":
        return _test(request, row, author)
    if act == "leave":
        return _leave(request, visible)
    if act not in ("pause", "resume", "remove", "languages"):
        raise Http404
    demand_change(visible)
    if act == "remove":
        subscriptions.remove(row, author)
        messages.success(request, _("“%(name)s” is removed. What was sent stays listed.") % {"name": row.name})
        return HttpResponseRedirect(reverse("reports_web:mail", args=[tenant]))
    if act == "languages":
        _set_languages(request, row, author)
    else:
        try:
            subscriptions.set_paused(row, author, on=act == "pause")
        except NotAllowed as reason:
            messages.error(request, str(log.REASONS[str(reason)]))
    return to_mail(tenant, row.public_id)


@require_POST
@tenant_view(Role.MANAGER)
def delivery_again(request: TenantRequest, tenant: str, delivery: UUID) -> HttpResponseBase:
    """One more try for a mail that failed, or of which nobody knows."""
    author = author_of(request)
    row = access.deliveries(author).filter(public_id=delivery).first()
    if row is None or not own_mail(request, row.subscription.public_id).may_change:
        raise Http404
    try:
        log.send_again(row, author, enqueue)
    except log.NotAgain as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("It is sent again."))
    return HttpResponseRedirect(reverse("reports_web:mail", args=[tenant]) + "#deliveries")


def _made(form: MailForm, author: Author) -> Subscription:
    """The new mail; a question that it asks is saved first, as a report of its maker's own. Raises QuestionError."""
    with transaction.atomic():
        values = form.values
        if form.asks:
            form.values = {**values, "of": f"report:{_kept(form, author).public_id}"}
        try:
            return subscriptions.create(read_plan(wishes(form), author), author)
        except QuestionError:
            form.values = values
            raise


def _kept(form: MailForm, author: Author) -> SavedView:
    """Under the name of the mail, or one like it that is free."""
    question = question_of(form.asks, author.scope)
    keeper = keeper_of(author)
    taken = {view.name for view in keeping.views(keeper, ViewOf.REPORT) if view.mine}
    title = str(form.values["name"]).strip() or report_title(question.metrics, question.by)
    names = (title[:LONGEST_NAME], *(f"{title[: LONGEST_NAME - 4]} {number}" for number in range(2, MOST_VIEWS)))
    try:
        return keeping.keep(keeper, next(name for name in names if name not in taken), form.asks, ViewOf.REPORT)
    except ViewRefused as refusal:
        raise QuestionError({"name": str(refusal)}) from refusal


def author_of(request: TenantRequest) -> Author:
    grant = request.scope_grant
    return Author(
        tenant=request.tenant,
        role=Role(request.membership.role),
        rights=Rights.of(grant),
        scope=Scope.of(grant),
        user=request.user,
        address=address_of(request),
    )


def own_mail(request: TenantRequest, mail: UUID) -> access.Shown:
    try:
        return access.subscription(mail, author_of(request))
    except Subscription.DoesNotExist:
        raise Http404 from None


def demand_change(visible: access.Shown) -> None:
    if not visible.may_change:
        raise PermissionDenied(_("This mail is not yours to change."))


def _one(request: TenantRequest, visible: access.Shown, form: MailForm | None, now: datetime) -> dict[str, Any]:
    author, row = author_of(request), visible.subscription
    context: dict[str, Any] = {
        "page": "mail",
        "mail": row,
        "form": form,
        "rhythm": rhythm(row),
        "due": due(row, now),
        "rests": log.REASONS[row.rests] if row.rests else "",
        "shown": content.title_of(row),
        "goes_to": visible.place,
        **_deliveries(request, author, [visible], row),
    }
    if form is not None:
        context |= {"readers": reader_lines(readers_of(row), row.zone)}
    return context


def _deliveries(
    request: TenantRequest, author: Author, shown: Iterable[access.Shown], row: Subscription | None = None
) -> dict[str, Any]:
    """What was sent, newest first, some at a time."""
    rows = access.deliveries(author)
    try:
        page = log.page(rows if row is None else rows.filter(subscription=row), request.GET.get("cursor", ""), SHOWN)
    except CursorError:
        raise Http404 from None
    pages = {
        way: f"?cursor={key}#deliveries" if key else ""
        for way, key in (("next", page.next), ("previous", page.previous))
    }
    open_to = frozenset(each.subscription.pk for each in shown)
    return {"deliveries": delivery_lines(page.rows, author, open_to, timezone.now()), "pages": pages}


def _test(request: TenantRequest, row: Subscription, author: Author) -> HttpResponseBase:
    try:
        send_test(row, request.user, author, enqueue)
    except NotAllowed as reason:
        messages.error(request, str(log.REASONS[str(reason)]))
    except TooMany as error:
        messages.error(request, str(error))
    else:
        told = _("A test is on its way to %(email)s.") % {"email": author.email}
        messages.success(request, server.promise(told))
    return to_mail(request.tenant.slug, row.public_id)


def _set_languages(request: TenantRequest, row: Subscription, author: Author) -> None:
    """Each reader's own, as the page sends them; one that it does not send stays."""
    readers = {reader.email: request.POST.get(f"language-{reader.public_id}") for reader in readers_of(row)}
    languages = dict(plan_of(row).languages) | {email: language for email, language in readers.items() if language}
    try:
        subscriptions.change(row, read_plan({"languages": languages}, author, before=row), author)
    except QuestionError as error:
        messages.error(request, " ".join(error.errors.values()))
    else:
        messages.success(request, _("The mail is changed."))


def _leave(request: TenantRequest, visible: access.Shown) -> HttpResponseBase:
    if visible.place is not None:
        consent.leave(pointer_to(visible.place))
        messages.success(request, _("“%(name)s” is not sent to you any more.") % {"name": visible.subscription.name})
    return HttpResponseRedirect(reverse("reports_web:mail", args=[request.tenant.slug]))


def to_mail(tenant: str, mail: UUID) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("reports_web:mail_one", args=[tenant, mail]))
