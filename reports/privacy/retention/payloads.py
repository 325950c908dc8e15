"""Links, transcripts, or all the rest that a vendor sent of a call: taken out of the texts of calls that are old."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Min, QuerySet

from portal.privacy.registry import DataClass
from portal.privacy.tombstones import burying
from portal.tenants.models.tenants import Environment
from portal.work.retries import persist
from reports.privacy.retention.rounds import Round, some_of
from sync.mirror.retained import without
from sync.models.calls import Call, Payload

_STEP = timedelta(days=1)  # noted as looked through, once it is
_BATCH = 200


def take_from_payloads(round_: Round) -> None:
    environments = list(Environment.objects.order_by("pk").values_list("pk", flat=True))
    reached = round_.rule.reached
    while (start := _first(environments, reached, round_.since)) is not None:
        reached = min(start + _STEP, round_.since)
        for environment_id in environments:
            for keys in some_of(_keys(environment_id, start, reached), _BATCH):
                _take(round_, keys)
        _reach(round_, reached)
        round_.go_on()
    _reach(round_, round_.since)


def _first(environments: Sequence[int], reached: datetime | None, since: datetime) -> datetime | None:
    """When the first call began that was not looked through; None when all of them were."""
    starts = [
        _calls(environment_id, reached, since).aggregate(first=Min("started_at"))["first"]
        for environment_id in environments
    ]
    return min((start for start in starts if start is not None), default=None)


def _calls(environment_id: int, first: datetime | None, since: datetime) -> QuerySet[Call]:
    rows: QuerySet[Call] = Call.objects.filter(environment_id=environment_id, started_at__lt=since)
    return rows if first is None else rows.filter(started_at__gte=first)


def _keys(environment_id: int, first: datetime, since: datetime) -> list[Any]:
    return list(_calls(environment_id, first, since).order_by("started_at", "id").values_list("pk", flat=True))


def _take(round_: Round, keys: Sequence[Any]) -> None:
    def take() -> None:
        rows = Payload.objects.filter(call_id__in=keys).order_by("call_id")
        longer = [row.pk for row in rows if without(row.raw, (round_.what,)) != row.raw]
        with transaction.atomic():
            shorter = []
            if longer:
                burying(round_.rule.tenant_id)  # a reading of the vendor holds rows in an order of its own
                for row in rows.filter(pk__in=longer).select_for_update(of=("self",)):
                    row.raw = without(row.raw, (round_.what,))
                    shorter.append(row)
            Payload.objects.bulk_update(shorter, ("raw",))
            round_.note(len(shorter))

    persist(take)


def _reach(round_: Round, reached: datetime) -> None:
    def reach() -> None:
        with transaction.atomic():
            round_.note(0, reached=reached)

    persist(reach)


def held(what: DataClass, environment_id: int, since: datetime) -> Iterator[datetime | None]:
    """Of each call of before ``since``, the oldest first, when it began if it has something of the class, else None."""
    rows = _calls(environment_id, None, since).order_by("started_at", "id")
    for start, raw in rows.values_list("started_at", "payload__raw").iterator(chunk_size=_BATCH):
        yield start if raw is not None and without(raw, (what,)) != raw else None
