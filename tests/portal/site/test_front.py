"""Signing in through a real proxy, while somebody guesses as fast as he can."""

import re
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
import requests

from portal.accounts.limits import ACCOUNT, PAIR
from tests.portal.site.front import ANA, BEA, HOME, OFFICE, RIGHT, Front, Visitor, nginx, served

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def front(tmp_path_factory) -> Iterator[Front]:
    program = nginx()
    if program is None:
        pytest.skip("There is no nginx, the proxy that these tests put in front.")
    with served(tmp_path_factory.mktemp("data"), program) as front:
        yield front


def test_guessing_at_speed_locks_out_neither_the_office_nor_the_person(front) -> None:
    answers: Counter[int] = Counter()
    enough, done = threading.Event(), threading.Event()

    def guess(number: int) -> None:
        visitor = Visitor(front, OFFICE)
        attempt = 0
        while not done.is_set():
            attempt += 1
            visitor.session.headers["X-Forwarded-For"] = f"6.6.{number}.{attempt % 256}"
            answers[visitor.sign_in(ANA, f"wrong {attempt}")] += 1
            if answers.total() > ACCOUNT.most + PAIR.most:
                enough.set()

    # A web process answers four of an address at once: one place is left for the colleague.
    threads = [threading.Thread(target=guess, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        assert enough.wait(120)
        assert Visitor(front, OFFICE).sign_in(BEA, RIGHT) == 302
        assert Visitor(front, HOME).sign_in(ANA, RIGHT) == 302
    finally:
        done.set()
        for thread in threads:
            thread.join(timeout=60)
    assert set(answers) == {200, 429}
    assert answers[200] == PAIR.most
    assert Visitor(front, OFFICE).sign_in(ANA, RIGHT) == 429
    assert front.addresses() == {OFFICE, HOME}


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "Script-Name", "X-Script-Name"])
def test_no_header_moves_the_portal_to_another_path(front, name) -> None:
    for port in (front.port, front.behind):
        page = requests.get(f"http://127.0.0.1:{port}/accounts/login/", headers={name: "/evil"}, timeout=60)
        assert page.status_code == 200
        assert re.search(r'action="/accounts/login/"', page.text)
        assert "evil" not in page.text


def test_no_header_names_another_page(front) -> None:
    asked = {"PATH_INFO": "/livez", "Path-Info": "/livez"}
    page = requests.get(f"http://127.0.0.1:{front.behind}/accounts/login/", headers=asked, timeout=60)
    assert 'name="login"' in page.text
