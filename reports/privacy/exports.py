"""Files that tell of people, once some of what they tell is gone."""

from datetime import date
from functools import partial

from django.db import transaction
from django.db.models import F

from portal.lib import phones
from portal.privacy.tombstones import Tombstones
from portal.vault import VaultError
from reports.files import folder
from reports.files.models import Export, State, What
from reports.files.orders import params_of


def withdraw_exports(before: date | None = None) -> None:
    """Nobody is given a file that was made with numbers, or that tells of contacts one by one: a contact's id opens to
    his number. One that is being made is begun again.

    With a day, only those that may tell of calls before it.
    """
    Export.objects.filter(state=State.RUNNING).update(state=State.WAITING, lease_until=None, attempts=F("attempts") + 1)
    for export in Export.objects.filter(state=State.READY):
        tells = export.rights.get("numbers", True) or export.what != What.REPORT
        if tells and _reaches(export, before):
            Export.objects.filter(pk=export.pk, state=State.READY).update(state=State.EXPIRED)
            transaction.on_commit(partial(folder.remove, export.tenant_id, export.file))


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
