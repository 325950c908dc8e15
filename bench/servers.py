"""Web servers that serve the portal while peers are slow: ``make -C bench servers``.

Each serves the same installation (SQLite, embedded broker) with two processes of eight threads, in turn, in rounds.
Measured are the memory of its processes at rest (shared pages counted once), pages a second for eight clients that keep
their connections, and how long a sign-in takes while sockets are held: whose request is not whole, who read nothing of
``/api/schema/``, asked for three times, or who say nothing at all. A sign-in that takes longer than PATIENCE is told as
such. ``before`` is the worker before this server, taken from the history.
"""

import argparse
import http.client
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

from portal.env import BASE_DIR
from portal.site.broker import Broker
from tests.portal.site.front import ANA, RIGHT
from tests.portal.site.test_serve import embedded

PATIENCE = 10.0
RIVALS = BASE_DIR / "bench" / ".servers"
BEFORE = "5fda7dc:portal/site/web_worker.py"  # our worker for gunicorn
RUN = """
import runpy, sys
sys.path.append({rivals!r})
sys.argv = {argv!r}
runpy.run_module({name!r}, None, "__main__")
"""
APPLICATION = "portal.site.wsgi:application"
WAITRESS = """
import os, socket, sys
from portal.site.wsgi import application
from waitress import serve
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=512)
os.fork()
serve(application, sockets=[listener], threads=8, asyncore_use_poll=True, clear_untrusted_proxy_headers=False)
"""
CHEROOT = """
import socket, sys
sys.path.append(sys.argv[2])
from portal.site.wsgi import application
from cheroot.wsgi import Server
import os
os.fork()
Server(("127.0.0.1", int(sys.argv[1])), application, numthreads=8, reuse_port=True).start()
"""
HEAD = b"POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"
SCHEMA = b"GET /api/schema/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"  # some 320 kB
SLOW = {
    "nobody else": (0, b""),
    "200 slow heads": (200, HEAD + b"X-Slow: "),
    "200 slow bodies": (200, HEAD + b"Content-Length: 1000\r\n\r\nlogin="),
    "24 slow readers": (24, SCHEMA * 3),
    "200 slow readers": (200, SCHEMA * 3),
    "600 idle": (600, b""),
}
PAGES = {"small page": "/accounts/login/", "320 kB": "/api/schema/"}


def module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", RUN.format(rivals=str(RIVALS), argv=[name, *arguments], name=name)]


def gunicorn(port: int, worker: str) -> list[str]:
    where = ("--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "8", "--worker-class", worker)
    return module("gunicorn", APPLICATION, *where, "--preload", "--log-level", "error", "--no-control-socket")


SERVERS: dict[str, Callable[[int], list[str]]] = {
    "before": lambda port: gunicorn(port, "web_worker_before.WebWorker"),
    "gunicorn": lambda port: gunicorn(port, "gthread"),
    "waitress": lambda port: [sys.executable, "-c", WAITRESS, str(port)],
    "granian": lambda port: module(
        *("granian", "--interface", "wsgi", "--port", str(port), "--workers", "2", "--blocking-threads", "8"),
        *("--no-log", APPLICATION),
    ),
    "cheroot": lambda port: [sys.executable, "-c", CHEROOT, str(port), str(RIVALS)],
    "ours": lambda port: [sys.executable, "-m", "portal.site.web_server", "--bind", f"127.0.0.1:{port}"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="for which pages are asked")
    parser.add_argument("--only", nargs="*", choices=SERVERS, default=list(SERVERS))
    options = parser.parse_args()
    before = subprocess.run(["git", "show", BEFORE], cwd=BASE_DIR, check=True, capture_output=True)
    (RIVALS / "web_worker_before.py").write_bytes(before.stdout)
    rounds: list[dict[tuple[str, str], float]] = []
    with installation() as environment:
        for _ in range(options.rounds):
            rounds.append({})
            for name in options.only:
                for what, value in measured(name, environment, options.seconds):
                    rounds[-1][name, what] = value
                    sys.stderr.write(f"{name}: {what} {value:.2f}\n")
    show(rounds, options.only)


@contextmanager
def installation() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = embedded(folder) | {"RINGBOOK_OWNER_PASSWORD": RIGHT, "CONNECTIONS_PER_ADDRESS": "900"}
        environment |= {"REQUESTS_PER_SECOND": "100000"}
        # Here one address is everybody: nobody is refused for asking too much.
        environment |= {"REQUESTS_AT_ONCE": "900", "WORK_PER_MINUTE": "100000"}
        environment |= {"DJANGO_SETTINGS_MODULE": "portal.settings", "PYTHONPATH": str(BASE_DIR)}
        broker = Broker(folder / "broker.sock", folder / "broker")
        broker.ensure()
        try:
            for words in (["migrate", "-v0"], ["add_tenant", "acme", "--name", "Acme", "--owner", ANA]):
                command = [sys.executable, "manage.py", *words]
                subprocess.run(command, cwd=BASE_DIR, env=environment, check=True, capture_output=True)
            yield environment
        finally:
            broker.stop()


def measured(name: str, environment: dict[str, str], seconds: float) -> Iterator[tuple[str, float]]:
    for number, (what, (count, sent)) in enumerate(SLOW.items()):
        with running(SERVERS[name], environment) as (pid, port):
            if number == 0:
                sign_in(port)
                for page, path in PAGES.items():
                    yield f"{page}, a second", throughput(port, path, seconds)
                yield "MB", memory(pid)
            with ExitStack() as held:
                for _ in range(count):
                    slow = held.enter_context(socket.socket())
                    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                    slow.connect(("127.0.0.1", port))
                    slow.sendall(sent)
                time.sleep(1.0)
                yield f"sign-in beside {what}, s", sign_in(port)


@contextmanager
def running(server: Callable[[int], list[str]], environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    process = subprocess.Popen(server(port), cwd=BASE_DIR, env=environment, start_new_session=True)
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                requests.get(f"http://127.0.0.1:{port}/api/schema/", timeout=30).raise_for_status()
                break
            except requests.RequestException:
                time.sleep(0.2)
        for _ in range(8):  # so that each process has made its document
            requests.get(f"http://127.0.0.1:{port}/api/schema/", timeout=30)
        yield process.pid, port
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def memory(group: int) -> float:
    """MB of all processes of a group, shared pages counted once."""
    kilobytes = 0
    for path in Path("/proc").glob("[0-9]*/smaps_rollup"):
        try:
            if os.getpgid(int(path.parent.name)) == group:
                lines = path.read_text(encoding="ascii").splitlines()
                kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except OSError:  # ended meanwhile
            continue
    return kilobytes / 1024


def sign_in(port: int) -> float:
    """Seconds until a person is in; PATIENCE when it takes longer, or is refused."""
    began, address = time.perf_counter(), f"http://127.0.0.1:{port}/accounts/login/"
    with requests.Session() as browser:
        try:
            page = browser.get(address, timeout=PATIENCE)
            token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
            form = {"login": ANA, "password": RIGHT, "csrfmiddlewaretoken": token[1] if token else ""}
            answer = browser.post(address, form, timeout=PATIENCE, allow_redirects=False)
        except requests.RequestException:
            return PATIENCE
    return min(PATIENCE, time.perf_counter() - began) if answer.status_code == 302 else PATIENCE


def throughput(port: int, path: str, seconds: float) -> float:
    counts, ends = [0] * 8, time.monotonic() + seconds

    def ask(number: int) -> None:
        wire = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while time.monotonic() < ends:
            wire.request("GET", path)
            answer = wire.getresponse()
            answer.read()
            counts[number] += answer.status == 200
        wire.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def show(rounds: list[dict[tuple[str, str], float]], names: list[str]) -> None:
    rows = list(dict.fromkeys(what for _name, what in rounds[0]))
    sys.stdout.write(f"| | {' | '.join(names)} |\n|---|{'---:|' * len(names)}\n")
    for row in rows:
        middle = [statistics.median(one[name, row] for one in rounds) for name in names]
        told = [f"over {PATIENCE:.0f}" if "sign-in" in row and each >= PATIENCE else f"{each:.2f}" for each in middle]
        sys.stdout.write(f"| {row} | {' | '.join(told)} |\n")


if __name__ == "__main__":
    main()
