"""The programs that make a running portal, and how each is started."""

import sys
from pathlib import Path
from socket import socket

from django.conf import settings

from portal.env import BASE_DIR
from portal.runtime.children import Program
from portal.runtime.schedules import QUEUES


def web(listener: socket, workers: int) -> Program:
    shared_memory = Path("/dev/shm")  # noqa: S108 - gunicorn's pulse file, unlinked at once; a disk may stall
    return Program(
        "web",
        (
            *(sys.executable, "-m", "gunicorn", "portal.wsgi:application", "--bind", f"fd://{listener.fileno()}"),
            *("--workers", str(workers), "--worker-class", "gthread", "--threads", "4", "--preload"),
            *("--graceful-timeout", "20", "--log-level", "warning", "--no-control-socket", "--chdir", str(BASE_DIR)),
            *(("--worker-tmp-dir", str(shared_memory)) if shared_memory.is_dir() else ()),
        ),
        pass_fds=(listener.fileno(),),
    )


def worker(processes: int) -> Program:
    """Serves every queue. SIGTERM becomes a soft shutdown: running tasks get their time, then go back to the queue."""
    return Program(
        "worker",
        (
            *(*_celery("worker"), "--concurrency", str(processes), "--queues", ",".join(QUEUES)),
            *("--without-mingle", "--without-gossip"),
        ),
        env={
            "REMAP_SIGTERM": "SIGQUIT",
            # The warning is about pickled messages; only JSON is accepted here.
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser",
        },
    )


def beat() -> Program:
    """The one clock of the tasks. A second one would do no harm, only twice the ticks."""
    return Program("beat", (*_celery("beat"), "--pidfile", "", "--schedule", str(settings.DATA_DIR / "beat-schedule")))


def manage(name: str, *arguments: str) -> Program:
    """One of our own commands as a program; what it would tell a terminal is left out."""
    return Program(name, (sys.executable, str(BASE_DIR / "manage.py"), *arguments), quiet=True)


def _celery(command: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "celery", "--quiet", "--app", "portal.celery", command, "--loglevel", "WARNING")
