"""A call in the callback loop: the call it answers, or the call that answered it. The join is the loop's own."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from portal.tenants.models.tenants import Environment
from reports.measures import outcome
from reports.rollups.loop import PROVIDERS, rules
from reports.rollups.rings import Attempt, Rung, join
from reports.scope import Scope
from sync.models.calls import Call
from sync.taxonomy import Direction, Outcome

MOST = 500  # calls of one contact within the window


@dataclass(frozen=True, slots=True)
class Looped:
    """The other call's id, and how long the contact took. ``answers``: this call is the return, else the other one."""

    other: str
    answers: bool
    waited: timedelta
    attempts: int  # that the return answers, the other ones before included


def looped(public_id: str, scope: Scope) -> Looped | None:
    """None where the call is in no loop, or the other call is not the reader's to see.

    The caller has looked that the reader may see this one. Up to five queries.
    """
    row: Any = Call.objects.values("pk", "environment_id", "contact", "started_at", "direction", "is_test").get(
        pk=public_id
    )
    if not row["contact"] or row["is_test"]:
        return None
    environment = Environment.objects.select_related("tenant").get(pk=row["environment_id"])
    if environment.provider not in PROVIDERS:
        return None
    known = rules([environment])
    routes = known.all_routes
    if not routes.catchers:
        return None
    rings, attempts = _calls_of(row, known.window, {environment.pk: environment.provider})
    for ring in join(rings, attempts, routes, known.window):
        found = _link(ring, row["pk"])
        if found is not None:
            other, agent, answers = found
            waited = ring.at - (ring.given[-1].at if answers else _attempt(ring, row["pk"]).at)
            seen = scope.agent_ids is None or agent in scope.agent_ids
            return Looped(str(other), answers, waited, len(ring.given)) if seen else None
    return None


def _calls_of(row: Any, window: timedelta, providers: dict[int, str]) -> tuple[list[Rung], list[Attempt]]:
    """The contact's calls of the environment, a window each way."""
    rows = Call.objects.filter(
        environment_id=row["environment_id"],
        contact=row["contact"],
        started_at__gte=row["started_at"] - window,
        started_at__lte=row["started_at"] + window,
        is_test=False,
        agent__isnull=False,
    ).annotate(result=outcome(providers, timezone.now()))
    rings, attempts = [], []
    columns = ("environment_id", "pk", "agent_id", "contact", "started_at", "direction", "result")
    found = rows.order_by("started_at", "id").values_list(*columns)[:MOST]
    for home, call, agent, contact, at, direction, result in found:
        if direction == Direction.INBOUND:
            rings.append(Rung(home, call, agent, contact, at))
        elif direction == Direction.OUTBOUND:
            attempts.append(Attempt(home, call, agent, contact, at, result == Outcome.UNREACHED))
    return rings, attempts


def _link(ring: Rung, call: Any) -> tuple[Any, int, bool] | None:
    """The other call, its agent, and whether ``call`` is the ring; None when the ring is no link of it."""
    if ring.answers is None:
        return None
    if ring.call == call:
        return ring.answers.call, ring.answers.agent, True
    return (ring.call, ring.agent, False) if any(attempt.call == call for attempt in ring.given) else None


def _attempt(ring: Rung, call: Any) -> Attempt:
    return next(attempt for attempt in ring.given if attempt.call == call)
