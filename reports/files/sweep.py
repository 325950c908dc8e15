"""The sweeper of files: what a dead worker left is made again, what is old goes. Safe in any number of copies."""

import logging
from datetime import timedelta

from django.core.cache import cache
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from portal.storage import Away
from portal.tenants import wall
from portal.tenants.models.tenants import Tenant
from reports.files import folder, jobs
from reports.files.models import Export, State

logger = logging.getLogger("ringbook.reports")
REMEMBERED = timedelta(days=30)  # after its file is gone: that there was one, to ask for it again
_LISTED_EVERY = 3600  # seconds: each listing of a bucket costs
STRAY = timedelta(hours=6)  # longer than any file takes to be made


def sweep() -> int:
    """One pass over all tenants; how many claims of dead workers were given back."""
    given_back = 0
    everywhere: set[str] = set()
    tenants = list(Tenant.objects.all())
    folder.forget_homes(frozenset(tenant.pk for tenant in tenants))
    for tenant in tenants:
        with wall.tenant(tenant):
            given_back += _give_back()
            _expire()
            Export.objects.filter(
                Q(state__in=(State.EXPIRED, State.FAILED)), expires_at__lt=Now() - REMEMBERED
            ).delete()
            names = frozenset(Export.objects.exclude(file="").values_list("file", flat=True))
            folder.forget_strays(tenant.pk, names, older=STRAY)
            over = Q(state__in=(State.EXPIRED, State.FAILED))
            everywhere |= names - set(Export.objects.filter(over).values_list("file", flat=True))
    if cache.add("exports:strays", 1, timeout=_LISTED_EVERY):
        _forget_stray_objects(frozenset(everywhere))
    return given_back


def _forget_stray_objects(names: frozenset[str]) -> None:
    try:
        folder.forget_stray_objects(names, older=STRAY)
    except Away as error:
        logger.warning("the storage of files does not answer: %s", error)


def _give_back() -> int:
    dead = jobs.lost()
    for export in dead:
        with translation.override(export.language):
            text = _("The server ended while it was being made, several times. Ask your administrator.")
            jobs.give_back(export, text)
        folder.remove(export.tenant_id, export.file)
    return len(dead)


def _expire() -> None:
    """The row first: from then on nobody is given the file."""
    for export in Export.objects.filter(state=State.READY, expires_at__lte=timezone.now()):
        if Export.objects.filter(pk=export.pk, state=State.READY).update(state=State.EXPIRED):
            folder.remove(export.tenant_id, export.file)
