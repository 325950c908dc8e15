"""What a reader may see. First argument of every query: no Scope, no rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from portal.tenants.models.grants import Grant, opened
from portal.tenants.models.tenants import Environment
from sync.models.agents import Agent


@dataclass(frozen=True, slots=True)
class Scope:
    """Built from a grant, the same way for a member, an API key and a mail recipient.

    ``agent_ids`` is None when every agent of the environments may be seen. An empty ``environment_ids`` sees nothing.
    """

    tenant_id: int
    zone: str
    environment_ids: frozenset[int]
    agent_ids: frozenset[int] | None = None
    sees_numbers: bool = False
    looks_up: bool = False  # whether a whole number may be looked up, or shown for a reason, within the day's budget
    reader: int = field(default=0, compare=False)  # whose questions are counted together: a grant's key

    @classmethod
    def of(cls, grant: Grant) -> "Scope":
        """Reads the grant's environments and agents; the wall of the grant's tenant must be open."""
        return cls._over(grant, opened(grant).values_list("id", flat=True))

    @classmethod
    def with_environments(cls, grant: Grant) -> "tuple[Scope, list[Environment]]":
        """As :meth:`of`, with the environments themselves by name: one query for both."""
        rows = list(opened(grant).order_by("name", "id"))
        return cls._over(grant, (row.pk for row in rows)), rows

    @classmethod
    def _over(cls, grant: Grant, environments: Iterable[int]) -> "Scope":
        environment_ids = frozenset(environments)
        agent_ids = None
        if grant.agent_keys:
            agents = Agent.objects.filter(environment_id__in=environment_ids, external_id__in=grant.agent_keys)
            agent_ids = frozenset(agents.values_list("id", flat=True))
        return cls(
            grant.tenant_id,
            grant.tenant.zone,
            environment_ids,
            agent_ids,
            grant.sees_numbers,
            grant.looks_up,
            grant.pk or 0,
        )

    def only(self, environment_id: int) -> "Scope":
        """The same scope narrowed to one environment: empty when it may not be seen."""
        return replace(self, environment_ids=self.environment_ids & {environment_id})

    def whatever_agent(self) -> "Scope":
        """The same environments with every agent of theirs: for looking through calls of which nothing is told, such as
        those that one's own calls answer.
        """
        return replace(self, agent_ids=None)

    def left(self, environments: Iterable[int], agents: frozenset[int] | None) -> "Scope":
        """The same scope narrowed to some environments and agents; never widened."""
        return self.within(replace(self, environment_ids=frozenset(environments), agent_ids=agents))

    def within(self, other: "Scope") -> "Scope":
        """What both may see."""
        agents = [ids for ids in (self.agent_ids, other.agent_ids) if ids is not None]
        return replace(
            self,
            environment_ids=self.environment_ids & other.environment_ids,
            agent_ids=frozenset.intersection(*agents) if agents else None,
            sees_numbers=self.sees_numbers and other.sees_numbers,
            looks_up=self.looks_up and other.looks_up,
        )

    @property
    def may_look_up(self) -> bool:
        """Whether a whole number may be looked up, or one be shown for a reason: by who sees numbers, freely."""
        return self.sees_numbers or self.looks_up

    @property
    def tzinfo(self) -> ZoneInfo:
        return ZoneInfo(self.zone)
