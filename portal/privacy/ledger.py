"""Erasures beside the database: one file each below ``DATA_DIR/erasures``, which a restored backup does not undo.

Files and rows are held equal by :func:`agree`, which every reading of a vendor and the sweep begin with: an erasure
that the database of yesterday does not know is owed again, and one whose process died before its file is written down.
Files hold what the rows hold, hashes and no number, and are never changed.
"""

import json
import os
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction

from portal.privacy.models import Erasure, Reason
from portal.privacy.tombstones import burying

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


def _put_back(tenant_id: int, path: Path) -> None:
    line = json.loads(path.read_text())
    kept = {"numbers": line["numbers"], "reason": Reason(line["reason"])}
    Erasure.objects.get_or_create(tenant_id=tenant_id, public_id=UUID(path.stem), defaults=kept)


def _folder(tenant_id: int) -> Path:
    return Path(settings.DATA_DIR) / "erasures" / str(tenant_id)
