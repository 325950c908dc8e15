"""The wall: which tenant's rows the running code may touch.

Code runs behind the wall of one tenant (:func:`tenant`), or across all of them for a stated reason
(:func:`every_tenant`), or nowhere, and then every query on a tenant's table raises :class:`NoTenant`. ``None`` never
means "all". The state is a context variable: each request, task and thread has its own.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

logger = logging.getLogger("ringbook.wall")


class WallError(Exception):
    """Code tried to reach past the wall. Always a fault of ours, never of a reader."""


class NoTenant(WallError):
    """A query on a tenant's table while no tenant is active."""


class ForeignTenant(WallError):
    """A write of a row that belongs to another tenant than the active one."""


@dataclass(frozen=True, slots=True)
class _Everyone:
    reason: str


_active: ContextVar[int | _Everyone | None] = ContextVar("ringbook_wall", default=None)


@contextmanager
def tenant(who: object) -> Iterator[None]:
    """Run behind the wall of ``who``: a saved Tenant, or its primary key."""
    key = who if isinstance(who, int) and not isinstance(who, bool) else getattr(who, "pk", None)
    if not isinstance(key, int) or isinstance(key, bool):
        raise NoTenant(f"The wall needs one saved tenant, not {type(who).__name__}.")
    token = _active.set(key)
    try:
        yield
    finally:
        _active.reset(token)


@contextmanager
def every_tenant(reason: str) -> Iterator[None]:
    """Run across all tenants, for a reason that is logged. For the sweeper, the admin console and sign-in only."""
    if not isinstance(reason, str) or not reason.strip():
        raise NoTenant("Crossing the wall needs a reason.")
    logger.debug("wall crossed: %s", reason)
    token = _active.set(_Everyone(reason))
    try:
        yield
    finally:
        _active.reset(token)


def current() -> int | None:
    """The active tenant's key, or None inside :func:`every_tenant`; raises :class:`NoTenant` when neither is set."""
    active = _active.get()
    if active is None:
        raise NoTenant("No tenant is active: open the wall with wall.tenant(...) first.")
    return None if isinstance(active, _Everyone) else active


def demand(tenant_id: int | None) -> None:
    """Raise unless a row of ``tenant_id`` may be written here."""
    active = current()
    if tenant_id is None:
        raise NoTenant("A tenant's row needs its tenant.")
    if active is not None and tenant_id != active:
        raise ForeignTenant("The row belongs to another tenant than the active one.")
