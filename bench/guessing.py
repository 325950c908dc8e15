"""Guessing through nginx, as fast as is wanted, while others come in by the same doors.

``python -m bench.guessing`` serves an installation of its own on this machine, embedded, behind nginx. At each door
somebody guesses from one address for a while: passwords and links to choose one, for one account and for many that
there are and are not; invitations; keys. Meanwhile a person who is known there comes in from that same address, and one
who is not from another. Told are the guesses a second, how they were answered, and how the others fared, beside how
they fare while nobody guesses. The status is 1 when a guess was let in, one of the others was not, or too few guesses
were made.
"""

import argparse
import http.client
import re
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import urlencode

import requests

from tests.portal.site.front import ANA, BEA, HOME, OFFICE, RIGHT, Front, Visitor, nginx, served

THREADS = 8
EACH = 2.0  # seconds between two visits of one of the others: a browser asks for some links only
QUIET = 6.0  # seconds without an attack
KEYS = "/api/v1/environments/"
INVITED = """
from portal.accounts.invitations import Invitee, invite
from portal.accounts.members import whole
from portal.outbox.models import PlatformMessage
from portal.tenants.models.people import Role
from portal.tenants.models.tenants import Tenant
invite(Tenant.objects.get(slug="acme"), Invitee("new@acme.example", whole(Role.VIEWER)), by=None)
print(PlatformMessage.objects.get(to="new@acme.example").text)
"""
Act = Callable[[], bool]


@dataclass
class Told:
    """How often something was asked, with which answers, and how long each took."""

    answers: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def add(self, answer: object, began: float) -> None:
        self.answers[str(answer)] += 1
        self.seconds.append(time.perf_counter() - began)

    @property
    def times(self) -> str:
        """Median and 99th percentile, in milliseconds."""
        ordered = sorted(self.seconds) or [0.0]
        return f"{statistics.median(ordered) * 1000:.0f}, {ordered[int((len(ordered) - 1) * 0.99)] * 1000:.0f}"


@dataclass(frozen=True)
class Door:
    """``guess`` makes the request of a number; ``opened`` says whether an answer let somebody in."""

    name: str
    guess: Callable[[int], tuple[str, str, str | None, dict[str, str]]]
    opened: Callable[[int], bool]
    others: dict[str, Act]


class Guesser:
    """A connection of somebody who guesses, that stays open, from the office's address."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self.wire = self._dial()

    def _dial(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.front.port, timeout=60, source_address=(OFFICE, 0))

    def ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> int:
        try:
            self.wire.request(method, path, body, headers)
            answer = self.wire.getresponse()
            answer.read()
            return answer.status
        except (http.client.HTTPException, OSError):
            self.wire.close()
            self.wire = self._dial()
            raise


def attack(front: Front, door: Door, rate: float, seconds: float) -> tuple[Told, int]:
    """Guess at a steady rate; the answers, and how many let somebody in."""
    told, let_in, lock = Told(), Counter[bool](), threading.Lock()
    numbers, began = count(), time.perf_counter()

    def guess() -> None:
        guesser = Guesser(front)
        while True:
            with lock:
                number = next(numbers)
            due = began + number / rate
            if due > began + seconds:
                return
            time.sleep(max(0.0, due - time.perf_counter()))
            asked = time.perf_counter()
            try:
                status: int | str = guesser.ask(*door.guess(number))
            except (http.client.HTTPException, OSError) as error:
                status = type(error).__name__
            with lock:
                told.add(status, asked)
                let_in[isinstance(status, int) and door.opened(status)] += 1

    together([guess] * THREADS)
    return told, let_in[True]


def visits(others: dict[str, Act], over: threading.Event) -> Iterator[tuple[str, Told]]:
    """Each of the others comes every now and then, until it is over."""
    told = {name: Told() for name in others}

    def come(name: str) -> None:
        while not over.is_set():
            began = time.perf_counter()
            try:
                answer = "in" if others[name]() else "refused"
            except requests.RequestException as error:
                answer = type(error).__name__
            told[name].add(answer, began)
            over.wait(max(0.0, EACH - (time.perf_counter() - began)))

    together([lambda name=name: come(name) for name in others])  # type: ignore[misc]
    yield from told.items()


def together(acts: Iterable[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# --- The doors --------------------------------------------------------------------------------------------------------


def doors(front: Front) -> list[Door]:
    known = {address: browser(front, address, email) for address, email in ((OFFICE, BEA), (HOME, ANA))}
    link = re.search(r"/accounts/invitation/\S+", front.manage("shell", "--command", INVITED))
    key = front.manage("add_key", "--tenant", "acme", "--name", "program")
    if link is None:
        raise SystemExit("The invitation has no link.")
    token, cookie = form_of(front)

    def posts(path: str, **fields: str) -> Callable[[int], tuple[str, str, str | None, dict[str, str]]]:
        def guess(number: int) -> tuple[str, str, str | None, dict[str, str]]:
            # Every other guess is at one account, the rest at accounts of which some exist.
            email = (ANA, f"x{number}@acme.example", ANA, BEA)[number % 4]
            sent = {name: email if text == "@" else f"{text}{number}" for name, text in fields.items()}
            body = urlencode(sent | {"csrfmiddlewaretoken": token})
            form = "application/x-www-form-urlencoded"
            spoofed = f"6.6.{number % 250}.{number % 199}"
            return "POST", path, body, {"Content-Type": form, "Cookie": cookie, "X-Forwarded-For": spoofed}

        return guess

    def signs_in(address: str, email: str) -> Act:
        """From a browser of his; from another one where there is none that is known."""

        def act() -> bool:
            visitor = Visitor(front, address)
            if address in known:
                visitor.session.cookies.update(known[address])
            return visitor.sign_in(email, RIGHT) == 302

        return act

    def asks_for_link(address: str, email: str) -> Act:
        def act() -> bool:
            visitor = Visitor(front, address)
            visitor.session.cookies.update(known.get(address, {}))
            return visitor.send(visitor.page.replace("login/", "password/reset/"), email=email) == 302

        return act

    def reads(path: str, address: str, **headers: str) -> Act:
        def act() -> bool:
            visitor = Visitor(front, address)
            url = f"http://127.0.0.1:{front.port}{path}"
            return visitor.session.get(url, headers=headers, timeout=60).status_code == 200

        return act

    bearer, elsewhere = f"Bearer {key}", "127.0.0.9"
    people = {
        "known browser, same address": signs_in(OFFICE, BEA),
        "known browser of the one who is guessed": signs_in(HOME, ANA),
        "unknown browser, another address": signs_in(elsewhere, BEA),
    }
    return [
        Door("sign-in", posts("/accounts/login/", login="@", password="wrong "), lambda status: status == 302, people),
        Door(
            "reset",
            posts("/accounts/password/reset/", email="@"),
            lambda _status: False,  # asking opens nothing
            {"known browser, same address": asks_for_link(OFFICE, BEA), "signs in": signs_in(OFFICE, BEA)},
        ),
        Door(
            "invitation",
            lambda number: ("GET", f"/accounts/invitation/{number:043}/", None, {}),
            lambda status: status == 200,
            {"right link, same address": reads(link[0], OFFICE), "signs in": signs_in(OFFICE, BEA)},
        ),
        Door(
            "key",
            lambda number: ("GET", KEYS, None, {"Authorization": f"Bearer {key[:-6]}{number:06}"}),
            lambda status: status == 200,
            {"right key, same address": reads(KEYS, OFFICE, Authorization=bearer), "signs in": signs_in(OFFICE, BEA)},
        ),
    ]


def browser(front: Front, address: str, email: str) -> dict[str, str]:
    """What a browser keeps that its person signed in from."""
    visitor = Visitor(front, address)
    if visitor.sign_in(email, RIGHT) != 302:
        raise SystemExit(f"{email} cannot sign in.")
    return {name: text for name, text in visitor.session.cookies.items() if name == "ringbook_device"}


def form_of(front: Front) -> tuple[str, str]:
    """A token of a form, and the cookie that it goes with."""
    text = Visitor(front, OFFICE).session.cookies["csrftoken"]
    return text, f"csrftoken={text}"


# --- The run ----------------------------------------------------------------------------------------------------------


def fare(front: Front, door: Door, rate: float, seconds: float) -> bool:
    """Print a door's lines; whether all is as it should be."""
    quiet, busy = threading.Event(), threading.Event()
    threading.Timer(QUIET, quiet.set).start()
    before = dict(visits(door.others, quiet))
    meanwhile: dict[str, Told] = {}
    coming = threading.Thread(target=lambda: meanwhile.update(visits(door.others, busy)))
    coming.start()
    began = time.perf_counter()
    told, let_in = attack(front, door, rate, seconds)
    took = time.perf_counter() - began
    busy.set()
    coming.join()
    made = len(told.seconds)
    answers = ", ".join(f"{status}: {n}" for status, n in told.answers.most_common())
    refused = (made - let_in) / made
    print(f"| {door.name} | {made / took:.0f}/s of {made} | {answers} | {refused:.1%} refused | {told.times} | |")
    for name, one in meanwhile.items():
        came, tried = one.answers["in"], one.answers.total()
        print(f"| | {name} | | {came} of {tried} in | {one.times} | {before[name].times} |")
    whole = all(one.answers["in"] == one.answers.total() for one in (*meanwhile.values(), *before.values()))
    return whole and not let_in and made >= 0.9 * rate * seconds and took < seconds * 1.2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=100, help="guesses a second")
    parser.add_argument("--seconds", type=float, default=20, help="at each door")
    parser.add_argument("--only", default="", help="one door")
    given = parser.parse_args()
    program = nginx()
    if program is None:
        sys.exit("There is no nginx.")
    with tempfile.TemporaryDirectory(prefix="guessing-") as folder, served(Path(folder), program) as front:
        print("| door, who | guesses, or others | answers | outcome | ms: median, p99 | ms while nobody guesses |")
        print("|---|---:|---|---:|---:|---:|")
        chosen = [door for door in doors(front) if given.only in ("", door.name)]
        good = [fare(front, door, given.rate, given.seconds) for door in chosen]
    return 0 if all(good) and good else 1


if __name__ == "__main__":
    sys.exit(main())
