"""Files into a folder on a server that speaks SFTP. Loaded only where one is used: it rests on paramiko.

The server is known by the key that somebody confirmed; one that shows another gets nothing, not even a password. A file
is written under a name of its own and renamed once it is whole, so whoever lists the folder never meets a part.
"""

import errno
import hmac
import io
import logging
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

import paramiko
from django.conf import settings

from portal.lib.outward.errors import Obstacle, Unreachable
from portal.lib.outward.streams import connect
from portal.lib.outward.trials import is_over
from portal.outbox.text import one_line
from portal.storage import Away
from reports.files import folder
from reports.handover.handing import NotTaken, Pulse
from reports.handover.manifest import Parcel
from reports.handover.places import Access

SECONDS = 10.0  # to connect, and for each part of the greeting
SILENCE = 60.0  # seconds that a server may leave a request unanswered
_CHUNK = 256 * 1024
_PART = ".part"
_RSA = ("rsa-sha2-512", "rsa-sha2-256")  # how a server proves that it has a key of the type ssh-rsa
_KEYS = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
_AWAY = (errno.ENOENT, errno.EACCES, errno.EPERM, errno.ENOTDIR)

logger = logging.getLogger("ringbook.handover")
logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # it tells whoever called, who says what is to be said


def shown_key(host: str, port: int) -> str:
    """The key by which a server shows itself, as OpenSSH writes it. Raises NotTaken. Nothing is sent but a greeting."""
    with _told(), _greeted(host, port) as transport:
        return _written(transport.get_remote_server_key())


def put(parcel: Parcel, access: Access, pulse: Pulse, outdated: Iterable[str]) -> None:
    """The file, then its manifest; ``outdated`` names go last. Raises NotTaken."""
    with _told(), _session(access) as sftp:
        try:
            with folder.open_file(parcel.export.tenant_id, parcel.export.file) as file:
                _write(sftp, parcel.name, file, pulse)
        except Away:
            raise NotTaken("file away") from None
        _write(sftp, parcel.manifest_name, io.BytesIO(parcel.manifest_bytes), pulse)
        for name in outdated:
            with suppress(OSError):
                sftp.remove(name)


def check(access: Access) -> None:
    """Write a small file and take it away again. Raises NotTaken."""
    name = f"ringbook-{secrets.token_hex(6)}.txt"
    with _told(), _session(access) as sftp:
        _write(sftp, name, io.BytesIO(b"Ringbook can write here.\n"), Pulse(lambda: None))
        sftp.remove(name)


def readable_key(private_key: str, password: str) -> paramiko.PKey:
    """Raises NotTaken for what is no private key, or one that the password does not open."""
    for kind in _KEYS:
        with suppress(paramiko.SSHException, ValueError, IndexError):
            key: paramiko.PKey = kind.from_private_key(io.StringIO(private_key), password or None)
            return key
    raise NotTaken("key unreadable", for_good=True)


def _write(sftp: paramiko.SFTPClient, name: str, file: IO[bytes], pulse: Pulse) -> None:
    """Under a name of its own, then renamed: in one act where the server can, which OpenSSH does."""
    part, size = f".{name}.{secrets.token_hex(4)}{_PART}", 0
    with sftp.open(part, "wb") as out:
        out.set_pipelined(True)
        while chunk := file.read(_CHUNK):
            out.write(chunk)
            size += len(chunk)
            pulse.beat()
    try:
        if sftp.stat(part).st_size != size:
            raise NotTaken("refused", f"{name}: not all of it arrived")
        pulse.now()  # whoever lost the row renames nothing
        _rename(sftp, part, name)
    except BaseException:
        with suppress(OSError, paramiko.SSHException, EOFError):
            sftp.remove(part)
        raise
    _sweep(sftp, name)


def _rename(sftp: paramiko.SFTPClient, part: str, name: str) -> None:
    try:
        sftp.posix_rename(part, name)
    except OSError:
        # A server without OpenSSH's extension renames onto no name that is taken.
        with suppress(OSError):
            sftp.remove(name)
        sftp.rename(part, name)


def _sweep(sftp: paramiko.SFTPClient, name: str) -> None:
    """Parts of this file that dead workers left."""
    for found in sftp.listdir("."):
        if found.startswith(f".{name}.") and found.endswith(_PART):
            with suppress(OSError):
                sftp.remove(found)


@contextmanager
def _session(access: Access) -> Iterator[paramiko.SFTPClient]:
    """Signed in, in the folder."""
    key = readable_key(access.private_key, access.secret) if access.private_key else None
    with _greeted(access.host, access.port, access.host_key) as transport:
        if key is not None:
            transport.auth_publickey(access.login, key)
        else:
            transport.auth_password(access.login, access.secret)
        with paramiko.SFTPClient.from_transport(transport) as sftp:
            sftp.get_channel().settimeout(SILENCE)
            if access.folder:
                sftp.chdir(access.folder)
            yield sftp


@contextmanager
def _greeted(host: str, port: int, pinned: str = "") -> Iterator[paramiko.Transport]:
    """An encrypted connection with the server that is meant, and no word yet of who we are."""
    allow_private = settings.UPSTREAM_ALLOW_PRIVATE
    sock = connect(host, port, allow_private=allow_private, seconds=SECONDS)
    transport = paramiko.Transport(sock)
    try:
        transport.banner_timeout = transport.handshake_timeout = SECONDS
        transport.auth_timeout = transport.channel_timeout = SECONDS
        if pinned:
            kind = pinned.partition(" ")[0]
            transport.get_security_options().key_types = _RSA if kind == "ssh-rsa" else (kind,)
        try:
            transport.start_client(timeout=SECONDS)
        except paramiko.ssh_exception.IncompatiblePeer:
            # It has no key of the confirmed one's kind: it is another server, or has another key.
            raise NotTaken("host key" if pinned else "network") from None
        if pinned and not hmac.compare_digest(_written(transport.get_remote_server_key()), pinned):
            raise NotTaken("host key")
        yield transport
    finally:
        transport.close()
        sock.close()


@contextmanager
def _told() -> Iterator[None]:
    """What the library and the server raise, as NotTaken."""
    try:
        yield
    except Unreachable as error:
        reason = {Obstacle.ADDRESS: "address", Obstacle.TIMEOUT: "timeout"}.get(error.obstacle, "network")
        raise NotTaken(reason, error.detail) from None
    except paramiko.AuthenticationException:
        raise NotTaken("login") from None
    except TimeoutError:
        raise NotTaken("timeout") from None
    except (paramiko.SSHException, EOFError) as error:
        logger.info("an SFTP server broke off: %s", one_line(str(error), limit=200))
        raise NotTaken("timeout" if is_over() else "network") from None
    except OSError as error:
        if is_over():
            raise NotTaken("timeout") from None
        reason = "folder" if error.errno in _AWAY else "refused"
        raise NotTaken(reason, one_line(error.strerror or str(error), limit=200)) from None


def _written(key: paramiko.PKey) -> str:
    return f"{key.get_name()} {key.get_base64()}"
