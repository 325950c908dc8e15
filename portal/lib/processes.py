"""Which process holds a lease, and whether it still lives, as far as this host can tell."""

import os
import socket
from pathlib import Path


def born(pid: int) -> str:
    """When a process of this host began, so that a reused number is not taken for it; "" when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError, UnicodeDecodeError):
        return ""


def host() -> str:
    return socket.gethostname()


def owner() -> str:
    """This process, as leases name it."""
    return f"{host()}:{os.getpid()}:{born(os.getpid())}"


def is_gone(holder: str) -> bool:
    """Whether the process was of this host and no longer lives: then its lease need not be waited for."""
    where, _, rest = holder.partition(":")
    pid, _, since = rest.partition(":")
    return where == host() and pid.isdigit() and bool(since) and born(int(pid)) != since
