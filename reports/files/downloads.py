"""How a file says what its rows cannot: how far the mirror stood when it was made."""

from portal.lib.times import rfc3339
from reports.queries.answer import Completeness


def headers(name: str, stand: Completeness) -> dict[str, str]:
    """Headers of a CSV named ``name``. A list that is not complete says so in its name too, which outlives headers."""
    kept = name if stand.complete else f"{name}-incomplete"
    found = {
        "Content-Disposition": f'attachment; filename="{kept}.csv"',
        "X-Mirror-Complete": "true" if stand.complete else "false",
    }
    return found | ({"X-Mirror-As-Of": rfc3339(stand.as_of)} if stand.as_of else {})
