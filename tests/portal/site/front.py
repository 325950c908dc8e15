"""A portal's pages behind nginx, and browsers that come to it from several addresses of this machine."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import create_server
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from portal.env import BASE_DIR
from portal.site import programs
from portal.site.broker import Broker
from tests.portal.processes import free_port
from tests.portal.site.test_serve import answer, embedded

RIGHT = "correct horse battery"
ANA, BEA = "ana@acme.example", "bea@globex.example"
OFFICE, HOME = "127.0.0.66", "127.0.0.7"
NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{behind};
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    }}
  }}
}}
"""


@dataclass(frozen=True)
class Front:
    """A portal's pages behind a proxy, and its own port."""

    folder: Path
    port: int
    behind: int
    environment: dict[str, str] = field(repr=False)

    def manage(self, *words: str) -> str:
        """What a command of the installation prints."""
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, cwd=BASE_DIR, env=self.environment, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def addresses(self) -> set[str | None]:
        """Whence the audit says that people came."""
        with closing(sqlite3.connect(self.folder / "ringbook.sqlite3")) as database:
            found = database.execute(
                "SELECT address FROM audit_entry WHERE action LIKE 'person.%' "
                "UNION SELECT address FROM audit_platformentry WHERE action LIKE 'person.%'"
            )
            return {address for (address,) in found}


class FromAddress(HTTPAdapter):
    """Asks from one of this machine's own addresses."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, source_address=(self.address, 0))


class Visitor:
    """A browser at an address, which claims to be asked from elsewhere."""

    def __init__(self, front: Front, address: str, claimed: str = "6.6.6.6") -> None:
        self.page = f"http://127.0.0.1:{front.port}/accounts/login/"
        self.session = requests.Session()
        self.session.mount("http://", FromAddress(address))
        self.session.headers["X-Forwarded-For"] = claimed
        self.session.get(self.page, timeout=60).raise_for_status()

    def sign_in(self, email: str, password: str) -> int:
        return self.send(self.page, login=email, password=password)

    def send(self, page: str, **fields: str) -> int:
        sent = {**fields, "csrfmiddlewaretoken": self.session.cookies["csrftoken"]}
        return self.session.post(page, sent, allow_redirects=False, timeout=60).status_code


@contextmanager
def running(words: list[str], **how: Any) -> Iterator[None]:
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **how)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=40)


def nginx() -> str | None:
    """Where the proxy's program is."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def served(folder: Path, program: str) -> Iterator[Front]:
    """Two companies, an owner each, in an installation of its own behind nginx, the ``program``."""
    environment = embedded(folder) | {"TRUSTED_PROXIES": "1", "RINGBOOK_OWNER_PASSWORD": RIGHT}
    listener, port = create_server(("127.0.0.1", 0)), free_port()
    front = Front(folder, port, listener.getsockname()[1], environment)
    settings = folder / "nginx.conf"
    settings.write_text(NGINX.format(folder=folder, port=port, behind=front.behind), encoding="utf-8")
    broker = Broker(folder / "broker.sock", folder / "broker")
    broker.ensure()
    try:
        front.manage("migrate")
        front.manage("add_tenant", "acme", "--name", "Acme", "--owner", ANA)
        front.manage("add_tenant", "globex", "--name", "Globex", "--owner", BEA)
        web = programs.web(listener, 1)
        with (
            (folder / "web.log").open("w") as log,
            running([*web.argv], env=environment, cwd=BASE_DIR, pass_fds=web.pass_fds, stderr=log),
            running([program, "-e", str(folder / "start.log"), "-p", str(folder), "-c", str(settings)]),
        ):
            answer(port, "/livez")
            yield front
    finally:
        broker.stop()
        listener.close()
