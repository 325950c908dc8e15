"""What somebody may see, in words: of members, invitations and API keys alike."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.formats import figures
from portal.tenants.guards import TenantRequest
from portal.tenants.models.people import Role
from portal.tenants.models.tenants import Environment
from portal.tenants.rights import Rights
from reports.queries.agents import agents
from reports.queries.environments import environments
from reports.queries.scope import Scope

_NAMED = 3  # so many are named, more are counted


@dataclass(frozen=True, slots=True)
class Names:
    """Environments by key and agents by the vendor's key, as far as the reader may hear of them."""

    environments: Mapping[int, str]
    agents: Mapping[str, str]

    @classmethod
    def of(cls, request: TenantRequest) -> "Names":
        """An owner hears of every environment, since he gives them. Two queries beyond those of the scope."""
        scope = Scope.of(request.scope_grant)
        heard_of = Environment.objects.all() if request.membership.role == Role.OWNER else environments(scope)
        return cls({row.pk: row.name for row in heard_of}, {agent.external_id: str(agent) for agent in agents(scope)})

    def sees(self, rights: Rights) -> str:
        """``Sales · 2 agents``."""
        parts = [self._environments(rights)]
        if rights.agents:
            known = sorted({self.agents[key] for key in rights.agents if key in self.agents}, key=str.casefold)
            count = len(rights.agents)
            text = ngettext("%(n)s agent", "%(n)s agents", count) % {"n": figures.decimal(count)}
            parts.append(", ".join(known) if len(known) == count <= _NAMED else text)
        return " · ".join(parts)

    def _environments(self, rights: Rights) -> str:
        if rights.environments is None:
            return _("all environments")
        if not rights.environments:
            return _("no environment")
        known = sorted(
            (self.environments[key] for key in rights.environments if key in self.environments), key=str.casefold
        )
        if not known:
            return _("other environments")
        if len(known) <= _NAMED:
            return ", ".join(known)
        return ngettext("%(n)s environment", "%(n)s environments", len(known)) % {"n": figures.decimal(len(known))}


def about_numbers(*, sees_numbers: bool, looks_up: bool) -> str:
    if sees_numbers:
        return _("sees numbers")
    return _("numbers hidden, may look them up") if looks_up else _("numbers hidden")
