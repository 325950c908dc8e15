"""What keeps the data of some environments from being whole and new: silence, gaps, refused tokens. For alerts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.tenants.models.tenants import Environment
from reports.queries.question import Filters
from reports.queries.scope import Scope
from reports.queries.selector import resolve
from sync import freshness as ledger


@dataclass(frozen=True, slots=True)
class Want:
    """``since`` is when it began: the last reading of what is old."""

    environment: str  # its name
    since: datetime | None


def stale(scope: Scope, filters: Filters, at: datetime, longer_than: timedelta) -> list[Want]:
    """The environments whose calls nobody has read for longer than this."""

    def found(rows: Mapping[int, Environment]) -> Mapping[int, datetime | None]:
        read = ledger.last_read(rows)
        return {key: moment for key, moment in read.items() if at - moment > longer_than}

    return _wants(scope, filters, at, found)


def gaps(scope: Scope, filters: Filters, at: datetime, longer_than: timedelta) -> list[Want]:
    """The environments that lack something for longer than this, by their oldest gap."""

    def found(rows: Mapping[int, Environment]) -> Mapping[int, datetime | None]:
        oldest: dict[int, datetime | None] = {}
        for gap in ledger.open_gaps(rows).order_by("-opened_at"):
            if at - gap.opened_at >= longer_than:
                oldest[gap.environment_id] = gap.opened_at
        return oldest

    return _wants(scope, filters, at, found)


def refusals(scope: Scope, filters: Filters, at: datetime) -> list[Want]:
    """The environments whose token the vendor refuses."""
    return _wants(scope, filters, at, ledger.refused)


def _wants(
    scope: Scope,
    filters: Filters,
    at: datetime,
    find: Callable[[Mapping[int, Environment]], Mapping[int, datetime | None]],
) -> list[Want]:
    environments = resolve(filters, scope, now=at).environments
    found = find(environments)
    wants = [Want(environments[key].name, since) for key, since in found.items()]
    return sorted(wants, key=lambda want: want.environment)
