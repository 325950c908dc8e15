"""A server that speaks S3, on a port of this machine, and the settings of who keeps files there."""

import os
import runpy
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import boto3
import pytest
from botocore.config import Config

from portal import env, storage

KEY, SECRET, BUCKET, REGION = "AKIAEXAMPLE", "sec/ret+key", "figures", "eu-central-1"


@dataclass(frozen=True, slots=True)
class Server:
    port: int
    kind: str = "columns"  # whose files it speaks of: the first part of their keys

    def address(self, port: int | None = None) -> str:
        """What STORAGE_URL would be."""
        place = f"{KEY}:{quote(SECRET, safe='')}@127.0.0.1:{port or self.port}"
        return f"s3://{place}/{BUCKET}/ringbook?region={REGION}&tls=false"

    @property
    def client(self):
        return boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name=REGION,
            config=Config(s3={"addressing_style": "path"}),
        )

    def names(self) -> set[str]:
        return {key.removeprefix(self._key("")) for key in self._objects() if key.startswith(self._key(""))}

    def content(self, name: str) -> bytes:
        return self.client.get_object(Bucket=BUCKET, Key=self._key(name))["Body"].read()

    def put(self, name: str, content: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=self._key(name), Body=content)

    def delete(self, name: str) -> None:
        self.client.delete_object(Bucket=BUCKET, Key=self._key(name))

    def now(self) -> float:
        """What its clock says: it does not stand still with that of a test."""
        return max(self._objects().values()).timestamp()

    def empty(self) -> None:
        """An empty bucket, made if need be."""
        if not self.client.list_buckets()["Buckets"]:
            place = {"LocationConstraint": REGION}
            self.client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
        for key in self._objects():
            self.client.delete_object(Bucket=BUCKET, Key=key)

    def _key(self, name: str) -> str:
        return f"ringbook/{self.kind}/{name}"

    def _objects(self) -> dict[str, datetime]:
        """Every key, and when it was written."""
        listed = self.client.list_objects_v2(Bucket=BUCKET).get("Contents", ())
        return {each["Key"]: each["LastModified"] for each in listed}


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    port = free_port()
    with (folder / "s3.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
    try:
        _await(port, process)
        yield Server(port)
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def bucket(s3_server, settings, monkeypatch) -> Callable[[bool], Server]:
    """An installation whose files are in a bucket, empty at first; ``bucket(False)`` cuts the line."""
    s3_server.empty()
    monkeypatch.setattr(storage, "_SPARED_SECONDS", 0.0)
    monkeypatch.setattr(storage, "_away_until", 0.0)
    closed = free_port()

    def selector(there: bool) -> Server:
        settings.STORAGES = settings_of(s3_server.address(None if there else closed))
        return s3_server

    selector(True)
    return selector


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, "the server ended"
        time.sleep(0.1)
    raise AssertionError("the server does not answer")


def settings_of(address: str) -> dict[str, dict[str, object]]:
    """STORAGES of a process with that STORAGE_URL."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_URL", address)
        return runpy.run_path(str(env.BASE_DIR / "portal" / "settings.py"))["STORAGES"]
