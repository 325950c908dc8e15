"""``python -m bench.mails``: the weekly mail of many companies, made and sent by one worker, against a naive loop.

Every company has two environments and twenty readers: members and outside addresses, of both environments and of one,
in two languages. The naive loop makes the same mails with the same code, but asks anew for each reader and opens a
connection for each mail; it does a part of the companies. Ours is measured as one process, and as the worker for mails
that ``serve`` starts, which has two. All ways run in processes of their own on one PostgreSQL, on warm column files,
and send over SMTP to a server on loopback. Told are medians of the rounds.
"""

import argparse
import json
import statistics
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from bench.ingest import MIGRATE, fresh_database, run
from tests.portal.outbox.sink import Sink

READERS = 20
NAIVE, PROFILED = 5, 5  # companies that these ways get; the rest is ours
PROCESSES = 2  # of the worker for mails
WAYS = {"ours": "ours, one process", "worker": "ours, the worker with two", "naive": "naive"}


class Counted(list):
    """Takes mails and keeps how many and how large they were, for ten thousand of them need room."""

    def __init__(self) -> None:
        super().__init__()
        self.number = self.bytes = 0
        self._lock = threading.Lock()

    def append(self, taken: tuple[str, bytes]) -> None:
        with self._lock:
            self.number += 1
            self.bytes += len(taken[1])


@contextmanager
def server():
    with Sink() as sink:
        sink.taken = Counted()
        yield sink


def way(name: str, sink: Sink, environment: dict[str, str], *words: int) -> dict:
    """What a way told, and that all it sent arrived, over how many connections."""
    before, connections = sink.taken.number, sink.connections
    told = mailing(name, *words, **environment)
    arrived = sink.taken.number - before
    if arrived != told["sent"]:
        sys.exit(f"{name}: {told['sent']} mails left, {arrived} arrived")
    return told | {"connections": sink.connections - connections}


def worker(sink: Sink, environment: dict[str, str], first: int, last: int) -> dict:
    """Both processes of a worker at once, each with half of the companies: their rates together."""
    before, connections, middle = sink.taken.number, sink.connections, (first + last) // 2
    halves = ((first, middle), (middle, last))
    with ThreadPoolExecutor(PROCESSES) as pool:
        told = list(pool.map(lambda half: mailing("ours", *half, **environment), halves))
    arrived, sent = sink.taken.number - before, sum(each["sent"] for each in told)
    if arrived != sent:
        sys.exit(f"worker: {sent} mails left, {arrived} arrived")
    together = {key: sum(each[key] for each in told) for key in ("mails", "sent", "made", "left")}
    return together | {"queries": told[0]["queries"], "connections": sink.connections - connections}


def mailing(name: str, *words: object, **environment: str) -> dict:
    return run([sys.executable, "-m", "bench.mailing", name, *map(str, words)], **environment)


def measured(companies: int, rounds: int, *, attached: bool) -> dict:
    environment = {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "DATABASE_URL": fresh_database("ringbook_bench_mails"),
        "DATA_DIR": tempfile.mkdtemp(prefix="ringbook-bench-mails-"),
        "MAILS_PER_MINUTE": "1000000",  # the pace that spares a domain is not what is measured
        "LOG_LEVEL": "ERROR",
    }
    with server() as sink:
        environment["EMAIL_URL"] = f"smtp://127.0.0.1:{sink.port}?tls=none"
        run([sys.executable, "-c", MIGRATE], **environment)
        seeded = mailing("seed", companies, READERS, **environment)
        if attached:
            mailing("attach", **environment)
        told = {"seeded": seeded, "ours": [], "worker": [], "naive": []}
        for number in range(rounds):
            mailing("forget", **environment)
            told["ours"].append(way("ours", sink, environment, NAIVE, companies))
            told["naive"].append(way("naive", sink, environment, 0, NAIVE))
            mailing("forget", **environment)
            told["worker"].append(worker(sink, environment, NAIVE, companies))
            print(f"round {number + 1}", json.dumps({key: told[key][-1] for key in WAYS}), flush=True)
        mailing("forget", **environment)
        told["profile"] = mailing("profile", 0, PROFILED, **environment)
        told["kilobytes"] = sink.taken.bytes / max(1, sink.taken.number) / 1000
    return told


def show(told: dict) -> None:
    def middle(which: str, key: str) -> float:
        return statistics.median(each[key] for each in told[which])

    print(f"\n{told['seeded']['calls']:,} calls; a mail on the wire has {told['kilobytes']:.0f} kB")
    print("| way | mails | made a second | sent a second | connections | queries a mail |")
    print("|---|---:|---:|---:|---:|---:|")
    for which in WAYS:
        mails, *rates = (middle(which, key) for key in ("mails", "made", "left", "connections", "queries"))
        print(f"| {WAYS[which]} | {mails:,.0f} |", " | ".join(f"{rate:.1f}" for rate in rates), "|")
    print(f"made: {middle('ours', 'made') / middle('naive', 'made'):.1f} times; ", end="")
    print(f"sent: {middle('ours', 'left') / middle('naive', 'left'):.1f} times")
    print("memory after so many mails, MB:", json.dumps(told["ours"][-1]["memory"]))
    print("where the time of making goes, of a hundred:", json.dumps(told["profile"]["rooms"], indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--companies", type=int, default=55)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--attached", action="store_true", help="with the XLSX of the week")
    asked = parser.parse_args()
    told = measured(asked.companies, asked.rounds, attached=asked.attached)
    Path(tempfile.gettempdir(), "ringbook-bench-mails.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
    show(told)


if __name__ == "__main__":
    main()
