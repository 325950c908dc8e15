"""Whether somebody still stands for what goes on without him: a mail, an alert, a file, a link."""

from portal.tenants.models.people import Membership, Role


def standing_member(user_id: int | None, role: Role = Role.VIEWER) -> Membership | None:
    """A person's place, with grant, user and tenant, if his account is open and his role is enough. One query.

    The wall must be open.
    """
    if user_id is None:
        return None
    rows = Membership.objects.filter(user_id=user_id, user__is_active=True)
    membership: Membership | None = rows.select_related("grant__tenant", "user", "tenant").first()
    return membership if membership is not None and Role(membership.role).covers(role) else None
