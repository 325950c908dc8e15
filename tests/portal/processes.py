"""Looking at real processes: which run for an installation, on which port there is room, and how a command ends."""

import socket
import sys
from pathlib import Path

import pytest

import manage


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def processes(folder: Path, word: str = "") -> list[int]:
    """Everything that runs with ``folder`` as its DATA_DIR, and with ``word`` in its command line."""
    mark = f"DATA_DIR={folder}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            command = path.with_name("cmdline").read_bytes()
            if word.encode() in command and mark in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:  # ended meanwhile
            continue
    return found


def ended(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[object, str, str]:
    """Exit status, output and errors of a command line that is refused before it does anything: run in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["manage.py", *words])
        try:
            status: object = manage.main()
        except SystemExit as end:
            status = end.code
    return status, *capfd.readouterr()
