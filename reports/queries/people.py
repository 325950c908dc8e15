"""Different contacts by group: sets kept day by day, merged; and counted among the calls where no set was kept."""

from collections import defaultdict

from django.db.models import Case, Count, IntegerField, Q, Value, When
from django.db.models.expressions import Combinable

from reports.dimensions import DIMENSIONS
from reports.measures import CONTACTS, REACHED, Distinct, outcome
from reports.queries.bundle import Bundle, Got, Later, grouped_by
from reports.queries.plan import Plan
from reports.queries.sums import Group, grouped, grouped_rollups
from reports.rollups.contacts import Crowd, key_in_sql, unpacked
from reports.rollups.models import ContactDay
from sync.taxonomy import Outcome

People = dict[Group, dict[Distinct, int]]
HELD = frozenset(key for key, known in DIMENSIONS.items() if known.of_day is not None) | {"environment"}


def people(bundle: Bundle, plan: Plan, by: tuple[str, ...]) -> Later[People]:
    """Different contacts, and those of connected calls, by group; calls without a contact have none."""
    if not plan.held or not _sets_know(plan, by):
        return _counted(bundle, plan, by)
    rows, names = grouped_rollups(plan.rollups(ContactDay), by, plan.span.clock)
    kept = bundle.add(rows, *names, "connected", "others")
    live = _live(bundle, plan, by)

    def read() -> People:
        crowds: dict[Group, Crowd] = defaultdict(Crowd)
        for *group, met, tried in kept.rows:
            crowd = crowds[tuple(group)]
            crowd.met.append(unpacked(met))
            crowd.tried.append(unpacked(tried))
        _join(crowds, live)
        return {group: _told(*crowd.count()) for group, crowd in crowds.items()}

    return read


def _sets_know(plan: Plan, by: tuple[str, ...]) -> bool:
    chosen = plan.reach.filters
    return set(by) <= HELD and plan.reach.agent_ids is None and not (chosen.statuses or chosen.direction)


def _told(people: int, reached: int) -> dict[Distinct, int]:
    return {CONTACTS: people, REACHED: reached}


def _connected(plan: Plan) -> Q:
    return Q(result=Outcome.CONNECTED.value)


def _live(bundle: Bundle, plan: Plan, by: tuple[str, ...]) -> Got:
    """The contacts of the days that no set is kept of: each with its key where it has one, and whether it was met."""
    if not plan.live:
        return Got()
    rows, names = grouped(plan.calls(), by, plan.span.clock)
    rows = rows.exclude(contact="").alias(result=outcome(plan.reach.providers, plan.span.now))
    met: Combinable = Case(When(_connected(plan), then=Value(1)), default=Value(0), output_field=IntegerField())
    rows = rows.annotate(met=met, key=key_in_sql()).values(*names, "contact", "met", "key").distinct()
    return bundle.add(rows, *names, "contact", "met", "key")


def _join(crowds: dict[Group, Crowd], live: Got) -> None:
    met: dict[Group, set[int]] = defaultdict(set)
    tried: dict[Group, set[int]] = defaultdict(set)
    for *keys, number, was_met, key in live.rows:
        group = tuple(keys)
        crowd = crowds[group]
        if key is None:
            crowd.new[number] = crowd.new.get(number, False) or bool(was_met)
        else:
            (met if was_met else tried)[group].add(key)
    for group in met.keys() | tried.keys():
        crowds[group].met.append(sorted(met[group]))
        crowds[group].tried.append(sorted(tried[group] - met[group]))


def _counted(bundle: Bundle, plan: Plan, by: tuple[str, ...]) -> Later[People]:
    """Counted by the database among all calls of the span."""
    rows, names = grouped(plan.calls(everything=True), by, plan.span.clock)
    rows = rows.exclude(contact="").alias(result=outcome(plan.reach.providers, plan.span.now))
    counted = grouped_by(rows, names).annotate(
        people=Count("contact", distinct=True), reached=Count("contact", distinct=True, filter=_connected(plan))
    )
    got = bundle.add(counted, *names, "people", "reached")
    return lambda: {tuple(group): _told(people, reached) for *group, people, reached in got.rows}
