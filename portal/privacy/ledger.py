"""Erasures beside the database: one file each below ``DATA_DIR/erasures``, which a restored backup does not undo.

Files and rows are held equal by :func:`agree`, which every reading of a vendor and the sweep begin with: an erasure
that the database of yesterday does not know is owed again, and one whose process died before its file is written down.
Files hold what the rows hold, hashes and no number, and are never changed. Erasures that a restored database does not
know are made up for before anything of their tenant is served (``portal.privacy.pending``).
"""

import json
import os
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction

from portal.privacy.models import Erasure, Reason
from portal.privacy.tombstones import burying
from portal.tenants import wall
from portal.tenants.models.tenants import Tenant

_SUFFIX = ".jsonl"


def write_down(erasure: Erasure) -> None:
    """The file of an erasure, durably; one that is there is left as it is."""
    folder = _folder(erasure.tenant_id)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    line = {"id": str(erasure.public_id), "numbers": erasure.numbers, "reason": str(erasure.reason)}
    path, draft = folder / f"{erasure.public_id}{_SUFFIX}", folder / f".{erasure.public_id}.{os.getpid()}"
    if path.exists():
        return
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(json.dumps(line) + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def agree(tenant_id: int) -> int:
    """Put back what is missing on either side; how many erasures are owed again. The tenant's wall must be open."""
    folder = _folder(tenant_id)
    files = {path.stem: path for path in folder.glob(f"*{_SUFFIX}")} if folder.is_dir() else {}
    rows = {str(row.public_id): row for row in Erasure.objects.filter(tenant_id=tenant_id)}
    for name in rows.keys() - files.keys():
        write_down(rows[name])
    lost = sorted(files.keys() - rows.keys())
    if lost:
        with transaction.atomic():
            burying(tenant_id)
            for name in lost:
                _put_back(tenant_id, files[name])
    return len(lost)


def pending() -> frozenset[int]:
    """The tenants with an erasure that the database forgot and that is not done again. At most two queries."""
    files: dict[int, set[str]] = {}
    for folder in home().iterdir() if home().is_dir() else ():
        if folder.name.isdecimal() and folder.is_dir():
            files[int(folder.name)] = {path.stem for path in folder.glob(f"*{_SUFFIX}")}
    if not any(files.values()):
        return frozenset()
    with wall.every_tenant("what was erased before the database was restored"):
        rows = list(Erasure.objects.values_list("tenant_id", "public_id", "restored", "done_at"))
    done = {(tenant, str(name)) for tenant, name, restored, done_at in rows if done_at is not None or not restored}
    open_ones = {tenant for tenant, names in files.items() if any((tenant, name) not in done for name in names)}
    # A company that the database does not have shows nobody a number, and nothing can be done again for it.
    return frozenset(Tenant.objects.filter(pk__in=open_ones).values_list("pk", flat=True)) if open_ones else frozenset()


def _put_back(tenant_id: int, path: Path) -> None:
    line = json.loads(path.read_text())
    kept = {"numbers": line["numbers"], "reason": Reason(line["reason"]), "restored": True}
    Erasure.objects.get_or_create(tenant_id=tenant_id, public_id=UUID(path.stem), defaults=kept)


def _folder(tenant_id: int) -> Path:
    return home() / str(tenant_id)


def home() -> Path:
    """The folder of all tenants' erasures."""
    return Path(settings.DATA_DIR) / "erasures"
