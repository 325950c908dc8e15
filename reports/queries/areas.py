"""Which area codes a reader is told who may not see numbers: those of so many people that none is known by his own.

A mask shows the last four digits. Where an area has few contacts, area and mask together are one person's, so such
areas are told as other numbers are: the same whatever is asked, so that no two answers can be held against each other.
See portal/decisions/0035-numbers-that-stay-hidden.md.
"""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.core.cache import cache

from portal.lib.alone import alone
from portal.lib.phones import AREA_CODES
from portal.tenants.models.tenants import Environment
from reports.bundle import Bundle
from reports.columns.engine import Statement
from reports.columns.sources import Sources, ask_sources
from reports.definitions.filters import Filters
from reports.definitions.periods import utc_date
from reports.queries.run import Turns
from reports.queries.scope import Scope
from reports.queries.seen import seen, seen_in_files

LEAST_CONTACTS = 20  # of an area that is told
COUNTED_DAYS = timedelta(days=366)
KEPT_SECONDS = 3600  # an area that has grown large enough is told this much later at the most
_BY_AREA = "area_code"
# What is left of a contact tells it from most others and is always the same, so no more are counted than there are: of
# ten million calls in a third of a second, where whole contacts take seconds and much memory.
_APART = 1021


def told_areas(scope: Scope, now: datetime, run: Turns | None = None) -> frozenset[str]:
    """All for who sees numbers; else those of enough contacts within all that the scope leaves, in the last year.

    The wall of the scope's tenant must be open. Raises NotNow and QuestionError. ``run`` stays open.
    """
    if scope.sees_numbers:
        return AREA_CODES
    key = f"areas:{scope.tenant_id}:{sha256(_said(scope).encode()).hexdigest()}"
    if (kept := _kept(key)) is not None:
        return kept
    with alone(key, time.monotonic() + settings.QUESTION_SECONDS):
        if (kept := _kept(key)) is not None:
            return kept
        told = _large(scope, now, run)
        with suppress(Exception):  # without the shared cache they are counted each time
            cache.set(key, sorted(told), timeout=KEPT_SECONDS)
    return told


def limited(
    sources: Sources, scope: Scope, asked: Iterable[tuple[Filters, Iterable[str]]], now: datetime, run: Turns
) -> Sources:
    """What a page's questions read, with the area codes that its reader is told. ``asked`` are their filters and
    groupings: where none is about areas, none is told, and nothing is counted for it.
    """
    if scope.sees_numbers:
        return sources
    about_areas = any(filters.area_codes or _BY_AREA in by for filters, by in asked)
    return replace(sources, areas=told_areas(scope, now, run) if about_areas else frozenset())


def _said(scope: Scope) -> str:
    return f"{sorted(scope.environment_ids)} {None if scope.agent_ids is None else sorted(scope.agent_ids)}"


def _kept(key: str) -> frozenset[str] | None:
    with suppress(Exception):
        areas = cache.get(key)
        return None if areas is None else frozenset(areas)
    return None


def _large(scope: Scope, now: datetime, run: Turns | None) -> frozenset[str]:
    environments = {row.pk: row for row in seen(Environment, scope)}
    mine = run or Turns(scope)
    try:
        bundle, start, end = Bundle(), now - COUNTED_DAYS, now + timedelta(days=1)
        later = ask_sources(bundle, environments, utc_date(start), utc_date(end), mine.begin)
        bundle.fetch()
        rows = mine(
            Statement(
                f"SELECT area_code FROM {seen_in_files(later(), scope, environments, start, end, now)}"
                f" WHERE area_code <> '' GROUP BY area_code"
                f" HAVING count(DISTINCT contact % {_APART}) >= {LEAST_CONTACTS}"
            )
        )
    finally:
        if run is None:
            mine.close()
    return frozenset(area for (area,) in rows)
