"""A company's whole audit as a file: a table to read, or lines that say all that is sealed, to be checked anywhere.

A line is one entry as JSON: what ``portal.audit.chain`` seals, by name, and the digest. Each piece is taken behind the
wall of whoever asks.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import chain

from django.utils import translation
from django.utils.translation import gettext as _

from portal.audit.actions import ACTIONS
from portal.audit.chain import sealed
from portal.audit.models import Entry
from portal.audit.record import record
from portal.tenants import wall
from portal.tenants.models.people import Membership
from portal.tenants.models.tenants import Tenant
from reports.files.as_csv import language_of, pieces
from reports.files.formats import FORMATS
from reports.files.jobs import Asker
from reports.files.table import Column, Kind, Row

MEDIA = {"csv": FORMATS["csv"].media_type, "jsonl": "application/jsonl"}
_BATCH = 1000


def audit_headers(slug: str, form: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{slug}-audit.{form}"'}


def audit_csv(tenant: Tenant, asker: Asker, *, dialect: str = "csv") -> Iterator[str]:
    """The table in pieces, oldest entry first, with the addresses of today's members. That it was taken is the last
    entry in it.
    """
    last = _note(asker, "csv")
    with translation.override(language_of(dialect) or translation.get_language()):
        words = {action: str(text) for action, text in ACTIONS.items()}  # now, not while it streams
        return wall.each(tenant, pieces(_columns(), _rows(last, words), tenant.zone, dialect))


def audit_lines(tenant: Tenant, asker: Asker) -> Iterator[str]:
    """The lines, oldest entry first, in pieces. That they were taken is the last of them."""
    batches = _batches(_note(asker, "jsonl"))
    return wall.each(tenant, ("".join(map(_line, batch)) for batch in batches))


def _note(asker: Asker, form: str) -> int:
    entry = record(
        "audit.exported",
        tenant_id=asker.tenant_id,
        user=asker.user if asker.key is None else None,
        key=asker.key,
        about={"format": form},
        address=asker.address,
    )
    return entry.number


def _batches(last: int) -> Iterator[list[Entry]]:
    reached = 0
    while reached < last:
        rows = Entry.objects.filter(number__gt=reached, number__lte=last).select_related("key").order_by("number")
        batch = list(rows[:_BATCH])
        if not batch:
            return
        yield batch
        reached = batch[-1].number


def _line(entry: Entry) -> str:
    return json.dumps(sealed(entry) | {"digest": entry.digest}, sort_keys=True) + "\n"


def _columns() -> tuple[Column, ...]:
    return (
        Column("number", _("Number"), Kind.COUNT),
        Column("at", _("When"), Kind.MOMENT),
        Column("action", _("Act")),
        Column("what", _("What")),
        Column("user", _("Account"), Kind.COUNT),
        Column("who", _("Who")),
        Column("key", _("API key")),
        Column("address", _("Network address")),
        Column("about", _("About")),
        Column("changes", _("What changed")),
        Column("previous", _("Digest of the entry before")),
        Column("digest", "SHA-256"),
    )


def _rows(last: int, words: Mapping[str, str]) -> Iterator[Row]:
    names = dict(Membership.objects.values_list("user_id", "user__email"))
    for entry in chain.from_iterable(_batches(last)):
        yield (
            entry.number,
            entry.at,
            entry.action,
            words.get(entry.action, ""),
            entry.user_id,
            "" if entry.user_id is None else names.get(entry.user_id, ""),
            "" if entry.key is None else str(entry.key.public_id),
            entry.address or "",
            _json(entry.about),
            _json(entry.changes),
            entry.previous,
            entry.digest,
        )


def _json(value: dict[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if value else ""
