"""What is kept of contacts for the callback loop: the calls missed of them, and those whom nobody reached."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Max, QuerySet

from portal.tenants.models.tenants import Environment
from reports.dimensions import Clock
from reports.rollups.contacts import key_in_sql, know, packed
from reports.rollups.loop_models import MissedCall, UnreachedDay
from sync.models.calls import Call


def missed_rows(
    environment: Environment, missed: QuerySet[Call], connected: QuerySet[Call], clock: Clock
) -> Iterator[MissedCall]:
    """The rows of missed calls; ``connected`` are the connected calls of the same days. Three queries at most."""
    again = connected.filter(contact__in=missed.values("contact")).annotate(on_day=clock.local_day())
    last: dict[tuple[int, str], datetime] = {
        (day, contact): at
        for day, contact, at in again.values_list("on_day", "contact").annotate(last=Max("started_at"))
    }
    told = missed.annotate(on_day=clock.local_day(), key=key_in_sql())
    columns = ("pk", "agent_id", "contact", "started_at", "on_day", "key")
    for call, agent, contact, at, day, key in _known(told.values_list(*columns), missed):
        yield MissedCall(
            tenant_id=environment.tenant_id,
            environment_id=environment.pk,
            call_id=call,
            agent_id=agent,
            contact=contact,
            started_at=at,
            key=key,
            followed=(day, contact) in last and last[day, contact] > at,
        )


def unreached_rows(environment: Environment, calls: QuerySet[Call], clock: Clock) -> Iterator[UnreachedDay]:
    """The sets of contacts by day and agent of ``calls``, which are those that reached nobody. A query or three."""
    days: dict[tuple[int, int], list[int]] = defaultdict(list)
    told = calls.annotate(on_day=clock.local_day(), key=key_in_sql())
    for day, agent, key in _known(told.values_list("on_day", "agent_id", "key").distinct(), calls):
        days[day, agent].append(key)
    for (day, agent), keys in sorted(days.items()):
        yield UnreachedDay(
            tenant_id=environment.tenant_id,
            environment_id=environment.pk,
            agent_id=agent,
            day=day,
            contacts=packed(keys),
        )


def _known(rows: QuerySet[Any, Any], calls: QuerySet[Call]) -> list[tuple[Any, ...]]:
    """Rows with the key of a contact last, given to those that have none yet."""
    found = list(rows)
    if any(row[-1] is None for row in found):  # called since all contacts were given their keys
        know(calls)
        found = list(rows.all())
    return found
