"""What a database's error means, in one sentence for whoever has to do with it."""

import re

from django.db import DatabaseError, OperationalError, ProgrammingError
from django.utils.translation import gettext as _

from portal.database_limits import current

# PostgreSQL's undefined table and column; SQLite has words only.
_BEHIND = frozenset({"42P01", "42703"})
_BEHIND_IN_WORDS = re.compile(r"no such (table|column)|has no column named")
_NOT_PERMITTED = "42501"
LOCKED = "55P03"
CANCELED = "57014"
SLEPT = "25P03"
_LOCKED_IN_WORDS = "database is locked"


def explain(error: DatabaseError) -> str:
    """The sentence; "" for an error that is a fault of ours, whose traceback is wanted."""
    state, message = state_of(error), str(error).strip().partition("\n")[0].rstrip(".")
    if state in _BEHIND or (isinstance(error, OperationalError) and _BEHIND_IN_WORDS.search(message)):
        return _("The database is not up to date: run manage.py migrate first.")
    if isinstance(error, OperationalError) or state == SLEPT:  # which is an internal error to the driver
        return _limit(state, message) or _trouble(state, message) or _("The database does not answer: %s.") % message
    if isinstance(error, ProgrammingError) and state == _NOT_PERMITTED:
        return _("The database refuses: %s.") % message
    return ""


def state_of(error: Exception) -> str:
    """PostgreSQL's code of the error; "" for none, as when there was no session yet, and for SQLite."""
    return getattr(error.__cause__, "sqlstate", None) or ""


def is_lock(error: DatabaseError) -> bool:
    """Whether a lock was waited for in vain."""
    return state_of(error) == LOCKED or _LOCKED_IN_WORDS in str(error)


def _limit(state: str, message: str) -> str:
    """Of the error of a limit that was reached: which one."""
    limits = current()
    if state == CANCELED and "statement timeout" in message:
        return _("The database ended a statement that took longer than %(seconds)s s, the limit for %(kind)s.") % {
            "seconds": limits.statement,
            "kind": _kind(limits.kind),
        }
    if state == LOCKED:
        return _(
            "Another session holds a lock in the database that was waited for in vain for %(seconds)s s, the limit for "
            "%(kind)s."
        ) % {"seconds": limits.lock, "kind": _kind(limits.kind)}
    if state == SLEPT:
        return _("The database ended a transaction in which nothing had happened for %(seconds)s s.") % {
            "seconds": limits.idle
        }
    if _LOCKED_IN_WORDS in message:
        return _("Another process is writing to the database and was waited for in vain.")
    if "timeout expired" in message and not state:
        return _("The database did not take a connection in time: %s.") % message
    return ""


def _trouble(state: str, message: str) -> str:
    if state == CANCELED:
        return _("Somebody ended the statement at the database.")
    if state in {"40P01", "40001"}:
        return _("Two transactions were in each other's way, and the database ended one: try again.")
    if state == "53300":
        return _("The database takes no more connections.")
    if state == "53100" or "disk is full" in message:
        return _("The database has no disk left.")
    if state == "25006" or "readonly database" in message:
        return _("The database cannot be written: %s.") % message
    return ""


def _kind(kind: str) -> str:
    return {
        "pages": _("pages"),
        "workers": _("workers"),
        "commands": _("commands"),
        "migrations": _("migrations"),
    }[kind]
