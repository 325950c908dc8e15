"""A person's export as a job: a row and a file as those of any list, asked for by an owner who may see everything.

The number stands in the row alone, sealed (``portal.vault``), and only until the file is made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, cast

from django.db import transaction
from django.db.models import Count, Max, Min
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from portal.audit.record import record
from portal.lib import phones
from portal.tenants.models.tenants import Environment
from reports.annotations.models import CallNote
from reports.files import folder, jobs, making, rights
from reports.files.caps import demand_room
from reports.files.formats import ARCHIVE
from reports.files.models import Export, State, What
from reports.files.rights import covers
from reports.privacy.archive import write_person
from reports.privacy.erasing import NoNumber
from reports.privacy.person import Person
from reports.queries.completeness.freshness import behind
from reports.queries.question import CallQuestion
from reports.queries.scope import Scope


class SeesTooLittle(Exception):
    """Who asks may not see all of the company's data, and so could not answer the person in full."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is of a person at a glance."""

    calls: int
    notes: int
    first: datetime | None
    last: datetime | None


def look(number: str, asker: jobs.Asker, scope: Scope) -> Seen:
    """What there is. That somebody looked is kept in the audit. Raises NoNumber and SeesTooLittle."""
    _demand(number, scope)
    calls = Person.of(asker.tenant_id, number).calls
    span = calls.order_by().aggregate(n=Count("pk"), first=Min("started_at"), last=Max("started_at"))
    notes = CallNote.objects.filter(call__in=calls.order_by().values("pk")).count()
    about = {"calls": span["n"]}
    record("person.looked_for", tenant_id=asker.tenant_id, user=asker.user, about=about, address=asker.address)
    return Seen(span["n"], notes, span["first"], span["last"])


def ask(number: str, asker: jobs.Asker, scope: Scope, hint: Callable[[int, int], object]) -> Export:
    """Write down that a member wants a person's data, in the active language, and ``hint`` at it once it is committed.

    Raises NoNumber, SeesTooLittle and :class:`reports.files.caps.TooMany`. The wall must be open.
    """
    _demand(number, scope)
    with transaction.atomic():
        demand_room(asker)
        export: Export = Export.objects.create(
            tenant_id=asker.tenant_id,
            user=asker.user,
            what=What.PERSON,
            title=_("Data of one person"),
            subject=number,
            format=ARCHIVE.key,
            language=get_language() or "en",
        )
        jobs.note("export.asked", export, asker)
        transaction.on_commit(lambda: hint(export.tenant_id, export.pk))
    return export


def make(export_id: int) -> bool:
    """Make the file if it waits and nobody else is at it; as :func:`reports.files.making.make`."""
    return making.make(export_id, _make)


def waiting() -> list[int]:
    """Of this tenant, oldest first. The wall must be open."""
    rows = Export.objects.filter(state=State.WAITING, what=What.PERSON).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def _make(export: Export) -> bool:
    shown = _everything()
    scope = rights.scope_of(export)
    if not covers(scope, shown):
        raise rights.Withdrawn
    person = Person.of(export.tenant_id, export.subject.reveal())
    progress = making.Progress(export)
    with folder.draft(export.tenant_id, export.file, progress.pulse) as draft:
        held = write_person(export.tenant, person, cast("BinaryIO", draft), progress.pulse)
        size, digest = draft.publish()
    mirror = behind(CallQuestion(), scope)
    made = jobs.ready(
        export,
        rights=shown,
        done=held.calls,
        name=f"{export.tenant.slug}-person-{str(export.public_id)[-12:]}.{ARCHIVE.key}",
        bytes=size,
        sha256=digest,
        complete=mirror.complete,
        as_of=mirror.as_of,
        facts={"title": export.title, "lines": held.lines(), "gaps": [], "notes": []},
        subject="",
    )
    if not made:
        folder.remove(export.tenant_id, export.file)
    return made


def _demand(number: str, scope: Scope) -> None:
    """Whoever may not see numbers must learn nothing of one he tries."""
    if not covers(scope, _everything()):
        raise SeesTooLittle
    if not phones.spellings(number):
        raise NoNumber


def _everything() -> dict[str, Any]:
    """The rights that a person's export needs, as a file keeps them."""
    environments = Environment.objects.order_by("pk").values_list("pk", flat=True)
    return {"environments": list(environments), "agents": None, "numbers": True}
