"""How many files one asker may have asked for and one tenant may keep, so that nobody uses up what is everybody's."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.audit.models import Entry
from portal.formats.figures import decimal
from portal.tenants.models.tenants import Tenant
from reports.files.models import Export, State

if TYPE_CHECKING:
    from reports.files.jobs import Asker

OPEN = (State.WAITING, State.RUNNING)
MOST_OPEN = 20  # of one tenant, waiting or being made
MOST_OPEN_OF_ONE = 5  # so that others' wait is never longer than for five of each
MOST_PER_HOUR = 60  # of one asker, withdrawn ones too


class TooMany(Exception):
    """No further file may be asked for now; the text says why. ``status`` is how an API says so: 429 where time helps
    by itself, 409 where files have to go first."""

    def __init__(self, text: str, status: int = 429) -> None:
        super().__init__(text)
        self.status = status


def demand_room(asker: "Asker") -> None:
    """Raise TooMany unless the asker may ask for one more file. The wall must be open.

    Who asks at the same moment waits until this transaction ends, and is counted with what it adds.
    """
    Tenant.objects.select_for_update(no_key=True).get(pk=asker.tenant_id)
    under_way = Export.objects.filter(state__in=OPEN, grant=None)
    if asker.own().filter(state__in=OPEN).count() >= MOST_OPEN_OF_ONE:
        text = _("%(n)s of your files are under way already. Wait until some of them are ready.")
        raise TooMany(text % {"n": MOST_OPEN_OF_ONE})
    if under_way.count() >= MOST_OPEN:
        raise TooMany(_("%(n)s files are under way already. Wait until some of them are ready.") % {"n": MOST_OPEN})
    if _asked_within_the_hour(asker) >= MOST_PER_HOUR:
        raise TooMany(_("You asked for %(n)s files within the hour. Wait a little.") % {"n": MOST_PER_HOUR})
    demand_space()


def demand_space() -> None:
    """Raise TooMany where the files of the tenant fill what they may. The wall must be open."""
    kept = Export.objects.filter(state=State.READY).aggregate(bytes=Sum("bytes"))["bytes"] or 0
    if kept >= settings.EXPORTS_ROOM:
        text = _("The files of your company fill their %(size)s GB. Delete some, or wait until they go.")
        raise TooMany(text % {"size": decimal(settings.EXPORTS_ROOM / 10**9, 1)}, 409)


def _asked_within_the_hour(asker: "Asker") -> int:
    """By the audit, from which deleting a file takes nothing."""
    by: dict[str, Any] = {"key": asker.key} if asker.key is not None else {"user": asker.user, "key": None}
    since = timezone.now() - timedelta(hours=1)
    asked = Entry.objects.filter(tenant_id=asker.tenant_id, at__gte=since, action="export.asked", **by)
    return int(asked.count())
