"""The worlds that tests of several rooms look at."""

from collections.abc import Iterator

from tests.browser.town import Served, Town, build, build_console
from tests.databases import world
from tests.journeys.hostile import poison


@world
def served_town() -> Iterator[Town]:
    """A company mirrored from both vendors."""
    with build() as town:
        yield town


@world
def hostile_town() -> Iterator[Town]:
    """A company whose vendors send what nobody should show as it is."""
    with build(language="en", days=4, calls_per_day=40, before=lambda box: poison(box, box.now)) as town:
        yield town


@world
def served_console() -> Iterator[Served]:
    """A company with a row of every table, and whoever administers the portal."""
    with build_console() as console:
        yield console
