"""A plain connection to a server that somebody named, dialled to a checked address."""

import socket
import time

from portal.lib.outward.addresses import places
from portal.lib.outward.dialling import dial
from portal.lib.outward.errors import Obstacle, Unreachable


def connect(host: str, port: int, *, allow_private: bool, seconds: float) -> socket.socket:
    """A connected socket, to be closed by whoever asked. Looking the name up and dialling take ``seconds`` together.

    Raises Unreachable: ADDRESS for a forbidden address, NETWORK, TIMEOUT.
    """
    until = time.monotonic() + seconds

    def left() -> float:
        return max(until - time.monotonic(), 0.001)

    try:
        return dial(places(host, port, allow_private=allow_private, seconds=seconds), left)
    except TimeoutError:
        raise Unreachable(Obstacle.TIMEOUT, "The connection was not made in time.") from None
    except OSError as error:
        raise Unreachable(
            Obstacle.NETWORK,
            f"The connection was not made: {error.strerror}." if error.strerror else "The connection was not made.",
        ) from None
