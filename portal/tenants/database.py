"""What a database's error means to the administrator, in one sentence."""

import re

from django.db import DatabaseError, OperationalError, ProgrammingError

# PostgreSQL's undefined table and column; SQLite has words only.
_BEHIND = frozenset({"42P01", "42703"})
_BEHIND_IN_WORDS = re.compile(r"no such (table|column)|has no column named")
_NOT_PERMITTED = "42501"


def explain(error: DatabaseError) -> str:
    """The sentence; "" for an error that is a fault of ours, whose traceback is wanted."""
    state = getattr(error.__cause__, "sqlstate", None)
    said = str(error).strip().partition("\n")[0].rstrip(".")
    if state in _BEHIND or (isinstance(error, OperationalError) and _BEHIND_IN_WORDS.search(said)):
        return "The database is not up to date: run manage.py migrate first."
    if isinstance(error, OperationalError):
        return f"The database does not answer: {said}."
    if isinstance(error, ProgrammingError) and state == _NOT_PERMITTED:
        return f"The database refuses: {said}."
    return ""
