"""Whether somebody still stands for what goes on without him: a mail, an alert, a file, a link."""

from collections.abc import Collection

from portal.tenants.models.people import Membership, Role


def standing_member(user_id: int | None, role: Role = Role.VIEWER) -> Membership | None:
    """A person's place, with grant, user and tenant, if his account is open and his role is enough. One query.

    The wall must be open.
    """
    if user_id is None:
        return None
    membership = standing_members((user_id,)).get(user_id)
    return membership if membership is not None and Role(membership.role).covers(role) else None


def standing_members(user_ids: Collection[int]) -> dict[int, Membership]:
    """As :func:`standing_member`, of several people by their keys, whatever their roles. One query."""
    rows = Membership.objects.filter(user_id__in=user_ids, user__is_active=True)
    return {row.user_id: row for row in rows.select_related("grant__tenant", "user", "tenant")}
