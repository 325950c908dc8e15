"""The five tenants, and a client for everybody who asks."""

from collections.abc import Iterator

import pytest
import time_machine

from tests.isolation.principals import PRINCIPALS, Principal, principal
from tests.isolation.world import NOW, Companies, Side, five_companies


@pytest.fixture
def sides(five_companies: Companies) -> Iterator[dict[str, Side]]:
    with time_machine.travel(NOW, tick=False):
        yield five_companies.sides


@pytest.fixture
def principals(five_companies: Companies, sides: dict[str, Side]) -> dict[str, Principal]:
    return {name: principal(name, five_companies) for name in PRINCIPALS}


__all__ = ["five_companies"]
