"""All that is wrong now."""

from datetime import datetime

from portal.site.wrongs import reading, storage, work
from portal.site.wrongs.wrong import Wrong
from portal.tenants import wall


def found(now: datetime) -> list[Wrong]:
    """In the active language. Some twenty queries, however many tenants there are."""
    with wall.every_tenant("what is wrong now"):
        return [wrong for finder in (work, storage, reading) for wrong in finder.found(now)]
