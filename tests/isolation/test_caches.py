"""What is kept between questions is kept for one tenant: a page that another one has just asked for is one's own."""

import pytest
from django.core.cache import cache

from tests.isolation.exchange import Exchange, ask, but, leaked, pressed
from tests.isolation.principals import Principal
from tests.isolation.routes import Row, matrix
from tests.isolation.world import Side

pytestmark = pytest.mark.django_db

# Two of different tenants that may read the same.
PAIRS = {
    "people": ("owner", "their-owner"),
    "keys": ("owner-key", "their-key"),
    "vendors' keys": ("sales-key", "their-key"),
}
FACES = {"people": ("/t/", "/api/v1/", "/accounts/"), "keys": ("/api/v1/",), "vendors' keys": ("/vendor/talkover/",)}


def warm_and_cold(who: Principal, before: Principal, row: Row, sides: dict[str, Side]) -> tuple[Exchange, Exchange]:
    """His answer after another one's of another tenant, to the same question of his own; and without that."""
    own, theirs = sides[who.home].ids, sides[before.home].ids
    path, used = row.path(own)
    cold = pressed(who, path)
    cache.clear()
    for ids in (theirs, own) if row.names else (own,):
        ask(before, row.path(ids)[0])
    warm = ask(who, path)
    assert not leaked(warm.whole, who.secrets, used), (who.name, path)
    return but(warm, used), but(cold, used)


@pytest.mark.parametrize(
    ("pair", "turned"),
    [("keys", False), *(pytest.param(pair, turned, marks=pytest.mark.isolation_long)
                          for pair in PAIRS for turned in (False, True) if (pair, turned) != ("keys", False))],
)  # fmt: skip
def test_what_was_asked_before_changes_nothing(sides, principals, pair, turned) -> None:
    names = PAIRS[pair][::-1] if turned else PAIRS[pair]
    before, who = (principals[name] for name in names)
    rows = [row for row in matrix().values() if "GET" in row.expected and row.route.startswith(FACES[pair])]
    fresh = {"/accounts/2fa/app/add/", "/accounts/2fa/passkeys/add/", "/accounts/2fa/passkeys/login/"}  # new secrets
    rows = [row for row in rows if row.route not in fresh]
    assert len(rows) > 5
    for row in rows:
        warm, cold = warm_and_cold(who, before, row, sides)
        assert warm == cold, (who.name, row.route)
