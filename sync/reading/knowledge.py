"""What the rows already tell a reader: which elements are mirrored, how the vendor's days behave, what to believe."""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta

from portal.privacy.models import Erasure, Retention
from portal.privacy.registry import DataClass
from portal.privacy.tombstones import GONE, digest_of, id_of
from portal.work.clock import database_now
from sync.mirror.calls import known_of, known_of_agent
from sync.mirror.lists import listed_agents, listed_campaigns
from sync.models.connections import Connection, DayFilter
from sync.models.quarantine import Quarantine
from sync.models.runs import Gap, Window
from sync.providers.base import Part
from sync.records import Mark
from sync.taxonomy import Fault, Stream
from sync.windows import BELIEVED_AFTER


class Sealed(dict[bytes, str]):
    """Known digests, those among them that stand for the vendor's own since the call's number is gone."""

    def __contains__(self, mark: object) -> bool:
        return super().__contains__(mark) or (isinstance(mark, bytes) and super().__contains__(digest_of(mark)))

    def __missing__(self, mark: bytes) -> str:
        sealed = digest_of(mark)
        if not super().__contains__(sealed):
            raise KeyError(mark)
        return self[sealed]


def known_digests(environment_id: int, part: Part) -> dict[bytes, str]:
    """Digests and ids of the mirrored calls that an answer about the part may show."""
    if part.stream != Stream.CALLS:
        return {}
    if part.day is None:
        known = known_of_agent(environment_id, part.key.removeprefix("agent:"))
    else:
        known = known_of(environment_id, *_span(part.day, margin=1 if part.wide else 0))
    return Sealed(known) if _numbers_may_be_gone() else known


def _numbers_may_be_gone() -> bool:
    return Erasure.objects.exists() or Retention.objects.filter(what=DataClass.NUMBERS).exists()


def held_ids(environment_id: int, part: Part) -> set[str]:
    """Ids of everything mirrored of exactly the part that upstream is not known to have lost."""
    match part.stream:
        case Stream.CALLS if part.day is not None:
            return set(known_of(environment_id, *_span(part.day)).values())
        case Stream.AGENTS:
            return listed_agents(environment_id)
        case Stream.CAMPAIGNS:
            return listed_campaigns(environment_id)
    return set()


def by_the_vendor(tenant_id: int, held: set[str], shown: Collection[str]) -> set[str]:
    """The ids that are ``held``: those in place of ids made of a number that is gone as the vendor says them, where it
    has ``shown`` them.
    """
    if not any(key.startswith(GONE) for key in held):
        return held
    told = {id_of(tenant_id, key): key for key in shown}
    return {told.get(key, key) for key in held}


def _span(day: date, margin: int = 0) -> tuple[datetime, datetime]:
    first = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return first - timedelta(days=margin), first + timedelta(days=1 + margin)


def believes(environment_id: int, part: Part) -> bool:
    """Whether a mass absence has been told for long enough to be the truth."""
    return Gap.objects.filter(
        environment_id=environment_id,
        stream=part.stream,
        part=part.key,
        closed_at=None,
        fault=Fault.VANISHED,
        opened_at__lte=database_now() - BELIEVED_AFTER,
    ).exists()


def accepted_marks(environment_id: int, part: Part) -> set[Mark]:
    """Broken elements of the part that a person took for no call. Whatever was accepted stays so when shown again."""
    rows = Quarantine.objects.filter(environment_id=environment_id, stream=part.stream, part=part.key)
    marks = rows.filter(accepted_at__isnull=False).values_list("kind", "digest")
    return {(kind, bytes(digest)) for kind, digest in marks}


def learn(connection: Connection, behaviour: DayFilter) -> None:
    """Remember how the vendor's date filter behaves; days read on another belief become due."""
    connection.day_filter = behaviour
    connection.save(update_fields=["day_filter"])
    if behaviour == DayFilter.WIDE:
        read = Window.objects.filter(environment_id=connection.environment_id, stream=Stream.CALLS)
        read.exclude(day=None).update(next_attempt_at=database_now())
