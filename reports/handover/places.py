"""Putting files where a company wants them: each kind of place has a module of its own, loaded when it is used."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.utils.translation import gettext as _

from portal.lib.outward.trials import TESTS
from portal.tenants import wall
from portal.vault import VaultError
from reports.handover.handing import NotTaken, Pulse
from reports.handover.manifest import Parcel
from reports.handover.models import Destination, PlaceKind


@dataclass(frozen=True, slots=True)
class Access:
    """How a destination is reached, with its secrets opened: for the lines that send them."""

    host: str
    port: int
    login: str
    secret: str
    private_key: str
    host_key: str
    bucket: str
    region: str
    folder: str


# The module of a kind, and the package that it rests on.
_KINDS: Mapping[str, tuple[str, str]] = {
    PlaceKind.SFTP: ("reports.handover.sftp", "paramiko"),
    PlaceKind.S3: ("reports.handover.s3", "boto3"),
}


def lack(kind: str) -> str:
    """Why a kind cannot be had here, as a sentence in the active language; "" when it can."""
    package = _KINDS[kind][1]
    if find_spec(package) is not None:
        return ""
    return _("This needs the package %(package)s, which is not installed here.") % {"package": package}


def put(parcel: Parcel, destination: Destination | None, pulse: Pulse, *, outdated: Iterable[str] = ()) -> None:
    """Put the file there, whole or not at all, and then its manifest; then take away ``outdated`` names, which the
    manifest of before named. Raises NotTaken."""
    if destination is None or not destination.ready:
        raise NotTaken("no destination", for_good=True)
    _module(destination.kind).put(parcel, access_to(destination), pulse, outdated)


def check(destination: Destination) -> None:
    """Write and remove a small file there. Raises NotTaken, and TooManyTrials."""
    if not destination.ready:
        raise NotTaken("no destination", for_good=True)
    with TESTS.take(destination.tenant_id):
        _module(destination.kind).check(access_to(destination))


def shown_key(host: str, port: int) -> str:
    """The key by which an SFTP server shows itself now, as OpenSSH writes it. Raises NotTaken, and TooManyTrials. The
    wall must be open."""
    with TESTS.take(wall.current()):
        return str(_module(PlaceKind.SFTP).shown_key(host, port))


def demand_readable(private_key: str, password: str) -> None:
    """Raises NotTaken for what is no private key, or one that the password does not open."""
    _module(PlaceKind.SFTP).readable_key(private_key, password)


def access_to(destination: Destination) -> Access:
    """Raises NotTaken where a secret does not open."""
    try:
        secret, private_key = destination.secret, destination.private_key
    except VaultError:
        raise NotTaken("secret", for_good=True) from None
    return Access(
        host=destination.host,
        port=destination.port,
        login=destination.login,
        secret=secret.reveal() if secret else "",
        private_key=private_key.reveal() if private_key else "",
        host_key=destination.host_key,
        bucket=destination.bucket,
        region=destination.region,
        folder=destination.folder,
    )


def _module(kind: str) -> Any:
    module, package = _KINDS[kind]
    if find_spec(package) is None:
        raise NotTaken("no package", package, for_good=True)
    return import_module(module)
