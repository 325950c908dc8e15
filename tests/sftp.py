"""An OpenSSH server of our own, on a port of this machine: its keys, its one user's key, and his folder."""

import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.s3 import free_port

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


@dataclass(slots=True)
class Sshd:
    """``key`` is what signs in; ``folder`` is where the user's files lie."""

    port: int
    home: Path
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def user(self) -> str:
        return getpass.getuser()

    @property
    def private_key(self) -> str:
        return (self.home / "user").read_text()

    @property
    def fingerprint(self) -> str:
        """As its own tools tell it."""
        told = subprocess.run(
            ["ssh-keygen", "-l", "-f", str(self.home / "host.pub")], check=True, capture_output=True, text=True
        )
        return told.stdout.split()[1]

    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}

    def start(self) -> None:
        # The path has to be absolute: sshd starts itself anew for each connection.
        command = [SSHD, "-D", "-e", "-f", str(self.home / "config")]
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        for _ in range(300):
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self.process.poll() is None, (self.home / "log").read_text()
            time.sleep(0.05)
        raise AssertionError("the server does not answer")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def change_key(self) -> None:
        """Start anew with another key, of the same kind."""
        self.stop()
        for path in (self.home / "host", self.home / "host.pub"):
            path.unlink()
        _keygen(self.home / "host")
        self.start()


@contextmanager
def running(home: Path) -> Iterator[Sshd]:
    folder = home / "files"
    folder.mkdir()
    for name in ("host", "user"):
        _keygen(home / name)
    (home / "authorized").write_text((home / "user.pub").read_text())
    port = free_port()
    config = f"""
        Port {port}
        ListenAddress 127.0.0.1
        HostKey {home}/host
        PidFile {home}/pid
        AuthorizedKeysFile {home}/authorized
        PasswordAuthentication no
        KbdInteractiveAuthentication no
        UsePAM no
        StrictModes no
        PermitRootLogin prohibit-password
        Subsystem sftp internal-sftp
    """
    (home / "config").write_text("\n".join(line.strip() for line in config.splitlines()))
    Path("/run/sshd").mkdir(exist_ok=True)  # Debian's sshd wants it
    server = Sshd(port, home, folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def sshd(tmp_path_factory, settings) -> Iterator[Sshd]:
    settings.UPSTREAM_ALLOW_PRIVATE = True
    with running(tmp_path_factory.mktemp("sshd")) as server:
        yield server


def _keygen(path: Path) -> None:
    path.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
