"""One principal does its worst, while another company reads and signs in: ``python -m bench.turns``.

Serves the demo's calls (90 days, two companies) as ``manage.py serve`` does, on SQLite with the embedded broker and on
PostgreSQL at BENCH_DATABASE_URL, where it makes the database ``ringbook_turns`` anew. Twenty connections of one
principal of Acme ask at once, in each way that costs much, and do not wait when they are told to. Meanwhile the owner
of Globex opens their overview and signs in. Goals: the overview's 95th percentile is at most three times that of a
quiet portal, and no sign-in takes longer than a second. The status is 1 when one is missed.

The mirrored calls are kept in BENCH_TURNS, ``/var/tmp/ringbook-turns`` by default, for the next run; ``--rebuild``
makes them again. Those who do their worst run at the lowest priority, as if on a machine of their own.
"""

import argparse
import http.client
import itertools
import json
import multiprocessing
import os
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import requests
from requests.adapters import HTTPAdapter

from portal.env import BASE_DIR
from tests.portal.processes import free_port

FOLDER = Path(os.environ.get("BENCH_TURNS", "/var/tmp/ringbook-turns"))
SERVER = os.environ.get("BENCH_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
CLIENTS = 20
WORST, OTHER = "127.0.0.66", "127.0.0.7"
OVERVIEW_RATIO, SIGN_IN_SECONDS = 3.0, 1.0
SET_UP = """
import json
from datetime import timedelta
from django.utils import timezone
from portal.accounts.keys import NewKey, issue_key
from portal.tenants import wall
from portal.tenants.models.people import Membership
from portal.tenants.models.tenants import Environment, Tenant
from reports.saved import boards, share_links
from reports.saved.keeping import Keeper
from reports.saved.models import BoardPlace, SavedView, ViewOf
from sync.models.connections import Connection, ConnectionState
acme = Tenant.objects.get(slug="acme")
with wall.every_tenant("nothing is read from the vendor meanwhile"):
    Connection.objects.update(state=ConnectionState.PAUSED)
with wall.tenant(acme):
    place = Membership.objects.select_related("tenant", "grant", "user").get(user__email="ana@acme.example")
    place.grant.tenant = acme
    keeper = Keeper.of(place)
    board = boards.make(keeper, f"Worst {timezone.now():%H%M%S}")
    metrics = "attempts,connect_rate,unique_contacts,median_duration,p90_duration,return_rate"
    for n, by in enumerate(["day,agent", "week,agent", "hour_of_day,weekday", "area_code", "cause", "status,agent",
                            "month", "day", "week", "agent", "area_code,agent", "weekday"]):
        view = SavedView.objects.create(tenant=acme, owner=place.user, page=ViewOf.REPORT, name=f"{board.name} {n}",
                                        query=f"metrics={metrics}&by={by}&period=last_90_days", shared=False)
        BoardPlace.objects.create(tenant=acme, board=board, view=view, place=n)
    link, token = share_links.make(keeper, place.grant, share_links.LinkWish(days=7, board=board))
    environment = Environment.objects.filter(provider="talkover").first()
    key = issue_key(acme, NewKey("worst"), by=place.user)[1]
    bound = issue_key(acme, NewKey("worst, bound", environment=environment), by=place.user)[1]
print(json.dumps({"key": key, "bound": bound, "token": token}))
"""
Asks = Callable[[int], tuple[str, dict[str, str]]]


@dataclass
class Times:
    seconds: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)

    def p95(self) -> float:
        ordered = sorted(self.seconds) or [float("inf")]
        return ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]

    @property
    def worst(self) -> float:
        return max(self.seconds, default=float("inf"))


@dataclass(frozen=True)
class Portal:
    port: int
    secrets: dict[str, str] = field(repr=False)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"


# --- The portal -------------------------------------------------------------------------------------------------------


def environment_of(kind: str) -> dict[str, str]:
    unwanted = {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "DATABASE_OWNER_URL"}
    found = {name: text for name, text in os.environ.items() if name not in unwanted}
    found |= {"DATA_DIR": str(FOLDER / kind), "UPSTREAM_ALLOW_PRIVATE": "true", "LOG_LEVEL": "ERROR"}
    if kind == "postgresql":
        found["DATABASE_URL"] = urlunsplit(urlsplit(SERVER)._replace(path="/ringbook_turns"))
    return found


def manage(kind: str, *words: str) -> str:
    command = [sys.executable, "manage.py", *words]
    done = subprocess.run(
        command, cwd=BASE_DIR, env=environment_of(kind), check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()


def prepare(kind: str, *, rebuild: bool) -> None:
    """The demo's calls, made once."""
    made = FOLDER / kind / "made"
    if made.exists() and not rebuild:
        return
    shutil.rmtree(FOLDER / kind, ignore_errors=True)
    (FOLDER / kind).mkdir(parents=True)
    if kind == "postgresql":
        with psycopg.connect(SERVER, autocommit=True) as server:
            server.execute("DROP DATABASE IF EXISTS ringbook_turns WITH (FORCE)")
            server.execute("CREATE DATABASE ringbook_turns")
    manage(kind, "demo", "--once", "--port", str(free_port()))
    made.touch()


@contextmanager
def served(kind: str) -> Iterator[Portal]:
    """The whole portal, until it is ended."""
    secrets = json.loads(manage(kind, "shell", "--no-imports", "--command", SET_UP).splitlines()[-1])
    secrets["password"] = json.loads((FOLDER / kind / "demo.json").read_text())["password"]
    portal = Portal(free_port(), secrets)
    command = [sys.executable, "manage.py", "serve", "--bind", f"127.0.0.1:{portal.port}"]
    with (FOLDER / kind / "serve.log").open("w") as log:
        process = subprocess.Popen(command, cwd=BASE_DIR, env=environment_of(kind), stdout=log, stderr=log)
    try:
        until = time.monotonic() + 180
        while True:
            try:
                if requests.get(portal.url("/readyz"), timeout=5).ok:
                    break
            except requests.RequestException:
                pass
            if time.monotonic() > until:
                raise SystemExit("The portal does not become ready.")
            time.sleep(1.0)
        yield portal
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


class FromAddress(HTTPAdapter):
    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()

    def init_poolmanager(self, *args: object, **kwargs: object) -> None:
        super().init_poolmanager(*args, **kwargs, source_address=(self.address, 0))  # type: ignore[arg-type]


def browser(address: str) -> requests.Session:
    session = requests.Session()
    session.mount("http://", FromAddress(address))
    return session


def sign_in(portal: Portal, session: requests.Session, email: str) -> int:
    page = portal.url("/accounts/login/")
    session.get(page, timeout=60)
    sent = {
        "login": email,
        "password": portal.secrets["password"],
        "csrfmiddlewaretoken": session.cookies.get("csrftoken", ""),
    }
    return session.post(page, sent, timeout=60, allow_redirects=False).status_code


# --- One principal at its worst ---------------------------------------------------------------------------------------


def worst_ways(portal: Portal) -> dict[str, Asks]:
    key = {"Authorization": f"Bearer {portal.secrets['key']}"}
    bound = {"Authorization": f"Bearer {portal.secrets['bound']}"}
    member = browser(WORST)
    if sign_in(portal, member, "ana@acme.example") != 302:
        raise SystemExit("The owner of Acme cannot sign in.")
    cookie = {"Cookie": "; ".join(f"{name}={text}" for name, text in member.cookies.items())}
    heavy = (
        "/api/v1/reports/query/?metrics=attempts,connect_rate,unique_contacts,median_duration,p90_duration,return_rate"
        "&by=day,agent&period=last_90_days&min_duration="
    )
    return {
        "CSV streams, masked key": lambda _n: ("/api/v1/calls/csv/", key),
        "lists of 500, masked key": lambda _n: ("/api/v1/calls/?page_size=500&count=true", key),
        "report queries, masked key": lambda n: (f"{heavy}{n % 500}", key),
        "vendor-form lists, bound key": lambda n: (
            f"/vendor/talkover/api/v1/calls?per_page=100&page={1 + n % 50}",
            bound,
        ),
        "board of 12, share link": lambda _n: (f"/shared-link/{portal.secrets['token']}/", {}),
        "schema, no account": lambda _n: ("/api/schema/", {}),
        "sign-in page, no account": lambda _n: ("/accounts/login/", {}),
        "wrong keys": lambda n: ("/api/v1/calls/csv/", {"Authorization": f"Bearer ring_{n:040}"}),
        "overviews, member": lambda n: (f"/t/acme/?min_duration={n % 500}&period=last_90_days", cookie),
        "CSV streams, member": lambda n: (f"/t/acme/calls.csv?min_duration={n % 500}", cookie),
    }


def do_worst(port: int, asks: Asks, over: threading.Event, told: Counter[str]) -> None:
    numbers = itertools.count()

    def ask() -> None:
        wire = None
        while not over.is_set():
            path, headers = asks(next(numbers))
            try:
                wire = wire or http.client.HTTPConnection("127.0.0.1", port, timeout=90, source_address=(WORST, 0))
                wire.request("GET", path, headers=headers)
                answer = wire.getresponse()
                while answer.read(1 << 16) and not over.is_set():
                    pass
                told[str(answer.status)] += 1
                if over.is_set() or answer.will_close:
                    wire.close()
                    wire = None
            except (http.client.HTTPException, OSError) as error:
                told[type(error).__name__] += 1
                if wire is not None:
                    wire.close()
                wire = None
        if wire is not None:
            wire.close()

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=100)


@contextmanager
def at_its_worst(portal: Portal, asks: Asks) -> Iterator[Counter[str]]:
    """A process of its own asks in this way meanwhile; how it was answered stands in the counter afterwards."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def run() -> None:
        os.nice(19)
        over, told = threading.Event(), Counter[str]()
        threading.Thread(target=lambda: (theirs.recv(), over.set()), daemon=True).start()
        do_worst(portal.port, asks, over, told)
        theirs.send(dict(told))

    process = context.Process(target=run)
    process.start()
    time.sleep(1.0)
    told: Counter[str] = Counter()
    try:
        yield told
    finally:
        ours.send(None)
        if ours.poll(100):
            told.update(ours.recv())
        process.join(timeout=10)
        process.kill()


# --- The others -------------------------------------------------------------------------------------------------------


def others(portal: Portal, seconds: float) -> tuple[Times, Times]:
    """How long overviews and sign-ins of another company take."""
    reader = browser(OTHER)
    if sign_in(portal, reader, "carla@globex.example") != 302:
        raise SystemExit("The owner of Globex cannot sign in.")
    overviews, sign_ins = Times(), Times()
    until = time.monotonic() + seconds

    def timed(times: Times, act: Callable[[], int]) -> None:
        began = time.perf_counter()
        try:
            answer = str(act())
        except requests.RequestException as error:
            answer = type(error).__name__
        times.seconds.append(time.perf_counter() - began)
        times.answers[answer] += 1

    def read() -> None:
        while time.monotonic() < until:
            timed(overviews, lambda: reader.get(portal.url("/t/globex/"), timeout=60).status_code)
            time.sleep(0.05)

    def enter() -> None:
        while time.monotonic() < until:
            timed(sign_ins, lambda: sign_in(portal, browser(OTHER), "carla@globex.example"))
            time.sleep(0.5)

    threads = [threading.Thread(target=act) for act in (read, enter)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return overviews, sign_ins


def measure(kind: str, seconds: float, only: str) -> bool:
    """Print the lines of one database; whether the goals are met."""
    with served(kind) as portal:
        others(portal, 3)  # templates, routes and files are there
        quiet, sign_ins = others(portal, 2 * seconds)
        print(f"\n| {kind} | overview: median, p95, ms | to quiet p95 | sign-in: median, longest | met | its answers |")
        print("|---|---:|---:|---:|---|---|")
        print(f"| quiet | {_ms(quiet, quiet.p95())} | 1.0 | {_ms(sign_ins, sign_ins.worst)} | | |", flush=True)
        all_met = True
        for name, asks in worst_ways(portal).items():
            if only not in name:
                continue
            with at_its_worst(portal, asks) as told:
                overviews, sign_ins = others(portal, seconds)
            ratio = overviews.p95() / quiet.p95()
            came = set(overviews.answers) == {"200"} and set(sign_ins.answers) == {"302"}
            met = ratio <= OVERVIEW_RATIO and sign_ins.worst <= SIGN_IN_SECONDS and came
            all_met = all_met and met
            answers = ", ".join(f"{status}: {n}" for status, n in told.most_common())
            wrong = "" if came else f" {dict(overviews.answers)} {dict(sign_ins.answers)}"
            print(
                f"| {name} | {_ms(overviews, overviews.p95())} | {ratio:.1f} | {_ms(sign_ins, sign_ins.worst)} "
                f"| {'yes' if met else 'NO'}{wrong} | {answers} |",
                flush=True,
            )
            time.sleep(1.0)
    return all_met


def _ms(times: Times, other: float) -> str:
    return f"{statistics.median(times.seconds) * 1000:.0f}, {other * 1000:.0f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", choices=("sqlite", "postgresql"), action="append", help="one database alone")
    parser.add_argument("--seconds", type=float, default=6, help="of each way")
    parser.add_argument("--only", default="", help="ways with this in their names")
    parser.add_argument("--rebuild", action="store_true")
    given = parser.parse_args()
    kinds = given.on or ["sqlite", "postgresql"]
    for kind in kinds:
        prepare(kind, rebuild=given.rebuild)
    met = [measure(kind, given.seconds, given.only) for kind in kinds]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
