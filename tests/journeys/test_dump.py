"""What a thief of a dump would have: everything an installation wrote, after all that people do in it.

A vendor is mirrored, people sign in, are invited, forget passwords, make keys, search by number, take files, get mails,
and one of those who were called is erased. Then all that was written is looked through: every column of every table,
the database's own file, every key of Redis, what was logged, column files and all other files.
"""

import io
import json
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.apps import apps
from django.conf import settings
from django.core.cache import caches
from django.db import connection as database
from django.test import Client, override_settings
from kombu import pools
from redis import Redis

from portal.lib import phones
from portal.logs import Redact, RedactedLines
from portal.outbox import post
from portal.outbox.models import PlatformMessage
from portal.privacy.models import Reason
from portal.privacy.registry import Kind, columns
from portal.site.celery import app
from portal.tenants import wall
from portal.tenants.guards import membership_of
from reports.columns.refresh import refresh_tenant
from reports.files import jobs, making
from reports.files.orders import read_order
from reports.files.tasks import hint
from reports.mail.send import send_due
from reports.mail.subscriptions import create_weekly
from reports.privacy import erasing, exporting
from reports.privacy.tasks import hint as hint_erasure
from reports.privacy.tasks import hint_export
from reports.queries.scope import Scope
from sync.models.calls import Call, Payload
from sync.reading.runner import pull
from sync.sandbox.server import Sandbox
from sync.tasks import hint_due
from tests.journeys.conftest import connect, connect_originsai

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD, TYPED = "correct horse battery", "corect horse batery"
NEW, DORAS = "another horse entirely", "a horse of her own"
FACTOR = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SQLITE = "SQLite's file"
# Columns of our files that hold contacts, for counting them.
COUNTED = frozenset({"contact", "line", "own_number"})


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(days=6, calls_per_day=60, seed=5) as box:
        yield box


@pytest.fixture
def redis(running_broker) -> Iterator[Redis]:
    """The broker that hints go to; what processes share lies in it as well."""
    address = f"unix://{settings.BROKER_SOCKET}" if settings.EMBEDDED_BROKER else settings.REDIS_URL
    cache = {"BACKEND": "portal.shared_cache.SharedCache", "LOCATION": address, "KEY_PREFIX": "ringbook:cache"}
    with Redis.from_url(address) as client, override_settings(CACHES={"default": cache}):
        client.flushdb()
        yield client
        caches.close_all()
        pools.reset()
        app._after_fork()  # which opens another pool for whoever comes next
        client.flushdb()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What an installation would write of its log, at a level that it never has."""
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.addFilter(Redact())
    handler.setFormatter(RedactedLines("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lines
    root.setLevel(level)
    root.removeHandler(handler)


@pytest.fixture
def folder(settings, tmp_path) -> Path:
    settings.DATA_DIR = tmp_path / "data"
    settings.EMAIL_BACKEND = "portal.outbox.folder.FolderBackend"
    settings.EMAIL_FILE_PATH = tmp_path / "data" / "outbox"
    settings.DATA_DIR.mkdir()
    return settings.DATA_DIR


def sent(pattern: str) -> str:
    """What a mail of ours tells its reader, which then leaves."""
    found = [re.search(pattern, message.text) for message in PlatformMessage.objects.order_by("-pk")]
    secret = next(match[1] for match in found if match)
    for message_id in post.overdue_of_platform():
        assert post.deliver(message_id, PlatformMessage) == "sent"
    return secret


def live(client: Client, box: Sandbox, acme: Any, ana: Any) -> dict[str, str]:
    """All that people do; the secrets that came up, by what they are."""
    secrets = {"token": box.talkover_token, "the other token": box.originsai_token, "password": PASSWORD}
    secrets |= {"wrong password": TYPED, "new password": NEW, "her password": DORAS, "second factor": FACTOR}
    with wall.tenant(acme):
        for connection in (connect(acme, box), connect_originsai(acme, box)):
            pull(connection)
        refresh_tenant()
        create_weekly(acme, ana.email, "en")
        number = Call.objects.exclude(contact="").order_by("-started_at").values_list("contact", flat=True)[0]
    hint_due()
    client.post("/accounts/login/", {"login": ana.email, "password": TYPED})
    client.post("/accounts/password/reset/", {"email": ana.email})
    path = sent(r"(/accounts/password/reset/key/\S+)")
    secrets["reset"] = path.rstrip("/").rpartition("/")[2]
    form = client.get(path)["Location"]
    assert client.post(form, {"password1": NEW, "password2": NEW}).status_code == 302
    client.post("/accounts/login/", {"login": ana.email, "password": NEW})
    assert client.get("/t/acme/").status_code == 200

    invited = {"email": "dora@acme.example", "role": "viewer", "which_environments": "all"}
    invited["which_agents"] = "all"
    client.post("/t/acme/team/invite/", invited)
    path = sent(r"(/accounts/invitation/\S+)")
    secrets["invitation"] = path.rstrip("/").rpartition("/")[2]
    assert Client().post(path, {"name": "Dora", "password": DORAS}).status_code == 302
    wished = {"name": "Warehouse", "role": "owner", "environment": "", "lasts": "90", "numbers": "1"}
    issued = client.post("/t/acme/keys/", wished)
    secrets["key"] = re.search(r"ring_[\w-]{40}", issued.content.decode())[0]  # type: ignore[index]

    bearer = {"Authorization": f"Bearer {secrets['key']}"}
    for address in (f"/t/acme/calls/?number={number}", f"/t/acme/nowhere/?number={number}", "/t/acme/audit/audit.csv"):
        client.get(address).getvalue() if address.endswith("csv") else client.get(address)
    for address in (f"/api/v1/calls/?number={number}", f"/api/v1/contacts/?number={number}", "/api/v1/calls/"):
        assert Client().get(address, headers=bearer).status_code == 200
    bearer["Authorization"] += "x"
    assert Client().get("/api/v1/calls/", headers=bearer).status_code == 401
    with wall.tenant(acme):
        said = Payload.objects.filter(raw__contains='call_transcription":[{').values_list("call_id", flat=True)[0]
    assert client.get(f"/t/acme/calls/{said}/").status_code == 200
    take_files(acme, ana, f"+{number}")
    send_due(box.now + timedelta(days=8))
    with wall.every_tenant("a sweep looks for mails"):
        waiting = post.overdue()
    for _tenant, message_id in waiting:
        post.deliver(message_id)
    with wall.tenant(acme):
        erasure = erasing.ask(acme.pk, f"+{number}", Reason.REQUEST, user=ana)
        hint_erasure(acme.pk, erasure.pk)
        assert erasing.work(erasure.pk)
        refresh_tenant()
    take_files(acme, ana, "+5511955554444")  # those of before went with the person
    secrets["erased number"] = number[-11:]
    TOTP.activate(ana, FACTOR)
    return secrets


def take_files(acme: Any, ana: Any, number: str) -> None:
    with wall.tenant(acme):
        asker, scope = jobs.Asker(acme.pk, user=ana), Scope.of(membership_of(ana, "acme").grant)
        for params in ({"what": "calls", "format": "csv"}, {"what": "report", "report": "agents", "format": "parquet"}):
            assert making.make(jobs.ask(read_order(params, scope), asker, hint).pk)
        assert exporting.make(exporting.ask("+5511955553333", asker, scope, hint_export).pk)
        exporting.ask(number, asker, scope, hint_export)


def kept_rows() -> Iterator[tuple[str, str]]:
    """Every column of every table with all that is in it."""
    with wall.every_tenant("a test looks everywhere"):
        for model in apps.get_models(include_auto_created=True):
            found: dict[str, list[str]] = {}
            for row in model._base_manager.all().values():
                for name, value in row.items():
                    found.setdefault(name, []).append(_text(value))
            yield from ((f"{model._meta.label}.{name}", "\n".join(texts)) for name, texts in found.items())


def kept_in_redis(redis: Redis) -> Iterator[tuple[str, str]]:
    read = {
        b"string": redis.get, b"hash": redis.hgetall, b"set": redis.smembers,
        b"list": lambda key: redis.lrange(key, 0, -1), b"zset": lambda key: redis.zrange(key, 0, -1),
    }  # fmt: skip
    for key in redis.scan_iter():
        yield f"redis {key!r}", f"{key!r} {read[redis.type(key)](key)}"


def kept_files(folder: Path) -> Iterator[tuple[str, str]]:
    for path in folder.rglob("*"):
        if path.suffix == ".parquet":
            table = duckdb.sql(f"SELECT * FROM read_parquet({str(path)!r})")
            for name, values in zip(table.columns, zip(*table.fetchall(), strict=True), strict=False):
                yield f"column file {name}", "\n".join(map(str, values))
        elif path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes().decode("latin-1")


def kept_by_sqlite() -> Iterator[tuple[str, str]]:
    """The database's files, with what was deleted and not written over."""
    if database.vendor == "sqlite":
        name = str(database.settings_dict["NAME"])
        for path in (Path(name), Path(f"{name}-wal")):
            if path.exists():
                yield f"{SQLITE}{path.suffix}", path.read_bytes().decode("latin-1")


def _text(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("latin-1")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _said(raw: str) -> Iterator[str]:
    """What was said in a call, and to whom."""
    element = json.loads(raw)
    for turn in element.get("call_transcription") or ():
        if len(turn["content"]) > 20:
            yield turn["content"]
    if name := (element.get("call_context") or {}).get("customer_name"):
        yield name


def _spelt(secret: str) -> set[str]:
    """As it may stand in JSON, in an address and in a mail's transfer encoding."""
    return {secret, json.dumps(secret)[1:-1], secret.replace("=", "=3D")}


def test_a_dump_tells_no_secret_no_number_and_no_word(client, acme, ana, box, redis, logged, folder) -> None:
    secrets = live(client, box, acme, ana)
    with wall.tenant(acme):
        named = [number for pair in Call.objects.values_list("from_number", "to_number") for number in pair]
        numbers = {digits[-11:] for digits in map(phones.digits, named) if 10 <= len(digits) <= 15}
        words = {text for raw in Payload.objects.values_list("raw", flat=True) for text in _said(raw)}
    assert len(numbers) > 10
    assert len(words) > 10
    kept = {"log": logged.getvalue()} | dict(kept_rows()) | dict(kept_in_redis(redis))
    files = list(kept_files(folder)) + list(kept_by_sqlite())
    assert "Unauthorized" in kept["log"]
    assert len([place for place in kept if place.startswith("redis")]) > 2, "hints and what is cached"
    there = {place.partition("/")[0] for place, _ in files}
    assert {"column file contact", "erasures", "exports", "outbox"} <= there

    may_name = {f"{label}.{name}" for label, names in columns(Kind.NUMBER, Kind.RAW).items() for name in names}
    may_say = {f"{label}.{name}" for label, names in columns(Kind.RAW).items() for name in names}
    told = []
    for place, text in [*kept.items(), *files]:
        mailed = {"reset", "invitation"} if place.startswith("outbox/") else set()  # it stands in for the reader's own
        found = [what for what, secret in secrets.items() if any(form in text for form in _spelt(secret))]
        told += [(place, what) for what in found if what not in mailed]
        if place.startswith(("exports/", SQLITE)):  # what was asked for with numbers, and where columns have no names
            continue
        if place not in may_name and place.removeprefix("column file ") not in COUNTED:
            digits = re.sub(r"(?<=\d)[ ().-]{1,2}(?=\d)", "", text)
            told += [(place, "a number") for number in numbers if number in digits]
        if place not in may_say:
            told += [(place, "words") for said in words if said in text]
    assert sorted(set(told)) == []
