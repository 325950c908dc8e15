"""Settings: an unknown form of a value stops the start with one sentence that names the variable."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from portal import dotenv, env
from portal.site.celery import app as celery_app

KEY = "YSBrZXkgZm9yIHRlc3RzLCBvZiAzMiBieXRlcyBub3c="  # fixed, because it stands in the name of a test


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "maybe"),
        ("UPSTREAM_ALLOW_PRIVATE", "2"),
        ("UPSTREAM_RATE_PER_MINUTE", "abc"),
        ("UPSTREAM_RATE_PER_MINUTE", "0"),
        ("DATABASE_URL", "mysql://host/name"),
        ("DATABASE_URL", "postgresql://ana:secret@host:port/name"),
        ("DATABASE_URL", "postgresql://ana:secret@host:99999/name"),
        ("DATABASE_URL", "postgresql://ana:secret@host"),
        ("REDIS_URL", "redis:6379"),
        ("REDIS_URL", "redis://127.0.0.1:port"),
        ("REDIS_URL", "rediss://127.0.0.1:99999/0"),
        ("REDIS_URL", "redis://127.0.0.1:6379/name"),
        ("REDIS_URL", "unix://"),
        ("CACHE_URL", "memcached://127.0.0.1"),
        ("EMAIL_URL", "smtp://host:port"),
        ("TOKEN_KEYS", "nonsense"),
        ("TOKEN_KEYS", f"{KEY},"),
        ("BASE_URL", "http://"),
        ("BASE_URL", "http://[::1"),
        ("BASE_URL", "http://host:port"),
        ("ALLOWED_HOSTS", "https://ringbook.example.com"),
        ("ALLOWED_HOSTS", "a b"),
        ("DEFAULT_FROM_EMAIL", "nobody"),
        ("DEFAULT_FROM_EMAIL", "Ringbook <>"),
        ("SECRET_KEY_FILE", "/nowhere/at/all"),
        ("STORAGE_URL", "files"),
        ("STORAGE_URL", "http://host/bucket"),
        ("STORAGE_URL", "s3://host"),
        ("STORAGE_URL", "s3:///bucket"),
        ("STORAGE_URL", "s3://host:port/bucket"),
        ("STORAGE_URL", "s3://key@host/bucket"),
        ("STORAGE_URL", "s3://key:one/two@host/bucket"),
        ("STORAGE_URL", "s3://host/bucket?tls=maybe"),
        ("STORAGE_URL", "s3://host/bucket?zone=south"),
        ("COLUMNS_ENGINE", "duckdb://"),
        ("COLUMNS_ENGINE", "clickhouse://host"),
        ("COLUMNS_ENGINE", "clickhouse://host:port?collection=ringbook"),
        ("COLUMNS_ENGINE", "clickhouse://host?collection=ring-book"),
        ("COLUMNS_ENGINE", "clickhouse://host?collection=ringbook"),  # without a bucket
        ("COLUMNS_ENGINE", "clickhouse://host?collection=ringbook&format=csv"),
        ("COLUMNS_CACHE", "10"),
        ("COLUMNS_SPILL", "10"),
        ("COLUMNS_CACHE", "ten GB"),
    ],
)
def test_an_odd_form_is_refused_with_one_sentence(name: str, value: str, tmp_path) -> None:
    with pytest.raises(env.SettingError) as refused:
        settings_of(tmp_path, **{name: value})
    assert str(refused.value).startswith(name)
    assert str(refused.value).endswith(".")


def test_an_odd_form_stops_the_start(tmp_path) -> None:
    settings = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "DEBUG": "maybe"}
    end = subprocess.run([sys.executable, "-c", "import portal.settings"], env=settings, capture_output=True, text=True)
    assert end.returncode == 1
    assert end.stderr.strip().splitlines()[-1].endswith("SettingError: DEBUG must be true or false.")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("DATABSE_URL", "There is no setting DATABSE_URL. Did you mean DATABASE_URL?"),
        ("TRUSTED_PROXY", "There is no setting TRUSTED_PROXY. Did you mean TRUSTED_PROXIES?"),
        ("EMAIL_URLS_FILE", "There is no setting EMAIL_URLS_FILE. Did you mean EMAIL_URL?"),
        ("DATABASE_URL", ""),
        ("TOKEN_KEYS_FILE", ""),
        ("REDIS_PORT", ""),  # what orchestrators set for their own services
        ("LANGUAGE", ""),
    ],
)
def test_a_mistyped_name_is_noticed(name: str, sentence: str, tmp_path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(KEY)
    given = {"DATABASE_URL": f"sqlite:///{tmp_path}/x.sqlite3"} | {name: f"sqlite:///{tmp_path}/x.sqlite3"}
    if name.endswith("_FILE"):
        given[name] = str(secret)
    settings = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "LC_ALL": "C.UTF-8"} | given
    told = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=env.BASE_DIR, env=settings, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr
    assert [line for line in told.stderr.splitlines() if "There is no setting" in line] == (
        [f"?: (ringbook.W001) {sentence}"] if sentence else []
    )


def test_every_name_in_dotenv_is_a_setting(tmp_path, monkeypatch) -> None:
    (tmp_path / ".env").write_text("BASE_URL=https://ringbook.example\nCOLOUR=green\n")
    monkeypatch.setattr(os, "environ", {})
    dotenv.load(tmp_path / ".env")
    env.text("BASE_URL")
    assert dotenv.misspelled() == ["There is no setting COLOUR, which .env sets. README.md lists all settings."]


def settings_of(folder: Path, **given: str) -> dict[str, Any]:
    """The settings of a process whose environment holds ``given`` alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", {"DATA_DIR": str(folder), **given})
        return runpy.run_path(str(env.BASE_DIR / "portal" / "settings.py"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOWED_HOSTS", "*"),
        ("ALLOWED_HOSTS", ".example.com, [::1], ring_book, 10.0.0.1"),
        ("HOSTS_UNSET", ""),
    ],
)
def test_names_of_hosts(name: str, value: str, monkeypatch) -> None:
    monkeypatch.setenv(name, value)

    assert env.hosts(name, "localhost") == ([part.strip() for part in value.split(",")] if value else ["localhost"])


def test_keys_come_newest_first_with_blanks_between(tmp_path, monkeypatch) -> None:
    newer = Fernet.generate_key().decode()
    monkeypatch.setenv("KEYS", f"{newer}, {KEY}")

    assert env.vault_keys("KEYS", tmp_path / "keys") == [newer, KEY]


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path) -> None:
    path = tmp_path / "data" / "keys"
    first = env.vault_keys("KEYS_UNSET", path)

    assert env.vault_keys("KEYS_UNSET", path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "value", ["", "redis://", "redis://host", "rediss://:word@host:6380/1", "unix:///run/valkey.sock?db=1"]
)
def test_brokers(value: str, monkeypatch) -> None:
    monkeypatch.setenv("BROKER", value)

    assert env.broker("BROKER") == value


@pytest.mark.parametrize(
    ("address", "endpoint", "place", "key"),
    [
        ("s3://host/figures", "https://host", ("figures", "columns"), (None, None)),
        (
            "s3://key:a%2Fb%2Bc#d@host:9000/figures/a/b?region=south&tls=false",
            "http://host:9000",
            ("figures", "a/b/columns"),
            ("key", "a/b+c#d"),
        ),
        ("s3://key:word@[::1]:9000/figures/", "https://[::1]:9000", ("figures", "columns"), ("key", "word")),
    ],
)
def test_buckets(address, endpoint, place, key, tmp_path) -> None:
    storages = settings_of(tmp_path, STORAGE_URL=address)["STORAGES"]
    options = storages["columns"]["OPTIONS"]
    assert options["endpoint_url"] == endpoint
    assert (options["bucket_name"], options["location"]) == place
    assert (options["access_key"], options["secret_key"]) == key
    assert storages["exports"]["OPTIONS"] == options | {"location": place[1].replace("columns", "exports")}


def test_a_folder_for_files_of_its_own(tmp_path) -> None:
    told = settings_of(tmp_path, STORAGE_URL="/srv/files")
    assert told["STORAGE_FOLDER"] == Path("/srv/files")
    assert "exports" not in told["STORAGES"]
    assert settings_of(tmp_path)["STORAGE_FOLDER"] is None


def test_no_sentence_has_a_secret(tmp_path) -> None:
    with pytest.raises(env.SettingError) as refused:
        settings_of(tmp_path, STORAGE_URL="s3://key:hidden@host/bucket?zone=south")
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    ("query", "port", "secure", "cluster"),
    [
        ("?collection=ringbook", 8443, True, ""),
        (":9000/figures?collection=ringbook&cluster=main&tls=false", 9000, False, "main"),
    ],
)
def test_clickhouse(query, port, secure, cluster, tmp_path) -> None:
    address = f"clickhouse://ringbook:a%2Fb@host{query}"
    told = settings_of(tmp_path, COLUMNS_ENGINE=address, STORAGE_URL="s3://host/figures")["COLUMNS_ENGINE"]
    assert (told["collection"], told["cluster"]) == ("ringbook", cluster)
    reached = told["client"]
    assert (reached["host"], reached["port"], reached["secure"]) == ("host", port, secure)
    assert (reached["username"], reached["password"]) == ("ringbook", "a/b")
    assert settings_of(tmp_path)["COLUMNS_ENGINE"] == {}


def test_the_cache_may_have_a_server_of_its_own(tmp_path) -> None:
    one = settings_of(tmp_path, REDIS_URL="redis://broker:6379/0")
    two = settings_of(tmp_path, REDIS_URL="redis://broker:6379/0", CACHE_URL="rediss://:word@cache:6380/1")
    assert one["CACHES"]["default"]["LOCATION"] == "redis://broker:6379/0"
    assert two["CACHES"]["default"]["LOCATION"] == "rediss://:word@cache:6380/1"
    assert two["CELERY_BROKER_URL"] == "redis://broker:6379/0"


def test_sizes(monkeypatch) -> None:
    monkeypatch.setenv("ROOM", "1 TB")
    assert (env.size("ROOM", ""), env.size("ROOM_UNSET", "500MB")) == (10**12, 500_000_000)


@pytest.mark.parametrize("value", ["reports@example.com", "Ringbook <reports@localhost>", '"Ana, Acme" <a@b.example>'])
def test_senders(value: str, monkeypatch) -> None:
    monkeypatch.setenv("FROM", value)

    assert env.sender("FROM", "") == value


def test_a_value_may_come_from_a_file(tmp_path, monkeypatch) -> None:
    (tmp_path / "secret").write_text("  https://ringbook.example.com/ \n")
    monkeypatch.setenv("SITE_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv("SITE", "http://elsewhere")

    assert env.site("SITE", "") == "https://ringbook.example.com"


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ("https://Ringbook.Example.com:443/", "https://ringbook.example.com"),
        ("http://ringbook.example.com:80", "http://ringbook.example.com"),
        ("https://ringbook.example.com:8443/Calls", "https://ringbook.example.com:8443/Calls"),
        ("https://ringbook.example.com:80", "https://ringbook.example.com:80"),
    ],
)
def test_the_portals_address_is_kept_as_browsers_name_it(given: str, known: str, monkeypatch) -> None:
    monkeypatch.setenv("SITE", given)

    assert env.site("SITE", "") == known


def test_what_the_address_of_a_database_asks_for_is_kept(tmp_path) -> None:
    address = "postgresql://ana:secret@host/name?sslmode=require&connect_timeout=9"
    options = settings_of(tmp_path, DATABASE_URL=address)["DATABASES"]["default"]["OPTIONS"]
    assert (options["sslmode"], options["connect_timeout"]) == ("require", 9)
    assert "statement_timeout" in options["options"]


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("postgresql://127.0.0.1/name", ("name", "", "", "127.0.0.1", "")),
        ("postgres://ana:a%40b%2Fc@host:5433/name", ("name", "ana", "a@b/c", "host", "5433")),
        ("postgresql://ana:one#two@host/name", ("name", "ana", "one#two", "host", "")),
        ("postgresql://ana@first:5433,second/name", ("name", "ana", "", "first,second", "5433,")),
        ("postgresql://first,second/name", ("name", "", "", "first,second", "")),
        ("postgresql://ana:p@[::1]:5433/name", ("name", "ana", "p", "::1", "5433")),
        ("postgresql://%2Frun%2Fpostgresql/my%20name", ("my name", "", "", "/run/postgresql", "")),
        ("postgresql:///name?host=/run/postgresql", ("name", "", "", "", "")),
    ],
)
def test_the_address_of_a_database_is_taken_apart(address: str, asked: tuple[str, ...], monkeypatch) -> None:
    monkeypatch.setenv("BASE", address)
    found = env.database("BASE", "")

    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert tuple(found[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")) == asked


DOTENV = r"""
# a comment
DEBUG=true
export RATE=90
PLAIN=a b # c
SINGLE='it is "so" \n'
DOUBLE="a \"word\" and C:\\temp"
LONE="
EMPTY=
SET=from the file
"""


def test_a_dotenv_gives_what_the_environment_does_not(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(os, "environ", {"SET": "before"})
    (tmp_path / ".env").write_text(DOTENV, encoding="utf-8")
    dotenv.load(tmp_path / ".env")

    assert os.environ == {
        "DEBUG": "true",
        "RATE": "90",
        "PLAIN": "a b # c",
        "SINGLE": r'it is "so" \n',
        "DOUBLE": r'a "word" and C:\temp',
        "LONE": '"',
        "EMPTY": "",
        "SET": "before",
    }


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"DEBUG=true\nTOKEN_KEYS = secret\n", ".env has neither NAME=value nor a comment in line 2."),
        (b"NAME=\xff\n", ".env cannot be read: UnicodeDecodeError."),
    ],
)
def test_a_dotenv_of_an_odd_form_is_refused_whole(content: bytes, sentence: str, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(os, "environ", {})
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(env.SettingError) as caught:
        dotenv.load(tmp_path / ".env")

    assert str(caught.value) == sentence
    assert os.environ == {}


@pytest.mark.parametrize("given", [{}, {"DATA_DIR": "/srv/ringbook"}])
def test_make_leaves_the_folder_to_the_settings(given) -> None:
    show = ["make", "--silent", "--eval", 'show: ; @echo "[$$DATA_DIR]"', "show"]
    told = subprocess.run(
        show, cwd=env.BASE_DIR, env={"PATH": os.environ["PATH"]} | given, capture_output=True, text=True
    )

    assert told.stdout.strip() == f"[{given.get('DATA_DIR', '')}]"


def test_beat_keeps_its_schedule_in_the_data_folder_however_it_is_started(settings) -> None:
    assert Path(celery_app.conf.beat_schedule_filename).parent == settings.DATA_DIR
