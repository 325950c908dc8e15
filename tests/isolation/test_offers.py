"""What a page offers is its reader's to use: each link is followed and each form is sent, and none is refused."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from django.urls import resolve

from tests.isolation.exchange import Exchange, pressed
from tests.isolation.offers import Offers
from tests.isolation.principals import Principal, longer
from tests.isolation.routes import matrix
from tests.isolation.world import Side

pytestmark = pytest.mark.django_db

REFUSED = {403, 404, 405}
READ = ("/t/", "/accounts/")
OF_A_KIND = 2  # pages that only links lead to, of one view, whose offers are tried as well


def pages(who: Principal, side: Side) -> list[str]:
    """Those of the matrix that he may open."""
    rows = [row for row in matrix().values() if row.route == "/" or row.route.startswith(READ)]
    return [row.path(side.ids)[0] for row in rows if row.expected.get("GET", {}).get(who.name) == 200]


def refused_offers(who: Principal, side: Side) -> list[str]:
    """What is offered on them and on what they lead to, and is refused."""
    first = pages(who, side)
    waiting, asked, wrong = [(page, "the matrix") for page in first], set[str](), []
    read: dict[str, int] = {}
    while waiting:
        address, origin = waiting.pop(0)
        if (told := once(who, asked, "GET", address)) is None:
            continue
        if told.status in REFUSED:
            wrong.append(f"{origin} links to {address}, which answers {told.status}")
            continue
        if not is_read(address, told, first, read):
            continue
        offers = Offers(address, told.body)
        waiting += [(link, address) for link in offers.links if link]
        for target, body in [sent for form in offers.forms if form.method == "post" for sent in form.sent()]:
            answer = once(who, asked, "POST", target, body)
            if answer is not None and answer.status in REFUSED:
                wrong.append(f"{address} has a form to {target}, which answers {answer.status} to {body}")
    return wrong


def once(who: Principal, asked: set[str], method: str, address: str, body: str = "") -> Exchange | None:
    """His answer; none if he had one. What a filter is set to makes no other question, nor what a form carries."""
    parts = urlsplit(address)
    values = [] if method == "GET" else [value for name, value in parse_qsl(body) if name == "act"]
    names = sorted({name for name, _value in parse_qsl(f"{parts.query}&{body}", keep_blank_values=True)})
    question = " ".join([method, parts.path, *names, *values])
    if question in asked:
        return None
    asked.add(question)
    return pressed(who, address, method, body)


def is_read(address: str, told: Exchange, first: list[str], read: dict[str, int]) -> bool:
    """Whether its own offers are tried: those of the first pages, and of a few of each kind besides."""
    if not address.startswith(READ) and address != "/":
        return False
    if "text/html" not in dict(told.headers).get("Content-Type", ""):
        return False
    view = resolve(urlsplit(address).path).view_name
    read[view] = read.get(view, 0) + (address not in first)
    return address in first or read[view] <= OF_A_KIND


@pytest.mark.parametrize("name", longer("visitor"))
def test_nothing_is_offered_that_is_refused(sides, principals, name) -> None:
    wrong = refused_offers(principals[name], sides["acme"])
    assert not wrong, "\n".join(wrong)
