"""The programs that make a running portal, and how each is started."""

import sys
from socket import socket

from portal.env import BASE_DIR
from portal.lib.turns import THREADS
from portal.site.children import Program


def web(listener: socket, processes: int) -> Program:
    """Two processes have twice as many threads as questions of one tenant may be computed at once."""
    arguments = ("--fd", str(listener.fileno()), "--processes", str(processes), "--threads", str(THREADS))
    return Program("web", (sys.executable, "-m", "portal.site.web_server", *arguments), pass_fds=(listener.fileno(),))


def workers(reading: int) -> Program:
    """All groups of workers, ``reading`` processes of them for vendors (:mod:`portal.site.workers`)."""
    return Program(
        "workers",
        (sys.executable, "-m", "portal.site.workers", "--reading", str(reading)),
        env={
            "REMAP_SIGTERM": "SIGQUIT",  # a soft shutdown: running tasks get their time, then go back to the queue
            # The warning is about pickled messages; only JSON is accepted here.
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser",
        },
        quiet=True,  # each group would say on stdout that it ends; what goes wrong is logged on stderr
    )


def beat() -> Program:
    """The one clock of the tasks. A second one would do no harm, only twice the ticks."""
    arguments = ("--quiet", "--app", "portal.site.celery", "beat", "--loglevel", "WARNING", "--pidfile", "")
    return Program("beat", (sys.executable, "-m", "celery", *arguments))


def manage(name: str, *arguments: str) -> Program:
    """One of our own commands as a program; what it would tell a terminal is left out."""
    return Program(name, (sys.executable, str(BASE_DIR / "manage.py"), *arguments), quiet=True)
