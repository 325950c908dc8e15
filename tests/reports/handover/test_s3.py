"""Objects put into a bucket of a server that speaks S3, over HTTP: whole, with a manifest, through our own door."""

import hashlib
import json
import socket
from threading import Thread

import pytest

from portal.tenants import wall
from reports.handover import destinations, places, work
from reports.handover.handing import NotTaken
from reports.handover.models import Destination
from tests.reports.alerts.conftest import author
from tests.reports.handover.conftest import handovers, reading, run, scheduled, tick
from tests.s3 import BUCKET, KEY, REGION, SECRET, free_port

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(s3_server, settings):
    settings.UPSTREAM_ALLOW_PRIVATE = True
    s3_server.empty()
    return s3_server


def bucket_on(port, tenant, user, **values) -> Destination:
    plan = {
        "name": "Lake",
        "kind": "s3",
        "host": f"http://127.0.0.1:{port}",
        "bucket": BUCKET,
        "region": REGION,
        "folder": "/ringbook/calls/",
        "login": KEY,
        "secret": SECRET,
    }
    with wall.tenant(tenant):
        return destinations.create_place(destinations.read_place(plan | values), author(tenant, user))


def put_there(tenant, user, place, **wishes):
    return scheduled(
        tenant, user, **{"way": "put", "destination": str(place.public_id), "format": "csv", "wait_hours": 0} | wishes
    )


def keys(server) -> set[str]:
    return {each["Key"] for each in server.client.list_objects_v2(Bucket=BUCKET).get("Contents", ())}


def content(server, key) -> bytes:
    return server.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()


def test_an_object_and_its_manifest_are_put_whole(acme, ana, mirrored, server):
    put_there(acme, ana, bucket_on(server.port, acme, ana), format="parquet")
    tick(acme)
    assert run(acme) == ["sent"]
    (row,) = handovers(acme)
    (told,) = row.manifest["files"]
    key = f"ringbook/calls/{told['name']}"
    assert keys(server) == {key, key.replace(".parquet", ".manifest.json")}
    assert hashlib.sha256(content(server, key)).hexdigest() == told["sha256"]
    assert json.loads(content(server, key.replace(".parquet", ".manifest.json"))) == row.manifest
    assert server.client.head_object(Bucket=BUCKET, Key=key)["Metadata"] == {"sha256": told["sha256"]}


def test_a_file_made_anew_takes_the_place_of_the_one_before(acme, ana, mirrored, server):
    put_there(acme, ana, bucket_on(server.port, acme, ana))
    tick(acme)
    reading(acme, "incomplete")
    assert run(acme) == ["sent"]
    assert any("-incomplete.csv" in key for key in keys(server))
    reading(acme, "complete")
    with wall.tenant(acme):
        assert work.rows.begin_again(handovers(acme)[0])
    assert run(acme) == ["sent"]
    assert len(keys(server)) == 2
    assert not any("incomplete" in key for key in keys(server))


def test_it_is_tried_out_and_leaves_nothing(acme, ana, server):
    place = bucket_on(server.port, acme, ana)
    with wall.tenant(acme):
        destinations.try_place(place, author(acme, ana))
    assert keys(server) == set()


def test_a_bucket_that_is_not_there_is_said(acme, ana, server):
    place = bucket_on(server.port, acme, ana, bucket="nowhere")
    with wall.tenant(acme), pytest.raises(NotTaken) as refused:
        places.check(place)
    assert (refused.value.reason, refused.value.reply) == ("folder", "NoSuchBucket")


def test_a_server_that_is_away_is_tried_again(acme, ana, mirrored, server):
    place = bucket_on(free_port(), acme, ana)
    put_there(acme, ana, place)
    tick(acme)
    assert run(acme) == ["pending"]
    assert handovers(acme)[0].reason == "network"


def test_private_addresses_are_neither_kept_nor_asked(acme, ana, server, settings):
    place = bucket_on(server.port, acme, ana)
    settings.UPSTREAM_ALLOW_PRIVATE = False
    with pytest.raises(work.QuestionError) as refused:
        bucket_on(server.port, acme, ana)
    assert "host" in refused.value.errors
    with wall.tenant(acme):
        Destination.objects.filter(pk=place.pk).update(host=f"https://127.0.0.1:{server.port}")
        place.refresh_from_db()
        with pytest.raises(NotTaken) as unreached:
            places.check(place)
    assert unreached.value.reason == "address"
    assert keys(server) == set()


def test_an_answer_that_leads_elsewhere_is_not_followed(acme, ana, server):
    """Another region, another endpoint: whatever a server answers, nothing but its own address is dialled."""
    asked: list[str] = []
    elsewhere, closed = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    elsewhere.settimeout(10)

    def answer() -> None:
        while True:
            try:
                line, _ = elsewhere.accept()
            except OSError:
                return
            with line:
                line.settimeout(5)
                asked.append(line.recv(65536).split(b"\r\n")[0].decode())
                target = f"http://127.0.0.1:{closed.getsockname()[1]}/stolen".encode()
                line.sendall(
                    b"HTTP/1.1 307 Temporary Redirect\r\nLocation: "
                    + target
                    + b"\r\nx-amz-bucket-region: us-west-2\r\n"
                    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
                )

    Thread(target=answer, daemon=True).start()
    place = bucket_on(elsewhere.getsockname()[1], acme, ana)
    with wall.tenant(acme), pytest.raises(NotTaken):
        places.check(place)
    elsewhere.close()
    closed.settimeout(0.2)
    with pytest.raises(TimeoutError):
        closed.accept()
    closed.close()
    assert asked
