"""Pages of the console that are about the whole installation: run a job of the background now, send a test mail."""

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from portal.audit.record import address_of, record
from portal.outbox import server
from portal.outbox.tasks import enqueue_platform
from portal.site import jobs


@require_http_methods(["GET", "HEAD", "POST"])
def run_job(request: HttpRequest, job: str) -> HttpResponse:
    """Asks whether it is meant, then hints the workers."""
    chosen = next((each for each in jobs.jobs() if each.name == job), None)
    if chosen is None:
        raise Http404
    if not request.user.has_perm("runtime.change_alarm"):
        raise PermissionDenied
    if request.method != "POST":
        context = {**admin.site.each_context(request), "title": _("Run a job now"), "job": chosen}
        return TemplateResponse(request, "admin/run_job.html", context)
    record("job.asked", tenant_id=None, user=request.user, about={"job": job}, address=address_of(request))
    if jobs.run(job):
        messages.success(request, _("A worker was asked for it: %(job)s.") % {"job": chosen.words})
    else:
        messages.error(request, _("The broker takes no messages, so no worker could be asked."))
    return redirect("admin:index")


@require_POST
def send_test_mail(request: HttpRequest) -> HttpResponse:
    """Mails a test to the administrator who asks, and leads to its row, which holds the mail server's answer."""
    user: Any = request.user
    if not user.has_perm("outbox.change_platformmessage"):
        raise PermissionDenied
    try:
        with transaction.atomic():
            message = server.send_test(user.email, None)
            record("mail.tested", tenant_id=None, user=user, address=address_of(request))
            transaction.on_commit(partial(enqueue_platform, message.pk))
    except server.TooManyTests:
        messages.error(request, _("Enough test mails were sent within the hour. Wait a little."))
        return redirect("admin:outbox_platformmessage_changelist")
    return redirect("admin:outbox_platformmessage_change", message.pk)


urlpatterns = [
    path("test-mail/", admin.site.admin_view(send_test_mail), name="send_test_mail"),
    path("jobs/<slug:job>/", admin.site.admin_view(run_job), name="run_job"),
]
