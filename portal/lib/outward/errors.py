"""Why a server was not reached."""

from enum import StrEnum


class Obstacle(StrEnum):
    ADDRESS = "address"  # it is none, is not allowed, or leads to a private network
    NETWORK = "network"  # unknown name, reset, TLS
    TIMEOUT = "timeout"


class Unreachable(Exception):
    """A connection was not made. ``detail`` is one English sentence and holds no secret; Django's side has it
    in a reader's language (``portal.obstacles``)."""

    def __init__(self, obstacle: Obstacle, detail: str) -> None:
        super().__init__(f"{obstacle}: {detail}")
        self.obstacle = obstacle
        self.detail = detail
