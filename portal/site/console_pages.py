"""Pages of the console that are about the whole installation: a job of the background is asked for now."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal.audit.record import address_of, record
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


urlpatterns = [path("jobs/<slug:job>/", admin.site.admin_view(run_job), name="run_job")]
