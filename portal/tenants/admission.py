"""Which of a person's companies a session opens. How he signed in decides it, and a company's own rule.

A company's identity provider vouches for its people to that company alone: whoever administers it could sign in as any
of them. So a session made by it is *held* to the company, and a password, or a passkey, opens the others. A company may
ask that its people come by its provider; owners are let in by password as well, so that nobody is locked out.
"""

from dataclasses import dataclass

from portal.tenants.models.people import Membership, Role


@dataclass(frozen=True, slots=True)
class Admission:
    """``held_to``: the tenant whose provider alone made the session. ``proven``: those whose providers vouched besides.

    ``factor``: that provider asked for a second factor, and its tenant believes it.
    """

    held_to: int | None = None
    proven: frozenset[int] = frozenset()
    factor: bool = False

    def opens(self, membership: Membership) -> bool:
        if self.held_to is not None:
            return membership.tenant_id == self.held_to
        return not self.asks_for_provider(membership)

    def asks_for_provider(self, membership: Membership) -> bool:
        """Whether this place is entered by the company's provider only, and the person has not come by it."""
        required = membership.tenant.requires_provider and membership.role != Role.OWNER
        return self.held_to is None and required and membership.tenant_id not in self.proven
