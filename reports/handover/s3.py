"""Files into a bucket that speaks S3. Loaded only where one is used: it rests on boto3.

The library signs, reads answers and tries again; each request leaves through our own door, so it goes to a checked
address of the endpoint and nowhere else, whatever an answer says. An object is there whole or not at all.
"""

import base64
import io
import logging
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import boto3
import requests
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from requests.structures import CaseInsensitiveDict

from portal.lib.outward.addresses import read_base
from portal.lib.outward.dialling import PATIENCE, OneHost
from portal.lib.outward.errors import Obstacle, Unreachable
from portal.lib.outward.trials import is_over
from portal.outbox.text import one_line
from portal.storage import Away
from reports.files import folder
from reports.handover.handing import NotTaken, Pulse, PulsingFile
from reports.handover.manifest import Parcel
from reports.handover.places import Access

logger = logging.getLogger("ringbook.handover")
SECONDS = 10.0  # to connect
SILENCE = 60.0  # seconds that a server may leave us waiting
MOST_BYTES = 5 * 1024**3  # of one object that is put at once
_ANSWER = 1024 * 1024  # bytes
_LOGIN = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "InvalidSecurity")
_FOLDER = ("NoSuchBucket", "AccessDenied", "AllAccessDisabled", "PermanentRedirect", "AuthorizationHeaderMalformed")


class _Silence:
    """Waits for each byte of an answer so long, however long a file takes to be sent."""

    def __init__(self) -> None:
        self._room = _ANSWER

    def connecting(self) -> float:
        return SECONDS

    def left(self) -> float:
        return SILENCE

    def ended(self) -> Unreachable:
        return Unreachable(Obstacle.TIMEOUT, "The answer did not come in time.")

    def receive(self, count: int) -> None:
        self._room -= count
        if self._room < 0:
            raise Unreachable(Obstacle.NETWORK, "The answer is too large.")


def put(parcel: Parcel, access: Access, pulse: Pulse, outdated: Iterable[str]) -> None:
    """The file, then its manifest; ``outdated`` names go last. Raises NotTaken."""
    export = parcel.export
    if (export.bytes or 0) > MOST_BYTES:
        raise NotTaken("refused", "5 GiB", for_good=True)
    with _told(), _client(access) as client:
        try:
            with folder.open_file(export.tenant_id, export.file) as file:
                # The server compares what arrived with the digest before it keeps it.
                checksum = base64.b64encode(bytes.fromhex(export.sha256)).decode("ascii")
                client.put_object(
                    **_object(access, parcel.name),
                    Body=PulsingFile(file, pulse),
                    ContentLength=export.bytes,
                    ChecksumSHA256=checksum,
                    Metadata={"sha256": export.sha256},
                )
        except Away:
            raise NotTaken("file away") from None
        pulse.now()  # whoever lost the row writes no manifest
        client.put_object(**_object(access, parcel.manifest_name), Body=parcel.manifest_bytes)
        for name in outdated:
            with suppress(ClientError):
                client.delete_object(**_object(access, name))


def check(access: Access) -> None:
    """Write a small object and take it away again. Raises NotTaken."""
    place = _object(access, f"ringbook-{secrets.token_hex(6)}.txt")
    with _told(), _client(access) as client:
        client.put_object(**place, Body=b"Ringbook can write here.\n")
        with suppress(ClientError):  # who may write need not be let delete
            client.delete_object(**place)


def _object(access: Access, name: str) -> dict[str, str]:
    return {"Bucket": access.bucket, "Key": "/".join(filter(None, (access.folder.strip("/"), name)))}


@contextmanager
def _client(access: Access) -> Iterator[Any]:
    base = read_base(access.host, allow_private=settings.UPSTREAM_ALLOW_PRIVATE)
    door = OneHost(base, allow_private=settings.UPSTREAM_ALLOW_PRIVATE)
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=access.host,
        aws_access_key_id=access.login,
        aws_secret_access_key=access.secret,
        region_name=access.region or "us-east-1",
        config=Config(
            s3={"addressing_style": "path", "payload_signing_enabled": True},
            retries={"mode": "standard", "max_attempts": 2},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        PATIENCE.set(_Silence())
        answer = door.send(_prepared(request), stream=True, timeout=SILENCE, verify=True, proxies={})
        return AWSResponse(request.url, answer.status_code, answer.headers, answer.raw)

    client.meta.events.register("before-send.s3", send)
    try:
        yield client
    finally:
        client.close()
        door.close()


def _prepared(request: AWSPreparedRequest) -> requests.PreparedRequest:
    prepared = requests.PreparedRequest()
    prepared.method, prepared.url, prepared.body = request.method, request.url, request.body
    texts = {name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()}
    prepared.headers = CaseInsensitiveDict(texts)
    prepared.headers.pop("Expect", None)  # is not signed, and nobody here waits for it
    if isinstance(prepared.body, io.IOBase | PulsingFile):
        prepared.body.seek(0)
    return prepared


@contextmanager
def _told() -> Iterator[None]:
    """What the library and the server raise, as NotTaken."""
    try:
        yield
    except Unreachable as error:
        reason = {Obstacle.ADDRESS: "address", Obstacle.TIMEOUT: "timeout"}.get(error.obstacle, "network")
        raise NotTaken(reason, error.detail) from None
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        reason = "login" if code in _LOGIN else "folder" if code in _FOLDER else "refused"
        raise NotTaken(reason, one_line(code, limit=60)) from None
    except TimeoutError:
        raise NotTaken("timeout") from None
    except RecursionError:  # an answer of elements in elements
        raise NotTaken("refused") from None
    except (BotoCoreError, requests.RequestException) as error:
        logger.info("an S3 endpoint broke off: %s", type(error).__name__)
        raise NotTaken("timeout" if is_over() else "network") from None
    except OSError as error:
        raise NotTaken("timeout" if is_over() else "network", one_line(error.strerror or "", limit=200)) from None
