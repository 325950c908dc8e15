"""How many threads answer requests."""

import re
import socket

import pytest

from portal.env import BASE_DIR
from portal.lib.turns import THREADS
from portal.site import programs
from portal.site.management.commands.serve import Command
from reports.queries.run import TENANT_AT_ONCE


def served() -> tuple[int, int]:
    """Processes and threads of ``serve`` as it is."""
    processes = Command().create_parser("manage.py", "serve").get_default("web")
    with socket.socket() as listener:
        command = programs.web(listener, processes).argv
    return processes, int(command[command.index("--threads") + 1])


def composed() -> tuple[int, int]:
    text = (BASE_DIR / "deploy" / "compose.yaml").read_text()
    processes, threads = (int(re.search(rf"--{name}=(\d+)", text)[1]) for name in ("processes", "threads"))
    return processes, threads


@pytest.mark.parametrize("how", [served, composed])
def test_as_many_questions_as_one_tenant_may_ask_leave_half_of_the_threads(how):
    processes, threads = how()
    assert processes * threads >= 2 * TENANT_AT_ONCE


@pytest.mark.parametrize("how", [served, composed])
def test_turns_are_given_of_as_many_threads_as_there_are(how):
    assert how()[1] == THREADS
