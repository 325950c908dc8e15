"""The programs that make a running portal, and how each is started."""

import sys
from pathlib import Path
from socket import socket

from portal.env import BASE_DIR
from portal.site.children import Program

WORKER = "portal.site.web_worker.WebWorker"


def web(listener: socket, workers: int) -> Program:
    shared_memory = Path("/dev/shm")  # noqa: S108 - gunicorn's pulse file, unlinked at once; a disk may stall
    return Program(
        "web",
        (
            *(sys.executable, "-m", "gunicorn", "portal.site.wsgi:application", "--bind", f"fd://{listener.fileno()}"),
            # Two processes have twice as many threads as questions of one tenant may be computed at once.
            *("--workers", str(workers), "--worker-class", WORKER, "--threads", "8", "--preload"),
            *("--graceful-timeout", "20", "--log-level", "warning", "--no-control-socket", "--chdir", str(BASE_DIR)),
            # Who asks is for portal.proxies to say; nobody else believes a header of a peer, and no header is a path.
            *("--forwarded-allow-ips", "", "--forwarder-headers", ""),
            *(("--worker-tmp-dir", str(shared_memory)) if shared_memory.is_dir() else ()),
        ),
        pass_fds=(listener.fileno(),),
    )


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
