"""Handing a file out: its headers, and how it says what its rows cannot: how far the mirror stood when it was made."""

import base64

from django.http import FileResponse
from django.utils.translation import gettext as _

from portal.lib.times import rfc3339
from portal.storage import Away
from reports.files import folder, jobs, rights
from reports.files.formats import HANDED_OUT
from reports.files.models import Export, State
from reports.queries.answer import Completeness


class Refused(Exception):
    """The file is not handed out; ``status`` is HTTP's, the text a sentence in the active language."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def headers(name: str, completeness: Completeness) -> dict[str, str]:
    """Headers of a CSV named ``name``. A list that is not complete says so in its name too, which outlives headers."""
    stem = name if completeness.complete else f"{name}-incomplete"
    headers = {
        "Content-Disposition": f'attachment; filename="{stem}.csv"',
        "X-Mirror-Complete": "true" if completeness.complete else "false",
    }
    if completeness.quarantined:
        headers["X-Mirror-Quarantined"] = str(completeness.quarantined)
    return headers | ({"X-Mirror-As-Of": rfc3339(completeness.as_of)} if completeness.as_of else {})


def may_have(export: Export) -> bool:
    """Whether whoever asked for the export may see today all that it shows."""
    try:
        return rights.covers(rights.scope_of(export), export.rights)
    except rights.Withdrawn:
        return False


def hand_out(export: Export, asker: jobs.Asker, *, noted: bool = True) -> FileResponse:
    """The file, streamed, or Refused. The rights of its asker are looked up anew; ``noted`` in the audit.

    The wall must be open. The answer is not compressed again: its length and digest are those of the file.
    """
    if export.state == State.EXPIRED:
        raise Refused(410, export.error or _("This file has expired. Ask for it again."))
    if export.state == State.FAILED:
        raise Refused(409, export.error)
    if export.state != State.READY:
        raise Refused(409, _("This file is still being made."))
    if not may_have(export):
        raise Refused(403, _("You may see less than this file shows, so it is not handed out any more."))
    try:
        file = folder.open_file(export.tenant_id, export.file)
    except Away:
        text = _("The storage of files does not answer. Try again in a moment.")
        raise Refused(503, text) from None
    except OSError:
        text = _("The file is not on this server any more. Ask for it again, or tell your administrator.")
        raise Refused(410, text) from None
    if noted:
        jobs.note("export.downloaded", export, asker)
    digest = base64.b64encode(bytes.fromhex(export.sha256)).decode("ascii")
    response = FileResponse(
        file,
        as_attachment=True,
        filename=export.name,
        content_type=HANDED_OUT[export.format].media_type,
        headers={
            "X-Content-SHA256": export.sha256,
            "Digest": f"sha-256={digest}",
            "Repr-Digest": f"sha-256=:{digest}:",
            "X-Mirror-Complete": "true" if export.complete else "false",
            "X-Content-Type-Options": "nosniff",
            "Content-Encoding": "identity",  # keeps the site's compression from changing the length
        },
    )
    response.headers["Content-Length"] = str(export.bytes)
    if export.as_of:
        response.headers["X-Mirror-As-Of"] = rfc3339(export.as_of)
    return response
