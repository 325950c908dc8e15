"""A walk says whole only when it was; drift of any kind is noticed."""

import random
from dataclasses import dataclass, field

import pytest

from sync.providers import limits
from sync.providers.base import Ask, Page, Part
from sync.providers.paging import Walk
from sync.taxonomy import Fault, Stream

PART = Part(Stream.CALLS, "2026-07-08")
PER_PAGE = 10


class OneList:
    """A vendor with one paged list."""

    def asks(self, part, settings):
        return [Ask("calls", "/calls", paged=True)]

    def follow(self, part, ask, page):
        return []


@dataclass
class Upstream:
    """Newest first, like the real ones, and free to move between two requests."""

    ids: list[int]
    made: int = 0
    log: list[str] = field(default_factory=list)

    def page(self, number: int) -> Page:
        shown = sorted(self.ids, reverse=True)[(number - 1) * PER_PAGE : number * PER_PAGE]
        last = max(1, -(-len(self.ids) // PER_PAGE))
        return Page([], [str(one) for one in shown], total=len(self.ids), last_page=last)

    def insert(self) -> None:
        self.made += 1
        self.ids.append(1000 + self.made)

    def drop(self, rng: random.Random) -> None:
        self.ids.remove(rng.choice(self.ids))


def walk_over(upstream: Upstream, between=lambda: None) -> Walk:
    walk = Walk(OneList(), PART, {})
    while (ask := walk.next()) is not None:
        walk.take(ask, upstream.page(ask.page))
        walk.close(ask)
        between()
    return walk


@pytest.mark.parametrize("count", [0, 1, 10, 11, 95])
def test_a_list_at_rest_is_read_whole(count):
    walk = walk_over(Upstream(list(range(count))))
    assert walk.whole
    assert walk.total == count
    assert walk.keys == {str(one) for one in range(count)}


def test_whole_means_that_nothing_was_missed():
    """Whatever moves: a walk that calls itself whole has seen every element that was there all along."""
    wholes = 0
    for seed in range(400):
        rng = random.Random(seed)
        upstream = Upstream(list(range(60)))
        steady = set(upstream.ids)

        def move(upstream=upstream, rng=rng, steady=steady):
            if rng.random() < 0.3:
                upstream.insert()
            if rng.random() < 0.3:
                upstream.drop(rng)
                steady.intersection_update(upstream.ids)

        walk = walk_over(upstream, move)
        if walk.whole:
            wholes += 1
            assert {str(one) for one in steady} <= walk.keys
    assert 0 < wholes < 400


def test_a_changed_total_is_drift():
    upstream = Upstream(list(range(30)))
    assert walk_over(upstream, upstream.insert).fault == Fault.DRIFT


def test_a_total_that_changes_and_comes_back_within_the_same_last_page_is_drift():
    """One of page 1 goes after page 1, an older one comes after page 2: as many as at first were counted at the end,
    in as many pages, and yet one that slid to page 1 was never seen."""
    upstream = Upstream(list(range(1, 26)))
    between = iter([lambda: upstream.ids.remove(20), lambda: upstream.ids.append(0), lambda: None])
    walk = walk_over(upstream, lambda: next(between)())
    assert "15" not in walk.keys
    assert walk.fault == Fault.DRIFT
    assert not walk.whole


def test_fewer_elements_than_the_total_is_drift():
    upstream = Upstream(list(range(25)))
    walk = Walk(OneList(), PART, {})
    while (ask := walk.next()) is not None:
        page = upstream.page(ask.page)
        page.keys = page.keys[:-1] if ask.page == 2 else page.keys
        walk.take(ask, page)
        walk.close(ask)
    assert walk.fault == Fault.DRIFT


def test_an_empty_page_in_the_middle_is_not_the_end():
    upstream = Upstream(list(range(30)))
    walk = Walk(OneList(), PART, {})
    while (ask := walk.next()) is not None:
        page = upstream.page(ask.page)
        walk.take(ask, Page([], [], page.total, page.last_page) if ask.page == 2 else page)
        walk.close(ask)
    assert walk.fault == Fault.EMPTY_PAGE
    assert not walk.whole


def test_a_failed_page_fails_the_part_and_asks_no_more():
    walk = Walk(OneList(), PART, {})
    first = walk.next()
    walk.take(first, Upstream(list(range(50))).page(1))
    walk.close(first)
    second = walk.next()
    walk.fail(second, Fault.SERVER, "Internal server error.")
    assert walk.over
    assert walk.fault == Fault.SERVER
    assert walk.next() is None


def test_an_optional_request_may_be_refused():
    class WithDetail(OneList):
        def follow(self, part, ask, page):
            return [Ask("price", f"/agents/{key}/pricing/summary", optional=True) for key in page.keys]

    walk = Walk(WithDetail(), PART, {})
    first = walk.next()
    walk.take(first, Upstream([1, 2]).page(1))
    walk.close(first)
    walk.fail(walk.next(), Fault.NOT_FOUND)
    walk.close(walk.next())
    assert walk.whole


@pytest.mark.parametrize(
    ("key", "said"), [("{}", "more than 50 elements"), ("?{}", "more than 20 elements without an id")]
)
def test_more_elements_than_a_list_may_have_are_refused(monkeypatch, key, said):
    """Over all its pages; an answer that came twice counts once."""
    monkeypatch.setattr(limits, "LIST_ELEMENTS", 50)
    monkeypatch.setattr(limits, "NAMELESS_ELEMENTS", 20)
    most = 50 if key == "{}" else 20
    walk = Walk(OneList(), PART, {})
    ask = walk.next()
    for _ in range(2):
        walk.take(ask, Page([], [key.format(number) for number in range(most)], total=500, last_page=10))
    assert "more than" not in walk.detail
    walk = Walk(OneList(), PART, {})
    for start in (0, most):
        ask = walk.next()
        walk.take(ask, Page([], [key.format(start + number) for number in range(most)], total=500, last_page=10))
    assert walk.fault == Fault.TOO_LARGE
    assert said in walk.detail


def test_more_requests_than_a_list_may_call_for_are_refused(monkeypatch):
    class WithDetail(OneList):
        def follow(self, part, ask, page):
            return [Ask("price", f"/agents/{key}/pricing/summary", optional=True) for key in page.keys]

    monkeypatch.setattr(limits, "LIST_REQUESTS", 5)
    walk = Walk(WithDetail(), PART, {})
    ask = walk.next()
    walk.take(ask, Upstream(list(range(9))).page(1))
    walk.close(ask)
    assert (walk.fault, walk.next()) == (Fault.TOO_LARGE, None)


def test_endless_promises_are_refused():
    walk = Walk(OneList(), PART, {})
    ask = walk.next()
    walk.take(ask, Page([], ["1"], total=10**9, last_page=10**7))
    walk.close(ask)
    assert walk.fault == Fault.FORM
