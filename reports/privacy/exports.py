"""Files that were made with numbers, once some of these are gone."""

from datetime import date

from django.db.models import F

from reports.files import folder
from reports.files.models import Export, State
from reports.files.orders import params_of


def withdraw_exports(before: date | None = None) -> None:
    """Nobody is given a file that was made with numbers; one that is being made is begun again.

    With a day, only those that may tell of calls before it.
    """
    Export.objects.filter(state=State.RUNNING).update(state=State.WAITING, lease_until=None, attempts=F("attempts") + 1)
    for export in Export.objects.filter(state=State.READY):
        if export.rights.get("numbers", True) and _reaches(export, before):
            Export.objects.filter(pk=export.pk, state=State.READY).update(state=State.EXPIRED)
            folder.remove(export.tenant_id, export.file)


def _reaches(export: Export, before: date | None) -> bool:
    first = params_of(export).get("date_from", "")
    return before is None or not first or first < (before.isoformat())
