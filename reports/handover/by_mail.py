"""A file by mail: to members, attached where it is small enough, else as a link to its page; each is written once."""

from functools import partial

from django.db import transaction
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.formats import figures
from portal.outbox import post
from portal.outbox.models import Letter
from portal.outbox.render import Button, letter
from portal.outbox.tasks import enqueue
from portal.storage import Away
from portal.tenants.brand import address_of, look_of
from portal.tenants.models.people import User
from reports.files import folder
from reports.files.formats import FORMATS
from reports.files.models import Export, What
from reports.handover.access import may_read, scope_now, views_on_board
from reports.handover.handing import NotTaken
from reports.handover.manifest import Parcel
from reports.handover.models import Handover, HandoverState, Way
from reports.mail.enclosed import MOST_BYTES
from reports.mail.rights import NotAllowed

RULE = "handover"


def readers_of(handover: Handover) -> list[User]:
    """The members to whom the file goes and who see all that it shows."""
    users = [reader.user for reader in handover.schedule.readers.select_related("user").order_by("id")]
    return [user for user in users if may_read(user.pk, handover)]


def put(handover: Handover, parcel: Parcel, user: User, title: str) -> Letter:
    """Write the mail for one reader into the outbox, once for each round; inside a transaction."""
    export, tenant = parcel.export, handover.tenant
    attached = handover.schedule.way == Way.ATTACHED
    fits = (export.bytes or 0) + len(parcel.manifest_bytes) <= MOST_BYTES
    with translation.override(user.language or tenant.language):
        mail = letter(
            _subject(handover, title),
            _told(handover, parcel, attached=attached, fits=fits),
            Button(_("Have the file"), file_url(handover)),
            small=[_("SHA-256 of the file: %(digest)s") % {"digest": export.sha256}, _why(handover)],
            look=look_of(tenant),
        )
        message = post.put(
            tenant_id=tenant.pk,
            to=user.email,
            subject=mail.subject,
            text=mail.text,
            html=mail.html,
            headers={"Auto-Submitted": "auto-generated"},
            reference=f"{reference_of(handover)}{user.pk}",
            attachments=_attachments(parcel) if attached and fits else (),
            conduct=post.Conduct(rule=RULE, about={"handover": handover.pk, "user": user.pk}),
        )
    transaction.on_commit(partial(enqueue, tenant.pk, message.pk))
    return message


def reference_of(handover: Handover) -> str:
    """How the references of a round's mails begin."""
    return f"handover:{handover.public_id}:{handover.round}:"


def objection_to_file(message: Letter) -> str:
    """Why the mail of a file that waits in the outbox may not leave any more, or ""."""
    rows = Handover.objects.select_related(
        "export",
        "schedule__grant__tenant",
        "schedule__creator",
        "schedule__key__grant__tenant",
        "schedule__key__made_by",
    )
    handover = rows.filter(pk=message.about.get("handover"), state=HandoverState.SENT).first()
    user_id = int(message.about.get("user", 0))
    if handover is None or handover.schedule.removed_at is not None:
        return "removed"
    if not handover.schedule.readers.filter(user_id=user_id).exists():
        return "left"
    try:
        scope_now(handover.schedule)
        if handover.schedule.what == What.BOARD:
            views_on_board(handover.schedule)
    except NotAllowed as reason:
        return str(reason)
    return "" if may_read(user_id, handover) else "nothing to see"


def file_url(handover: Handover) -> str:
    """Where a member who signs in may have the file."""
    names = [handover.tenant.slug, handover.schedule.public_id, handover.public_id]
    return address_of(handover.tenant) + reverse("reports_web:handover_file", args=names)


def _subject(handover: Handover, title: str) -> str:
    days = figures.days(handover.period.start, handover.period.last_day)
    name = handover.schedule.name or title
    return f"{name}: {days}"


def _told(handover: Handover, parcel: Parcel, *, attached: bool, fits: bool) -> list[str]:
    export: Export = parcel.export
    size = {
        "name": parcel.name,
        "rows": ngettext("%(n)s row", "%(n)s rows", export.done) % {"n": figures.decimal(export.done)},
        "size": filesizeformat(export.bytes or 0),
    }
    lines = [_("%(name)s: %(rows)s, %(size)s.") % size]
    if not export.complete:
        lines.append(_("The data behind it are not complete."))
    if attached and not fits:
        text = _("It is not attached: it is larger than the %(most)s MB that a mail carries.")
        lines.append(text % {"most": figures.decimal(MOST_BYTES / 1e6)})
    if not attached or not fits:
        until = figures.dated_moment(export.expires_at, handover.zone, now=timezone.now()) if export.expires_at else ""
        text = _("It can be had until %(moment)s by whoever signs in and sees all that it shows.")
        lines.append(text % {"moment": until})
    if handover.press:
        lines.append(_("This is a trial: somebody pressed “Try it now”."))
    return lines


def _why(handover: Handover) -> str:
    return _("You get this because “%(name)s” of %(tenant)s goes to you.") % {
        "name": handover.schedule.name,
        "tenant": handover.tenant.name,
    }


def _attachments(parcel: Parcel) -> tuple[post.Attachment, ...]:
    """The file and its manifest. Raises NotTaken where the file cannot be read."""
    export = parcel.export
    try:
        with folder.open_file(export.tenant_id, export.file) as file:
            content = file.read()
    except (OSError, Away):
        raise NotTaken("file away") from None
    return (
        post.Attachment(parcel.name, FORMATS[export.format].media_type, content),
        post.Attachment(parcel.manifest_name, "application/json", parcel.manifest_bytes),
    )
