"""Handing the file of a handover out to a member who follows a link, if he sees all that it shows."""

from django.http import FileResponse
from django.utils.translation import gettext as _

from portal.audit.record import record
from portal.tenants.models.people import User
from reports.files import downloads, jobs
from reports.handover.access import may_read
from reports.handover.models import Handover, HandoverState


def hand_out(handover: Handover, user: User, address: str | None) -> FileResponse:
    """The file, streamed; raises :class:`reports.files.downloads.Refused`. What its maker and the member may see is
    looked up anew. The wall must be open."""
    export = handover.export
    if export is None or handover.state != HandoverState.SENT:
        raise downloads.Refused(404, _("There is no file of this period, or not any more."))
    if not may_read(user.pk, handover):
        raise downloads.Refused(403, _("You may see less than this file shows, so it is not handed out to you."))
    asker = jobs.Asker(handover.tenant_id, user=user, address=address)
    response = downloads.hand_out(export, asker, noted=False)
    about = {"handover": str(handover.public_id), "schedule": str(handover.schedule.public_id)}
    record("handover.downloaded", tenant_id=handover.tenant_id, user=user, about=about, address=address)
    return response
