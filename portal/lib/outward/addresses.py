"""Where a request may go: the form of a base address, and the network addresses its name stands for.

A name is resolved once for each new connection, every address it gives is checked, and the connection is dialled to a
checked address and not to the name (``dialling``). A name that answers otherwise the second time gains nothing.
"""

import queue
import socket
import threading
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from portal.lib.outward.errors import Obstacle, Unreachable
from portal.lib.outward.trials import within

# What ``is_global`` lets through although it leads inside, nowhere, or to a relay.
_REFUSED_V4 = (
    IPv4Network("100.64.0.0/10"),  # carriers' private space
    IPv4Network("168.63.129.16/32"),  # a cloud's metadata behind a public number
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),  # 6to4 relays
)
_GLOBAL_V6 = IPv6Network("2000::/3")  # the only global unicast space; leaves out mapped, 64:ff9b::/96 and all the rest
_REFUSED_V6 = (
    IPv6Network("2001::/23"),  # Teredo and other protocol assignments
    IPv6Network("2002::/16"),  # 6to4: an IPv4 address inside
    IPv6Network("3fff::/20"),  # documentation
)

Place = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]


def read_base(base_url: str, *, allow_private: bool) -> SplitResult:
    """The parts of a base address; raises Unreachable(ADDRESS) with one sentence when it may not be asked."""
    if not base_url.isascii() or any(char <= " " or char in "\\\x7f" for char in base_url):
        raise _refused("The address holds blanks or characters that no address has.")
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError:
        raise _refused("The address is not well formed.") from None
    if parts.scheme not in ("https", "http"):
        raise _refused("The address has to begin with https://.")
    if parts.scheme == "http" and not allow_private:
        raise _refused("The address has to begin with https://: a secret may not travel in the clear.")
    if not parts.hostname or port == 0:
        raise _refused("The address names no host.")
    if "@" in parts.netloc:
        raise _refused("The address may hold no user name or password.")
    if parts.query or parts.fragment or "?" in base_url or "#" in base_url:
        raise _refused("The address may hold no query and no fragment.")
    return parts


def is_public(address: str) -> bool:
    """Whether an address belongs to the open internet and to nothing that stands for another address."""
    ip = ip_address(address.partition("%")[0])
    if not ip.is_global or ip.is_multicast or ip.is_reserved:
        return False
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in _REFUSED_V4)
    return _is_public_v6(ip)


def _is_public_v6(address: IPv6Address) -> bool:
    return address in _GLOBAL_V6 and not any(address in network for network in _REFUSED_V6)


def places(host: str, port: int, *, allow_private: bool, seconds: float) -> list[Place]:
    """Where a connection to ``host`` may be dialled: all its addresses, or none if one of them is not public.

    Raises Unreachable: ADDRESS for a forbidden address, NETWORK for an unknown name, TIMEOUT when the name server
    takes longer than ``seconds``.
    """
    addresses = _resolved(host.strip("[]"), port, seconds)
    if not allow_private and not all(is_public(str(sockaddr[0])) for _, sockaddr in addresses):
        raise _refused("The host leads to an address that is not on the public internet.")
    return addresses


def _resolved(host: str, port: int, seconds: float) -> list[Place]:
    # getaddrinfo knows no deadline, so it runs beside; a thread left behind ends with the name server's own patience.
    answers: queue.SimpleQueue[list[Place] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put([(family, sockaddr) for family, _, _, _, sockaddr in entries])
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=max(within(seconds), 0.001))
    except queue.Empty:
        raise Unreachable(Obstacle.TIMEOUT, "The host's name was not resolved in time.") from None
    if isinstance(answer, UnicodeError):
        raise _refused("The host's name is not well formed.")
    if isinstance(answer, Exception) or not answer:
        raise Unreachable(Obstacle.NETWORK, "The host's name is not known.")
    return answer


def _refused(reason: str) -> Unreachable:
    return Unreachable(Obstacle.ADDRESS, reason)
