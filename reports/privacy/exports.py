"""Files that tell of people, once some of what they tell is gone."""

from datetime import date
from email import message_from_bytes
from email.policy import default
from functools import partial

from django.db import transaction
from django.db.models import F
from django.utils import translation
from django.utils.translation import gettext as _

from portal.lib import phones
from portal.outbox.folder import home
from portal.outbox.models import Message
from portal.privacy.tombstones import Tombstones
from portal.storage import Away
from portal.vault import VaultError
from reports.files import folder
from reports.files.models import Export, State, What
from reports.files.orders import params_of
from reports.privacy import inside


def withdraw_exports(before: date | None = None, tombstones: Tombstones | None = None) -> None:
    """Nobody is given a file that was made with numbers, or that tells of contacts one by one: a contact's id opens to
    his number. Nor one in which an erased number stands all the same. One that is being made is begun again.

    With a day, only those that may tell of calls before it.
    """
    Export.objects.filter(state=State.RUNNING).update(state=State.WAITING, lease_until=None, attempts=F("attempts") + 1)
    for export in Export.objects.filter(state=State.READY):
        tells = export.rights.get("numbers", True) or export.what != What.REPORT
        if (tells and _reaches(export, before)) or (tombstones is not None and _holds(export, tombstones)):
            with translation.override(export.language):
                reason = _("This file was withdrawn: it may hold data that were erased. Ask for it again.")
            Export.objects.filter(pk=export.pk, state=State.READY).update(state=State.EXPIRED, error=reason)
            transaction.on_commit(partial(folder.remove, export.tenant_id, export.file))


def _holds(export: Export, tombstones: Tombstones) -> bool:
    """Whether the file says an erased number, or nobody can look."""
    try:
        with folder.open_file(export.tenant_id, export.file) as file:
            return inside.names(tombstones, file)
    except FileNotFoundError:
        return False
    except (OSError, Away):
        return True


def forget_copies(tombstones: Tombstones) -> None:
    """Take away what lies in the folder of a portal without a mail server: the tenant's mails that held a number."""
    for path in sorted(home().glob("*.eml")):
        content = path.read_bytes()
        message_id = message_from_bytes(content, policy=default)["Message-ID"]
        own = Message.objects.filter(message_id=str(message_id)).exists()
        if own and inside.mail_names(tombstones, content):
            path.unlink(missing_ok=True)


def forget_requests(tombstones: Tombstones) -> None:
    """Nobody's export is asked for by an erased number any more; it stood in the row, sealed."""
    for export in Export.objects.filter(what=What.PERSON).exclude(subject=""):
        try:
            named = any(map(tombstones.holds, phones.spellings(export.subject.reveal())))
        except VaultError:
            named = True  # and nobody can make it
        if named:
            Export.objects.filter(pk=export.pk).delete()
            transaction.on_commit(partial(folder.remove, export.tenant_id, export.file))


def _reaches(export: Export, before: date | None) -> bool:
    if export.what == What.BOARD:  # which holds several questions, each by its title
        return True
    first = params_of(export).get("date_from", "")
    return before is None or not first or first < before.isoformat()
