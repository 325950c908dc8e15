"""The wall: which tenant's rows the running code may touch.

Code runs behind the wall of one tenant (:func:`tenant`), or across all of them for a stated reason
(:func:`every_tenant`), or nowhere, and then every query on a tenant's table raises :class:`NoTenant`. ``None`` never
means "all". The state is a context variable: each request, task and thread has its own.

A queryset keeps the filter of the wall it was made behind, wherever it is evaluated: made for Acme, it shows Acme's
rows and never another's. (Under row-level security PostgreSQL asks for the wall again: outside of it the rows are
refused, behind another's there are none.) One made inside :func:`every_tenant` has no filter, so it can be evaluated
only inside it.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

logger = logging.getLogger("ringbook.wall")


class WallError(Exception):
    """Code tried to reach past the wall. Always a fault of ours, never of a reader."""


class NoTenant(WallError):
    """A query on a tenant's table while no tenant is active."""


class ForeignTenant(WallError):
    """A write of a row that belongs to another tenant than the active one."""


class Closed(Exception):
    """A tenant's data are not served just now. The text is a sentence in the active language."""


@dataclass(frozen=True, slots=True)
class _Everyone:
    reason: str


_active: ContextVar[int | _Everyone | None] = ContextVar("ringbook_wall", default=None)
_closed: ContextVar[tuple[Collection[int], Callable[[], str]]] = ContextVar("ringbook_closed", default=((), str))


@contextmanager
def tenant(who: object) -> Iterator[None]:
    """Run behind the wall of ``who``: a saved Tenant, or its primary key. Anything else raises :class:`NoTenant`, and
    :class:`Closed` within :func:`closed_to` it.
    """
    key = _key_of(who)
    tenants, why = _closed.get()
    if key in tenants:
        raise Closed(why())
    token = _active.set(key)
    try:
        yield
    finally:
        _active.reset(token)


@contextmanager
def closed_to(tenants: Collection[int], why: Callable[[], str]) -> Iterator[None]:
    """Run without opening the wall of any of these tenants; ``why`` says the reason in the active language."""
    token = _closed.set((tenants, why))
    try:
        yield
    finally:
        _closed.reset(token)


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


def active_tenant() -> int | None:
    """The active tenant's key, None where there is none: for what is beneath the wall, and raises nothing."""
    active = _active.get()
    return active if isinstance(active, int) else None


def is_crossing() -> bool:
    """Whether the code runs inside :func:`every_tenant`; as :func:`active_tenant`."""
    return isinstance(_active.get(), _Everyone)


def demand(tenant_id: int | None) -> None:
    """Raise unless a row of ``tenant_id`` may be written here."""
    active = current()
    if tenant_id is None:
        raise NoTenant("A tenant's row needs its tenant.")
    if active is not None and tenant_id != active:
        raise ForeignTenant("The row belongs to another tenant than the active one.")


def demand_crossing() -> None:
    """Raise unless the code runs inside :func:`every_tenant`."""
    if current() is not None:
        raise WallError("A queryset made across all tenants was used behind one tenant's wall.")


def each(who: object, rows: Iterable[T]) -> Iterator[T]:
    """``rows``, each made behind the wall of ``who``, which is closed again while the taker works on it.

    For streamed answers: a ``with`` around a ``yield`` would leave the wall open in whoever takes the rows.
    """
    key = _key_of(who)
    source = iter(rows)
    while True:
        with tenant(key):
            try:
                row = next(source)
            except StopIteration:
                return
        yield row


def _key_of(who: object) -> int:
    """The key of a saved tenant. An environment or a user has a key as well, and must not pass for a tenant."""
    key = who
    if getattr(getattr(who, "_meta", None), "label_lower", "") == "tenants.tenant":
        key = None if who._state.adding else who.pk  # type: ignore[attr-defined]
    if not isinstance(key, int) or isinstance(key, bool) or key < 1:
        raise NoTenant(f"The wall needs one saved tenant, not {type(who).__name__}.")
    return key
