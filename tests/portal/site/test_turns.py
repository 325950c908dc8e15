"""Nobody's many requests keep others waiting: how many of a principal are answered at once, and how much work they get.

Requests of these tests are open at the same time in one thread: while one asks the database, the next one is made.
"""

import gc
import io
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.db import connection
from django.http import FileResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.lib.turns import MINUTE, TURNS, Limit, Principal, Refused, Turn, Turns, pause, underway
from portal.site.turns import PROGRAMS_AT_ONCE, TurnsMiddleware
from portal.tenants import wall
from portal.tenants.models.people import Membership
from reports.saved import boards, share_links
from reports.saved.keeping import Keeper
from reports.saved.models import BoardPlace, SavedView, ViewOf
from tests import factories
from tests.reports.api.conftest import make_key

pytestmark = pytest.mark.django_db
RIGHT = "correct horse battery"
CALLS, CSV, QUERY = "/api/v1/calls/", "/api/v1/calls/csv/", "/api/v1/reports/query/?metrics=attempts&by=day"
TALKOVER, ORIGINSAI = "/vendor/talkover/api/v1/calls", "/vendor/originsai/api/agents/123/call_stats"
OVERVIEW, PAGE_CSV, SIGN_IN = "/t/acme/", "/t/acme/calls.csv", "/accounts/login/"
Ask = Callable[[], Any]


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Asking:
    """Somebody's browser or program. What it is answered stays open until it is closed."""

    headers: dict[str, str] = field(default_factory=dict)
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(path, headers=self.headers, **more)


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(TURNS, "clock", clock)
    return clock


@pytest.fixture
def world(acme, globex, sales, care, foreign, ana, bruno, carla) -> Any:
    """One of each kind, with something to read."""
    with wall.tenant(acme):
        agent = factories.agent(sales, "agent-a")
        factories.agent(care, "123")
        at = datetime.now(UTC) - timedelta(days=2)
        for number in range(3):
            factories.call(sales, f"call {number}", agent=agent, started_at=at, to_number="+5511987654321")
        place = Membership.objects.select_related("tenant", "grant", "user").get(user=ana)
        keeper = Keeper.of(place)
        board = boards.make(keeper, "Board")
        for number in range(2):
            view = SavedView.objects.create(
                tenant=acme, owner=ana, page=ViewOf.REPORT, name=str(number), query="metrics=attempts&by=day"
            )
            BoardPlace.objects.create(tenant=acme, board=board, view=view, place=number)
        tokens = [
            share_links.make(keeper, place.grant, share_links.LinkWish(days=7, board=board, embeds=True))[1]
            for _ in range(2)
        ]

    def by_key(*more: Any, **fields: Any) -> Asking:
        return Asking({"Authorization": f"Bearer {make_key(*more, **fields)}"})

    def member(user: Any) -> Asking:
        asking = Asking()
        asking.client.force_login(user)
        return asking

    return SimpleNamespace(
        key=by_key(acme, numbers=False),
        other_key=by_key(acme),
        foreign_key=by_key(globex),
        talkover_key=by_key(acme, environment=sales),
        originsai_key=by_key(acme, environment=care),
        member=member(ana),
        other_member=member(bruno),
        foreign_member=member(carla),
        stranger=Asking(),
        link=f"/shared-link/{tokens[0]}/",
        other_link=f"/shared-link/{tokens[1]}/",
    )


def together(*asks: Ask) -> list[Any]:
    """The answers to requests of which each is made while those before it, that were not refused, are open."""
    answers: dict[int, Any] = {}
    waiting = list(enumerate(asks))

    def make() -> None:
        place, ask = waiting.pop(0)
        answers[place] = ask()
        if waiting and answers[place].status_code == 429:  # it asked for nothing
            make()

    def hook(execute: Any, *statement: Any) -> Any:
        if waiting:
            make()
        return execute(*statement)

    with connection.execute_wrapper(hook):
        make()
    assert not waiting, "the first was over before all were made"
    return [answers[place] for place in range(len(asks))]


def close(*answers: Any) -> None:
    """As the server does once an answer is sent, but for the database, which is the test's."""
    with patch.object(connection, "close_if_unusable_or_obsolete"):
        for answer in answers:
            answer.close()


def statuses(answers: list[Any]) -> list[int]:
    return [answer.status_code for answer in answers]


# who, what, how many at once, the form of a refusal
CASES = [
    ("key", CALLS, 2, "application/problem+json"),
    ("key", CSV, 1, "application/problem+json"),
    ("key", QUERY, 2, "application/problem+json"),
    ("member", "/api/v1/audit/csv/", 1, "application/problem+json"),
    ("member", "/api/v1/audit/lines/", 1, "application/problem+json"),
    ("talkover_key", TALKOVER, 2, "application/json"),
    ("originsai_key", ORIGINSAI, 1, "application/json"),
    ("member", CALLS, 2, "application/problem+json"),
    ("member", OVERVIEW, 2, "text/html"),
    ("member", "/t/acme/calls/", 2, "text/html"),
    ("member", "/t/acme/exports/list/", 2, "text/html"),
    ("member", "/t/acme/search/?q=agent", 2, "text/html"),
    ("member", PAGE_CSV, 1, "text/html"),
    ("member", "/t/acme/audit/audit.csv", 1, "text/html"),
    ("member", "/static/nothing.css", 2, "text/html"),
    ("member", "/readyz/nothing", 2, "text/html"),
    ("stranger", "link", 1, "text/html"),
    ("stranger", "link frame", 1, "text/html"),
    ("stranger", "wrong key", 2, "application/problem+json"),
    ("stranger", SIGN_IN, 4, "text/html"),
    ("member", "/t/acme/brand.css", 4, "text/html"),
]


def asked(world: Any, who: str, what: str) -> Ask:
    asking: Asking = getattr(world, who)
    if what == "wrong key":
        return lambda: asking.client.get(CALLS, headers={"Authorization": f"Bearer ring_{id(object())}"})
    path = {"link": world.link, "link frame": f"{world.link}frame/"}.get(what, what)
    return lambda: asking.get(path)


@pytest.mark.parametrize(("who", "what", "most", "form"), CASES, ids=[f"{case[0]} {case[1]}" for case in CASES])
def test_one_more_than_may_be_open_at_once_is_refused_and_the_place_given_back(world, who, what, most, form):
    ask, elsewhere = asked(world, who, what), asked(world, "foreign_member", "/t/globex/")
    first = ask()
    elsewhere()  # a session that nobody knows yet would be one stranger more
    usual = first.status_code
    assert usual in (200, 401, 404)
    close(first)

    *open_ones, refused, another = together(*[ask] * (most + 1), elsewhere)
    assert statuses(open_ones) == [usual] * most
    assert (refused.status_code, refused.headers["Content-Type"].partition(";")[0]) == (429, form)
    assert int(refused["Retry-After"]) >= 1
    assert another.status_code == 200
    close(*open_ones)
    assert ask().status_code == usual


def test_a_file_that_is_being_downloaded_holds_no_place(rf):
    """The web server's loop sends it, and no thread: downloads must not keep their reader from every page."""
    answer = TurnsMiddleware(lambda _request: FileResponse(io.BytesIO(b"x" * 9)))
    downloads = [answer(rf.get("/t/acme/exports/1/download/")) for _ in range(9)]
    assert statuses(downloads) == [200] * 9


def test_a_refusal_asks_the_database_for_nothing(world):
    close(world.key.get(CSV), world.member.get(PAGE_CSV))
    for asking, path in ((world.key, CSV), (world.member, PAGE_CSV)):
        held = asking.get(path)
        with CaptureQueriesContext(connection) as captured:
            assert asking.get(path).status_code == 429
        assert not captured.captured_queries
        close(held)


@pytest.mark.parametrize(
    ("other", "path"),
    [
        ("other_key", CSV),
        ("foreign_key", CSV),
        ("member", OVERVIEW),
        ("other_member", PAGE_CSV),
        ("stranger", "/livez"),
        ("stranger", "/readyz"),
        ("stranger", "/static/portal/css/ringbook.css"),
        ("stranger", "link"),
    ],
)
def test_what_one_key_has_open_is_nothing_to_others(world, other, path):
    close(world.key.get(CSV))
    held = world.key.get(CSV)
    assert world.key.get(CSV).status_code == 429
    answer = asked(world, other, path)()
    assert answer.status_code in (200, 503)  # not ready: no worker runs here
    close(held, answer)


@pytest.mark.parametrize("end", ["whole", "aborted", "forgotten"])
def test_a_streams_place_comes_back_however_it_ends(world, end):
    close(world.key.get(CSV))
    held = world.key.get(CSV)
    assert world.key.get(CSV).status_code == 429
    if end == "whole":
        assert b"".join(held.streaming_content)
    else:
        next(iter(held.streaming_content))
    if end == "aborted":
        close(held)
    del held
    gc.collect()
    assert world.key.get(CSV).status_code == 200


def test_a_failure_gives_the_place_back(world):
    close(world.key.get(CALLS))

    def fails(*_statement: Any) -> Any:
        raise RuntimeError

    for _ in range(3):
        with connection.execute_wrapper(fails):
            assert world.key.get(CALLS).status_code == 500
    assert world.key.get(CALLS).status_code == 200


def test_a_company_has_more_than_one_of_its_keys_and_less_than_all_there_are(world, acme):
    keys = [Asking({"Authorization": f"Bearer {make_key(acme)}"}) for _ in range(4)]
    asks = [lambda key=key: key.get(CALLS) for key in keys]
    for ask in (*asks, lambda: world.foreign_key.get(CALLS)):
        ask()
    answers = together(*asks, lambda: world.foreign_key.get(CALLS), lambda: world.other_member.get(OVERVIEW))
    assert statuses(answers) == [200, 200, 200, 429, 200, 200]


def test_pages_and_sign_in_are_answered_while_programs_have_their_whole_share(world, acme, globex, ana):
    tenants = [acme, globex] * (PROGRAMS_AT_ONCE // 2)
    keys = [Asking({"Authorization": f"Bearer {make_key(tenant)}"}) for tenant in tenants]
    programs = [lambda key=key: key.get(CALLS) for key in keys]
    extra = asked(world, "stranger", "link")
    for ask in (*programs, extra):
        ask()

    def sign_in() -> Any:
        return world.stranger.client.post(SIGN_IN, {"login": ana.email, "password": RIGHT})

    asks = [
        *programs,
        extra,
        sign_in,
        lambda: world.member.get(OVERVIEW),
        lambda: world.foreign_member.get("/t/globex/"),
    ]
    assert statuses(together(*asks)) == [200] * PROGRAMS_AT_ONCE + [429, 302, 200, 200]


@pytest.mark.parametrize(
    ("who", "what", "minute"),
    [("key", CALLS, 1.0), ("key", QUERY, 1.0), ("talkover_key", TALKOVER, 1.0), ("member", OVERVIEW, 1.0),
     ("stranger", "link", 0.5), ("stranger", "wrong key", 0.5), ("key", CSV, 1.0)],
)  # fmt: skip
def test_whoever_had_a_minutes_work_done_waits_until_it_is_paid_for(world, clock, who, what, minute):
    ask, budget, left = asked(world, who, what), minute * settings.WORK_PER_MINUTE, 0.0

    def works(execute: Any, *statement: Any) -> Any:
        nonlocal left
        clock.now, left = clock.now + left, 0.0
        return execute(*statement)

    def read(seconds: float) -> Any:
        nonlocal left
        left = seconds
        with connection.execute_wrapper(works):
            answer = ask()
            if answer.streaming:
                b"".join(answer.streaming_content)
        return answer

    asked(world, "foreign_key", CALLS)()  # a key that nobody knows yet would be one stranger more
    usual = read(0.0).status_code
    clock.now += MINUTE
    assert read(budget * 2.5).status_code == usual
    refused = ask()
    assert refused.status_code == 429
    assert asked(world, "foreign_member", "/t/globex/")().status_code == 200
    assert asked(world, "foreign_key", CALLS)().status_code == 200
    clock.now += int(refused["Retry-After"]) - 2
    assert ask().status_code == 429
    clock.now += 2
    assert ask().status_code == usual


def test_one_request_after_another_is_never_refused(world, clock):
    """An engineer's loop over pages, however slow the pages are."""

    def works(execute: Any, *statement: Any) -> Any:
        clock.now += 0.5
        return execute(*statement)

    with connection.execute_wrapper(works):
        assert {world.key.get(CALLS).status_code for _ in range(60)} == {200}
    assert clock.now > 1000 + 2 * MINUTE


@pytest.mark.parametrize(
    "headers",
    [
        lambda key: {"Authorization": key.replace("Bearer ", "Bearer   ")},
        lambda key: {"Authorization": key.replace("Bearer ", "bEARER\t")},
    ],
)
def test_a_key_spelt_otherwise_is_the_same(world, headers):
    close(world.key.get(CSV))
    held = world.key.get(CSV)
    other = Asking(headers(world.key.headers["Authorization"]))
    assert other.get(CSV).status_code == 429
    close(held)


def test_a_member_is_one_with_whatever_else_he_sends_and_whichever_company_he_asks_for(world):
    close(world.member.get(PAGE_CSV))
    held = world.member.get(PAGE_CSV)
    for number, path in enumerate((PAGE_CSV, "/t/globex/calls.csv", "/t/nowhere/calls.csv")):
        again = world.member.client.get(path, headers={"Authorization": f"Bearer ring_{number}"})
        assert again.status_code == 429
    close(held)


def test_two_browsers_of_one_member_are_one(world, ana):
    second = Asking()
    second.client.force_login(ana)
    for asking in (second, world.member):
        close(asking.get(PAGE_CSV))
    held = world.member.get(PAGE_CSV)
    assert second.get(PAGE_CSV).status_code == 429
    close(held)


def test_a_browser_that_somebody_signed_in_from_has_turns_beside_those_of_its_network(world, ana):
    known = Asking()
    known.client.post(SIGN_IN, {"login": ana.email, "password": RIGHT})
    known.client.cookies.pop("sessionid")
    stranger = asked(world, "stranger", SIGN_IN)

    def again() -> Any:
        return known.client.post(SIGN_IN, {"login": ana.email, "password": RIGHT})

    assert statuses(together(*[stranger] * 5, again)) == [200, 200, 200, 200, 429, 302]


def test_the_sentence_says_what_to_do_in_the_readers_language(world, ana):
    ana.language = "pt-br"
    ana.save()
    close(world.member.get(PAGE_CSV), world.key.get(CSV))
    held = [world.member.get(PAGE_CSV), world.key.get(CSV)]
    page = world.member.get(PAGE_CSV)
    assert "Há requisições demais abertas ao mesmo tempo." in page.content.decode()
    assert page["Refresh"] == page["Retry-After"]  # a browser asks again by itself
    problem = json.loads(world.key.get(CSV).content)
    assert problem["detail"] == (
        "Too many requests are open at the same time. Ask again in 1 second, one after another."
    )
    close(*held)


def test_the_page_of_a_refused_frame_may_stand_in_a_frame(world):
    ask = asked(world, "stranger", "link frame")
    ask()
    refused = together(ask, ask, ask)[-1]
    assert refused.status_code == 429
    assert "X-Frame-Options" not in refused.headers
    assert re.search(r"frame-ancestors \*", refused["Content-Security-Policy"])


@pytest.mark.parametrize("what", [CALLS, CSV, "link", "wrong key"])
def test_programs_begin_once_no_page_is_made(world, monkeypatch, what):
    monkeypatch.setattr("portal.site.turns.GIVES_WAY", 60.0)
    page = TURNS.begin(Principal("somebody"), one)
    assert isinstance(page, Turn)
    TURNS.begin_page(page)
    began_after_page: list[bool] = []

    def look(execute: Any, *statement: Any) -> Any:
        began_after_page.append(not page.accounts)
        return execute(*statement)

    ends = threading.Timer(0.05, page.end)
    ends.start()
    with connection.execute_wrapper(look):
        close(asked(world, "stranger" if what == "link" else "key", what)())
    ends.join()
    assert began_after_page
    assert all(began_after_page)


# --- Turns by themselves ----------------------------------------------------------------------------------------------


def one(_principal: Principal) -> dict[str, Limit]:
    return {"all": Limit(10)}


def test_a_stream_goes_on_when_no_page_is_made_any_more():
    turns = Turns()
    page, stream = (turns.begin(Principal(name), one) for name in ("ana", "key"))
    assert isinstance(page, Turn)
    turns.begin_page(page)
    waits = threading.Thread(target=turns.give_way, args=(stream, 60.0), kwargs={"to_all": True})
    waits.start()
    waits.join(0.05)
    assert waits.is_alive()
    page.end()
    waits.join(30.0)
    assert not waits.is_alive()


def test_a_stream_goes_on_after_a_while_however_many_pages_there_are():
    turns = Turns()
    held, stream = (turns.begin(Principal(name), one) for name in ("ana", "key"))
    assert isinstance(held, Turn)
    turns.begin_page(held)
    turns.give_way(stream, 0.01, to_all=True)


def test_nobody_gives_way_to_their_own_pages():
    turns = Turns()
    page, other = (turns.begin(Principal("ana"), one) for _ in range(2))
    assert isinstance(page, Turn)
    turns.begin_page(page)
    began = time.monotonic()
    turns.give_way(other, 60.0, to_all=True)
    assert time.monotonic() - began < 30.0


@pytest.mark.parametrize("elsewhere", [False, True])
def test_who_had_much_work_gives_way_to_pages_of_those_who_had_little_and_they_not_to_them(elsewhere):
    """In another process of the web server as well."""
    turns = others = Turns(Clock())
    if elsewhere:
        turns.share(2)
        others = Turns(turns.clock)
        others._least = turns._least  # as forking leaves it
        others.join(1)
    greedy, modest, eva = (
        each.begin(Principal(name), lambda who: {who.name: Limit(10, 60.0)})
        for each, name in ((turns, "bot"), (others, "ana"), (others, "eva"))
    )
    turns.charge(greedy, 30.0)
    others.charge(eva, 0.5)
    turns.begin_page(greedy)
    for page in (modest, eva):
        others.begin_page(page)
    waits = threading.Thread(target=turns.give_way, args=(greedy, 60.0))
    waits.start()
    waits.join(0.05)
    assert waits.is_alive()
    for page in (modest, eva):
        began = time.monotonic()
        others.give_way(page, 60.0)
        assert time.monotonic() - began < 30.0
    modest.end()
    eva.end()
    waits.join(30.0)
    assert not waits.is_alive()


def test_a_process_that_died_amid_a_page_holds_nobody_up():
    turns = Turns()
    turns.share(2)
    died = Turns()
    died._least = turns._least
    died.join(1)
    page, program = (
        each.begin(Principal(name), lambda who: {who.name: Limit(10, 60.0)})
        for each, name in ((died, "ana"), (turns, "key"))
    )
    died.begin_page(page)
    turns.charge(program, 30.0)
    assert not turns._is_lightest(program)
    anew = Turns()
    anew._least = turns._least
    anew.join(1)
    assert turns._is_lightest(program)


def test_pauses_of_an_answer_take_twice_the_time_of_its_work_at_most_and_count_as_none(monkeypatch):
    turns = Turns(Clock())
    turn = turns.begin(Principal("key"), one)
    waited: list[float] = []

    def give_way(_turn: Turn, seconds: float) -> None:
        waited.append(seconds)
        turns.clock.now += max(0.0, seconds)

    monkeypatch.setattr(turns, "give_way", give_way)
    for seconds in (0.1, 1.0, 0.0, 0.0, 0.0, 0.0):
        turns.clock.now += seconds
        turns.pause(turn)
    assert waited == pytest.approx([0.2, 0.5, 0.5, 0.5, 0.5, 0.0])
    assert turn.worked(turns.clock()) == pytest.approx(1.1)


def test_a_part_of_an_answer_pauses_and_nothing_does_outside_of_one(monkeypatch):
    asked_for: list[Turn] = []
    monkeypatch.setattr(TURNS, "give_way", lambda turn, _seconds: asked_for.append(turn))
    pause()  # no request is answered
    assert not asked_for
    turn = TURNS.begin(Principal("key"), one)
    with underway(turn):
        pause()
    assert asked_for == [turn]


def test_what_somebody_asks_for_beside_another_request_of_theirs_is_not_the_first():
    turns = Turns()
    first, second, others = (
        turns.begin(Principal(name), lambda who: {who.name: Limit(2), "all": Limit(9)})
        for name in ("ana", "ana", "eva")
    )
    assert [turn.is_first for turn in (first, second, others)] == [True, False, True]
    first.end()
    second.end()
    later = turns.begin(Principal("ana"), lambda who: {who.name: Limit(2)})
    assert later.is_first


def test_ending_twice_gives_one_place_back():
    turns = Turns()
    first, second = (turns.begin(Principal("ana"), lambda _who: {"ana": Limit(2)}) for _ in range(2))
    assert isinstance(first, Turn)
    first.end()
    first.end()
    third = turns.begin(Principal("ana"), lambda _who: {"ana": Limit(2)})
    assert isinstance(turns.begin(Principal("ana"), lambda _who: {"ana": Limit(2)}), Refused)
    assert isinstance(second, Turn)
    assert isinstance(third, Turn)
