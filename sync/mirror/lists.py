"""Writing what comes in small lists: agents, callback roles, prices, campaigns, callback days."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sync.mirror import tables
from sync.models.agents import Agent
from sync.models.callbacks import CallbackDay
from sync.models.calls import Unplaced
from sync.models.campaigns import Campaign, CampaignCall, CampaignDay
from sync.records import (
    AgentRecord,
    CallbackAgentRecord,
    CallbackDayRecord,
    CampaignRecord,
    PriceRecord,
    Record,
    UnplacedRecord,
)


class ListWriter:
    """Writes the lists of one environment, inside the caller's transaction and under its lease.

    ``new`` and ``changed`` count rows. A row whose digest is known is not written again.
    """

    def __init__(self, tenant_id: int, environment_id: int) -> None:
        self._environment: dict[str, Any] = {"tenant_id": tenant_id, "environment_id": environment_id}
        self.new = 0
        self.changed = 0

    def write_all(self, records: Sequence[tuple[Record, datetime]], now: datetime) -> None:
        """Each record comes with the time its answer was asked for. Elements without an id may be many: they are
        looked up and written together."""
        self._unplaced([record for record, _ in records if isinstance(record, UnplacedRecord)], now)
        for record, read_at in records:
            if not isinstance(record, UnplacedRecord):
                self._write(record, read_at, now)

    def _write(self, record: Record, read_at: datetime, now: datetime) -> None:
        match record:
            case AgentRecord():
                self._agent(record)
            case CallbackAgentRecord():
                self._callback_agent(record)
            case PriceRecord():
                self._price(record)
            case CampaignRecord():
                self._campaign(record, read_at, now)
            case CallbackDayRecord():
                self._callback_day(record, now)
            case _:
                raise TypeError(f"{type(record).__name__} is no record of a list.")

    def _count(self, created: bool) -> None:
        if created:
            self.new += 1
        else:
            self.changed += 1

    def _find_agent(self, key: str) -> tuple[Agent, bool]:
        return Agent.objects.get_or_create(**self._environment, external_id=key)

    def _agent(self, record: AgentRecord) -> None:
        agent, created = self._find_agent(record.external_id)
        if not created and agent.missing_since is None and _same(agent.digest, record.digest):
            return
        agent.name, agent.label = record.name, record.label
        agent.direction, agent.state = record.direction, record.state
        agent.payload, agent.digest, agent.missing_since = record.raw, record.digest, None
        agent.save()
        self._count(created)

    def _callback_agent(self, record: CallbackAgentRecord) -> None:
        agent, created = self._find_agent(record.external_id)
        if not created and agent.takes_callbacks and agent.callback_payload == record.raw:
            return
        agent.name = agent.name or record.name
        agent.takes_callbacks, agent.callback_sources = True, list(record.sources)
        agent.callback_payload = record.raw
        agent.save()
        self._count(created)

    def _price(self, record: PriceRecord) -> None:
        agent, created = self._find_agent(record.agent)
        if not created and agent.price_payload == record.raw:
            return
        agent.price_per_minute, agent.currency = record.per_minute, record.currency
        agent.price_payload = record.raw
        agent.save()
        self._count(created)

    def _campaign(self, record: CampaignRecord, read_at: datetime, now: datetime) -> None:
        campaign = Campaign.objects.filter(**self._environment, external_id=record.external_id).first()
        created = campaign is None
        if campaign is None:
            campaign = Campaign(**self._environment, external_id=record.external_id, changed_at=now)
        stored_digest = campaign.detail_digest if record.detail else campaign.digest
        if not _same(stored_digest, record.digest) or campaign.missing_since is not None:
            campaign.name, campaign.status, campaign.kind = record.name, record.status, record.kind
            campaign.agent = self._find_agent(record.agent)[0] if record.agent else None
            for name in ("total_calls", "completed_calls", "failed_calls", "success_rate"):
                setattr(campaign, name, getattr(record, name))
            if record.detail:
                campaign.detail_payload, campaign.detail_digest = record.raw, record.digest
            else:
                campaign.payload, campaign.digest = record.raw, record.digest
            campaign.missing_since, campaign.changed_at = None, now
            campaign.save()
            self._count(created)
            if record.detail:
                self._campaign_calls(campaign, record)
        self._campaign_day(campaign, read_at)

    def _campaign_calls(self, campaign: Campaign, record: CampaignRecord) -> None:
        """Links are only added: the vendor's list may be cut, so what it leaves out proves nothing."""
        stored = dict(campaign.calls.values_list("call_key", "retries"))
        moved = [(key, retries) for key, retries in record.calls if stored.get(key) != retries]
        for start in range(0, len(moved), tables.PORTION):
            rows = [
                CampaignCall(**self._environment, campaign=campaign, call_key=key, retries=retries)
                for key, retries in moved[start : start + tables.PORTION]
            ]
            CampaignCall.objects.bulk_create(
                rows,
                update_conflicts=True,
                unique_fields=["tenant", "campaign", "call_key"],
                update_fields=["retries"],
            )

    def _campaign_day(self, campaign: Campaign, read_at: datetime) -> None:
        totals = {
            name: getattr(campaign, name) for name in ("total_calls", "completed_calls", "failed_calls", "success_rate")
        }
        day, created = CampaignDay.objects.get_or_create(
            **self._environment, campaign=campaign, day=read_at.astimezone(UTC).date(), defaults=totals
        )
        if not created and any(getattr(day, name) != value for name, value in totals.items()):
            for name, value in totals.items():
                setattr(day, name, value)
            day.save()

    def _callback_day(self, record: CallbackDayRecord, now: datetime) -> None:
        stored = CallbackDay.objects.filter(**self._environment, day=record.day).first()
        if stored is not None and _same(stored.digest, record.digest):
            return
        row = stored or CallbackDay(**self._environment, day=record.day)
        row.received, row.answered, row.unmatched = record.received, record.answered, record.unmatched
        row.sources = [{"agent": key, "name": name, "count": count} for key, name, count in record.sources]
        row.payload, row.digest, row.changed_at = record.raw, record.digest, now
        row.save()
        self._count(stored is None)

    def _unplaced(self, records: Sequence[UnplacedRecord], now: datetime) -> None:
        by_key = {(record.agent, record.digest): record for record in records}
        for some in tables.portions(list(by_key.values())):
            unplaced = Unplaced.objects.filter(**self._environment, digest__in=[record.digest for record in some])
            stored = {(agent, bytes(digest)) for agent, digest in unplaced.values_list("agent_key", "digest")}
            rows = [
                Unplaced(
                    **self._environment,
                    agent_key=record.agent,
                    digest=record.digest,
                    raw=record.raw,
                    first_seen_at=now,
                )
                for record in some
                if (record.agent, record.digest) not in stored
            ]
            Unplaced.objects.bulk_create(rows, ignore_conflicts=True)


def drop_unplaced(environment_id: int, agent_key: str, seen: Iterable[bytes]) -> None:
    """Forget elements without an id that a whole reading of their agent no longer showed."""
    kept = set(seen)
    rows = Unplaced.objects.filter(environment_id=environment_id, agent_key=agent_key)
    gone = [pk for pk, digest in rows.values_list("pk", "digest") if bytes(digest) not in kept]
    if gone:
        rows.filter(pk__in=gone).delete()


def listed_agents(environment_id: int) -> set[str]:
    """Agents that a list of the vendor's named and still does. Agents only calls ever named are none of them."""
    listed = Agent.objects.filter(environment_id=environment_id, missing_since=None).exclude(payload="")
    return set(listed.values_list("external_id", flat=True))


def listed_campaigns(environment_id: int) -> set[str]:
    listed = Campaign.objects.filter(environment_id=environment_id, missing_since=None)
    return set(listed.values_list("external_id", flat=True))


def mark_missing_agents(environment_id: int, keys: Iterable[str], now: datetime) -> int:
    """Mark agents that a whole reading no longer showed. Returns how many."""
    gone = Agent.objects.filter(environment_id=environment_id, external_id__in=sorted(keys), missing_since=None)
    return gone.update(missing_since=now)


def mark_missing_campaigns(environment_id: int, keys: Iterable[str], now: datetime) -> int:
    gone = Campaign.objects.filter(environment_id=environment_id, external_id__in=sorted(keys), missing_since=None)
    return gone.update(missing_since=now, changed_at=now)


def _same(stored: bytes | memoryview | None, digest: bytes) -> bool:
    return stored is not None and bytes(stored) == digest
