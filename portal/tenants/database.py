"""What an error of the database or of the broker means, in one sentence.

Readers of pages and of the API get the sentence alone. Operators, at a terminal and in the log, get the driver's
message with it: that names hosts and paths, so nobody else may read it.
"""

import re

from django.db import DatabaseError, InterfaceError, OperationalError, ProgrammingError
from django.utils import translation
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from portal.database_limits import current

OUTAGES = (DatabaseError, InterfaceError, RedisError, BrokerError)  # what may be one; ``explain`` says whether it is

# PostgreSQL's undefined table and column; SQLite has words only.
_BEHIND = frozenset({"42P01", "42703"})
_BEHIND_IN_WORDS = re.compile(r"no such (table|column)|has no column named")
_DAMAGED_IN_WORDS = re.compile(r"file is not a database|disk image is malformed|file is encrypted")
_NOT_PERMITTED = "42501"
LOCKED = "55P03"
CANCELED = "57014"
SLEPT = "25P03"
_LOCKED_IN_WORDS = "database is locked"


def explain(error: Exception) -> str:
    """The sentence; "" for an error that is a fault of ours, whose traceback is wanted."""
    return _meaning(error, _message(error))[0]


def explain_to_operator(error: Exception) -> str:
    """As :func:`explain`, in English and with the driver's message where it says more."""
    with translation.override("en"):
        sentence, is_full = _meaning(error, _message(error))
    return sentence if is_full or not sentence else f"{sentence.rstrip('.')}: {_message(error)}."


def _message(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")


def _meaning(error: Exception, message: str) -> tuple[str, bool]:
    """The sentence, and whether it says all that the driver's message does."""
    if isinstance(error, RedisError | BrokerError):
        return _("A part of the portal does not answer."), False
    state = state_of(error)
    if isinstance(error, DatabaseError) and (state in _BEHIND or _is_behind_in_words(error, message)):
        return _("The database is not up to date: run manage.py migrate first."), True
    if isinstance(error, OperationalError) or (isinstance(error, DatabaseError) and state == SLEPT):
        return _interruption(state, message)  # SLEPT is an internal error to the driver
    if isinstance(error, InterfaceError):  # its connection ended in the midst of a request
        return _("The database does not answer."), False
    if isinstance(error, ProgrammingError) and state == _NOT_PERMITTED:
        return _("The database refuses this."), False
    if isinstance(error, DatabaseError) and _DAMAGED_IN_WORDS.search(message):
        return _("The database cannot be read."), False
    return "", False


def _is_behind_in_words(error: DatabaseError, message: str) -> bool:
    return isinstance(error, OperationalError) and bool(_BEHIND_IN_WORDS.search(message))


def _interruption(state: str, message: str) -> tuple[str, bool]:
    if told := _limit(state, message) or _trouble(state, message):
        return told, True
    if "timeout expired" in message and not state:
        return _("The database did not take a connection in time."), False
    if state == "25006" or "readonly database" in message:
        return _("The database cannot be written."), False
    return _("The database does not answer."), False


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
    return ""


def _kind(kind: str) -> str:
    return {
        "pages": _("pages"),
        "workers": _("workers"),
        "commands": _("commands"),
        "migrations": _("migrations"),
    }[kind]
