"""Looking at real processes: which run for an installation, and on which port there is room."""

import socket
from pathlib import Path


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
