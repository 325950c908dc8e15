"""All groups of workers on one machine: ``python -m portal.site.workers --reading 2``.

Each group serves queues of its own, so that no kind of work keeps another waiting. What they have in common is loaded
once, here, and shared by forking: five groups start about as fast as one, and take little more memory. A group that
dies is begun anew; when that does not help, this process ends, and its supervisor has the next word.
"""

import argparse
import gc
import os
from dataclasses import dataclass
from functools import partial

from portal.site.celery import app
from portal.site.children import Forks

YIELDS = 5  # of nineteen: where pages are made on the same machine, they go first


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


def _serve(group: Group) -> None:
    """Become the group's worker, which forks its processes itself."""
    app.worker_main(
        [
            *("--quiet", "worker", "--loglevel", "WARNING", "--hostname", f"{group.name}@%h"),
            *("--concurrency", str(group.processes), "--queues", ",".join(group.queues)),
            *("--without-mingle", "--without-gossip"),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reading", type=int, default=2, help="processes that read vendors")
    options = parser.parse_args()
    os.nice(YIELDS)
    app.loader.import_default_modules()
    app.finalize()
    gc.freeze()  # what is here already is never looked at again, so its pages stay shared
    Forks({f"Workers for {group.name}": partial(_serve, group) for group in groups(options.reading)}).run()


if __name__ == "__main__":
    main()
