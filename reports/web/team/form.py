"""The form of a place in a company: role, environments, agents, numbers; and the holding that it asks for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from portal.tenants.models.people import Role
from portal.tenants.models.tenants import Environment
from portal.tenants.rights import Holding, Rights
from reports.queries.agents import agents
from reports.queries.environments import environments
from reports.queries.scope import Scope
from reports.web.shared.frame import Choices

ALL, SOME = "all", "some"


@dataclass(slots=True)
class PlaceForm:
    """``giver`` offers what he has; ``hidden`` are rights of the member to what is offered no more, and that stay."""

    giver: Holding
    choices: Choices
    values: dict[str, str]
    chosen: frozenset[str] = frozenset()  # public ids of environments and agents
    hidden: Rights = field(default_factory=lambda: Rights(frozenset()))
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def roles(self) -> list[tuple[str, Any]]:
        return [(value, label) for value, label in reversed(Role.choices) if self.giver.role.covers(Role(value))]

    @property
    def environments(self) -> Sequence[Environment]:
        return self.choices.environments

    @property
    def agents(self) -> list[tuple[str, list[Any]]]:
        return self.choices.grouped(())

    @property
    def offers_numbers(self) -> bool:
        return self.giver.sees_numbers

    @property
    def offers_look_up(self) -> bool:
        return self.giver.may_look_up

    @property
    def every_environment(self) -> frozenset[int] | None:
        """What "all" means of environments; None for those to come as well."""
        return self.giver.rights.environments

    @property
    def every_agent(self) -> frozenset[str]:
        """What "all" means of agents; none named for all there are."""
        return self.giver.rights.agents


def empty_form(giver: Holding, scope: Scope) -> PlaceForm:
    """Of somebody new: he reads everything and sees no numbers."""
    values = {"email": "", "role": Role.VIEWER.value, "which_environments": ALL, "which_agents": ALL}
    return PlaceForm(giver, _choices(scope), values)


def form_of(held: Holding, giver: Holding, scope: Scope) -> PlaceForm:
    """Of somebody who holds something already."""
    form = empty_form(giver, scope)
    rights = held.rights
    opened = rights.environments or frozenset()
    form.values |= {
        "role": held.role.value,
        "which_environments": ALL if rights.environments is None else SOME,
        "which_agents": SOME if rights.agents else ALL,
        "numbers": "1" if held.sees_numbers else "",
        "look_up": "1" if held.looks_up else "",
    }
    form.chosen = frozenset(
        str(row.public_id)
        for row in (
            *(row for row in form.choices.environments if row.pk in opened),
            *(row for row in form.choices.agents if row.external_id in rights.agents),
        )
    )
    seen_agents = {row.external_id for row in form.choices.agents}
    form.hidden = Rights(opened - {row.pk for row in form.choices.environments}, rights.agents - seen_agents)
    return form


def read_form(form: PlaceForm, data: QueryDict) -> None:
    """Take over what was sent."""
    names = ("email", "role", "which_environments", "which_agents", "numbers", "look_up")
    form.values = {name: data.get(name, "") for name in names}
    form.chosen = frozenset((*data.getlist("environments"), *data.getlist("agents")))


def wished(form: PlaceForm) -> Holding | None:
    """What the form asks for; None where it says why not. That the giver has it is the act's to check."""
    values = form.values
    if values["role"] not in dict(form.roles):
        form.errors["role"] = _("Choose one of the list.")
    environment_ids, agent_keys = form.every_environment, form.every_agent
    if values["which_environments"] != ALL:
        found = {row.pk for row in form.environments if str(row.public_id) in form.chosen}
        environment_ids = frozenset(found) | (form.hidden.environments or frozenset())
        if not environment_ids:
            form.errors["environments"] = _("Choose at least one environment.")
    if values["which_agents"] != ALL:
        offered = form.choices.agents
        agent_keys = frozenset(row.external_id for row in offered if str(row.public_id) in form.chosen)
        agent_keys |= form.hidden.agents
        if not agent_keys:
            form.errors["agents"] = _("Choose at least one agent.")
    if form.errors:
        return None
    return Holding(
        Role(values["role"]),
        Rights(environment_ids, agent_keys),
        sees_numbers=bool(values["numbers"]),
        looks_up=bool(values["look_up"]),
    )


def _choices(scope: Scope) -> Choices:
    return Choices(list(environments(scope)), list(agents(scope)))
