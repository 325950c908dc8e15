"""What a person does about an element that could not be read: accept it as no call, think better of it, read it again.

Each act is one transaction with the judgement of the element's window and an entry in the tenant's audit, which names
the element and nothing of its content.
"""

from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from portal.audit.record import record as note_down
from portal.work.clock import database_now
from portal.work.retries import persist
from sync.leases import Busy, claim
from sync.mirror import Mirror
from sync.mirror.broken import judge_again
from sync.models.connections import Connection
from sync.models.quarantine import ACCEPTED, OPEN, Quarantine
from sync.models.runs import Run, RunState, Window
from sync.providers import registry
from sync.providers.tolerant import Unreadable, kept_whole
from sync.providers.values import clean
from sync.records import BrokenRecord, Record
from sync.taxonomy import Stream

LONGEST_NOTE = 1000


class Refused(Exception):
    """The act can't be done; the text is one sentence in the reader's language."""


def accept(element: Quarantine, note: str, *, user: Any = None, address: str | None = None) -> None:
    """Take an open element for no call: it makes its window incomplete no more. Raises Refused."""
    text = clean(note, LONGEST_NOTE).strip()
    if not text:
        raise Refused(_("Say in a note why this is no call."))
    values = {"accepted_at": database_now(), "accepted_by": user, "note": text}
    _change(element, OPEN, values, ("quarantine.accepted", user, address))


def reopen(element: Quarantine, *, user: Any = None, address: str | None = None) -> None:
    """Take an acceptance back: the window is incomplete again. Raises Refused."""
    values = {"accepted_at": None, "accepted_by": None, "note": ""}
    _change(element, ACCEPTED, values, ("quarantine.reopened", user, address))


def reread(element: Quarantine, *, user: Any = None, address: str | None = None) -> bool:
    """Read an element's kept text again, as an upgrade may have learned to. Whether it came in; if not, it stays open.

    It is mirrored under a run of its own, as of when the vendor last showed it. Raises Refused.
    """
    connection = Connection.objects.select_related("tenant").defer("token").filter(environment=element.environment_id)
    filled_by = connection.first()
    if filled_by is None:
        raise Refused(_("The environment has no connection."))
    if not kept_whole(element.raw):
        raise Refused(_("Its text could not be kept as the vendor sent it. Read its day again instead."))
    try:
        record = registry.get(filled_by.provider).reread(_record(element), filled_by.settings)
    except Unreadable as error:
        Quarantine.objects.filter(pk=element.pk).update(reason=str(error)[:300])
        return False
    except (ValueError, LookupError) as error:  # settings, or an element of a kind that is not read any more
        raise Refused(str(error)) from error
    try:
        run = persist(lambda: claim(filled_by, Stream(element.stream)))
    except Busy as error:
        raise Refused(_("It is being read by another process just now. Try again in a moment.")) from error
    state = RunState.FAILED
    try:
        persist(lambda: _take_in(element, record, run, filled_by, (user, address)))
        state = RunState.COMPLETE
    finally:
        mine = Run.objects.filter(pk=run.pk, fence=run.fence, state=RunState.RUNNING)
        persist(lambda: mine.update(state=state, lease_until=None, finished_at=database_now()))
    return True


def _record(element: Quarantine) -> BrokenRecord:
    return BrokenRecord(
        kind=element.kind,
        external_id=element.external_id,
        digest=bytes(element.digest),
        raw=element.raw,
        reason=element.reason,
        stream=element.stream,
        part=element.part,
        day=element.day,
    )


def _take_in(
    element: Quarantine, record: Record, run: Run, connection: Connection, who: tuple[Any, str | None]
) -> None:
    with transaction.atomic():
        mirror = Mirror(run, connection, connection.tenant.zone)
        mirror.write([(record, element.last_seen_at)], [], seen=1)
        Quarantine.objects.filter(pk=element.pk).update(released_at=database_now())
        judge_again(element.environment_id, [(element.stream, element.part)])
        _note(element, "quarantine.read_again", *who)


def _change(element: Quarantine, state: Q, values: dict[str, Any], act: tuple[str, Any, str | None]) -> None:
    """Write ``values`` if the element is still in ``state``, and judge its window."""

    def change() -> None:
        with transaction.atomic():
            # The window first, as in a reading that ends, so that neither waits for the other in a circle.
            here = {"environment_id": element.environment_id, "stream": element.stream, "part": element.part}
            list(Window.objects.select_for_update(of=("self",)).filter(**here).values_list("pk"))
            if not Quarantine.objects.filter(state, pk=element.pk).update(**values):
                raise Refused(_("This was changed meanwhile, or is broken no more."))
            judge_again(element.environment_id, [(element.stream, element.part)])
            _note(element, *act)

    persist(change)


def _note(element: Quarantine, action: str, user: Any, address: str | None) -> None:
    about = {"element": str(element.public_id), "environment": str(element.environment.public_id), "kind": element.kind}
    if element.day:
        about["day"] = element.day.isoformat()
    note_down(action, tenant_id=element.tenant_id, user=user, about=about, address=address)
