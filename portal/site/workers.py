"""All groups of workers on one machine: ``python -m portal.site.workers --reading 2``.

Each group serves queues of its own, so that no kind of work keeps another waiting. What they have in common is loaded
once, here, and shared by forking: five groups start about as fast as one, and take little more memory. A group that
dies is begun anew; when that does not help, this process ends, and its supervisor has the next word.
"""

import argparse
import gc
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

from portal.site.celery import app
from portal.site.children import leash

PAUSE = 1.0  # seconds before a group that died is begun anew
DEATHS = 5  # of any groups, within SOON seconds, after which it does not help
SOON = 60.0


@dataclass(frozen=True, slots=True)
class Group:
    """Processes that serve some queues."""

    name: str
    queues: tuple[str, ...]
    processes: int


def groups(reading: int) -> tuple[Group, ...]:
    """A file may take an hour, and one is made at a time: the second process answers for the queue meanwhile, and
    so where mails are made. Those that send mails take turns with the ticks, which are short."""
    return (
        Group("reading", ("reading",), reading),
        Group("sending", ("default", "outbox"), 2),
        Group("mail", ("mail",), 2),
        Group("refresh", ("refresh",), 1),
        Group("files", ("files",), 2),
    )


class Workers:
    """The groups, each a child of this process."""

    def __init__(self, to_run: tuple[Group, ...]) -> None:
        self._to_run = to_run
        self._running: dict[int, Group] = {}
        self._ending = False

    def run(self) -> None:
        """Keep all groups running until a signal ends them."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        for each in self._to_run:
            self._begin(each)
        deaths: list[float] = []
        while self._running:
            pid, status = os.wait()
            group = self._running.pop(pid, None)
            if group is None or self._ending:
                continue
            code = os.waitstatus_to_exitcode(status)
            sys.stderr.write(f"The workers for {group.name} ended with status {code} and start again.\n")
            deaths = [*(at for at in deaths if time.monotonic() - at < SOON), time.monotonic()]
            if len(deaths) >= DEATHS:
                self._end(signal.SIGTERM, None)
                raise SystemExit(1)
            time.sleep(PAUSE)
            if not self._ending:
                self._begin(group)

    def _begin(self, group: Group) -> None:
        on_leash = leash()
        pid = os.fork()
        if pid:
            self._running[pid] = group
            return
        if on_leash is not None:
            on_leash()
        _serve(group)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self._ending = True
        for pid in list(self._running):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def _serve(group: Group) -> NoReturn:
    """Become the group's worker, which forks its processes itself."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    code = 1
    try:
        app.worker_main(
            [
                *("--quiet", "worker", "--loglevel", "WARNING", "--hostname", f"{group.name}@%h"),
                *("--concurrency", str(group.processes), "--queues", ",".join(group.queues)),
                *("--without-mingle", "--without-gossip"),
            ]
        )
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reading", type=int, default=2, help="processes that read vendors")
    options = parser.parse_args()
    app.loader.import_default_modules()
    app.finalize()
    gc.freeze()  # what is here already is never looked at again, so its pages stay shared
    Workers(groups(options.reading)).run()


if __name__ == "__main__":
    main()
