"""Rights as something to compare and to hand on: what a grant opens, and all that its holder has.

:func:`may_act_on` is the one rule of who may act on what carries another's rights: destinations, schedules, mails,
alerts, API keys, share links, boards and saved reports ask it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from portal.tenants.models.grants import Grant, GrantEnvironment
from portal.tenants.models.people import Role
from portal.tenants.models.tenants import Tenant


@dataclass(frozen=True, slots=True)
class Rights:
    """Environments by key, None for every one; agents by the vendor's keys, none for every one."""

    environments: frozenset[int] | None = None
    agents: frozenset[str] = frozenset()

    @classmethod
    def of(cls, grant: Grant) -> "Rights":
        return cls.by_grant([grant])[grant.pk]

    @classmethod
    def by_grant(cls, grants: Iterable[Grant | None]) -> "dict[int, Rights]":
        """Those of many by the grants' keys; one query."""
        rows = {grant.pk: grant for grant in grants if grant is not None}
        chosen: dict[int, set[int]] = {pk: set() for pk in rows}
        pairs = GrantEnvironment.objects.filter(grant__in=chosen).values_list("grant_id", "environment_id")
        for pk, environment_id in pairs:
            chosen[pk].add(environment_id)
        return {
            pk: cls(None if grant.all_environments else frozenset(chosen[pk]), frozenset(grant.agent_keys))
            for pk, grant in rows.items()
        }

    def only(self, environment_id: int | None) -> "Rights":
        """The same rights within the environment that a key is bound to."""
        if environment_id is None:
            return self
        chosen = frozenset({environment_id})
        return Rights(chosen if self.environments is None else self.environments & chosen, self.agents)

    def covers(self, other: "Rights") -> bool:
        environments = self.environments is None or (
            other.environments is not None and self.environments >= other.environments
        )
        return environments and (not self.agents or (bool(other.agents) and self.agents >= other.agents))

    def make_grant(self, tenant: Tenant, *, sees_numbers: bool = False, looks_up: bool = False) -> Grant:
        """A grant of its own with these rights; without numbers unless told."""
        grant: Grant = Grant.objects.create(
            tenant=tenant,
            all_environments=self.environments is None,
            agent_keys=sorted(self.agents),
            sees_numbers=sees_numbers,
            looks_up=looks_up,
        )
        grant.environments.set(self.environments or ())
        return grant


@dataclass(frozen=True, slots=True)
class Holding:
    """All that somebody holds in a tenant, and so the most that he may hand on: nobody gives more than he has."""

    role: Role
    rights: Rights
    sees_numbers: bool
    looks_up: bool

    @classmethod
    def of(cls, role: str, grant: Grant, *, environment_id: int | None = None) -> "Holding":
        """Of a member, or of a key that may be bound to an environment."""
        return cls(Role(role), Rights.of(grant).only(environment_id), grant.sees_numbers, grant.looks_up)

    def only(self, environment_id: int | None) -> "Holding":
        """The same within the environment that a key is bound to."""
        return replace(self, rights=self.rights.only(environment_id))

    def covers(self, other: "Holding") -> bool:
        return (
            self.role.covers(other.role)
            and self.rights.covers(other.rights)
            and self.sees_numbers >= other.sees_numbers
            and self.may_look_up >= other.looks_up
        )

    @classmethod
    def by_grant(cls, grants: Iterable[Grant | None], role: Role = Role.MANAGER) -> "dict[int, Holding]":
        """What acts with these grants takes, by the grants' keys: others' things are managers' to act on. One query."""
        rows = {grant.pk: grant for grant in grants if grant is not None}
        rights = Rights.by_grant(rows.values())
        return {pk: cls(role, rights[pk], row.sees_numbers, row.looks_up) for pk, row in rows.items()}

    @property
    def may_look_up(self) -> bool:
        """Seeing numbers includes looking them up."""
        return self.sees_numbers or self.looks_up


def may_act_on(actor: Holding, effects: Iterable[Holding]) -> bool:
    """Whether an actor may change, try, pause, resume, resend, take over or delete something.

    ``effects`` are the rights with which it acts: those of its own grant, of everything that acts through it, of the
    person who made it. Each must be within the actor's own: environments, agents, numbers and role.
    """
    return all(actor.covers(effect) for effect in effects)
