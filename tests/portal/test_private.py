"""What an installation keeps is its user's alone, and what is not his to close stops the start."""

import os
import stat
from pathlib import Path

import pytest

from portal import env, private
from portal.site.command import SiteCommand
from tests.portal.processes import ended
from tests.portal.test_settings import KEY, settings_of


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_settings_alone_make_files_private_though_keys_come_from_elsewhere(tmp_path) -> None:
    before = os.umask(0o022)
    try:
        settings_of(tmp_path / "data", SECRET_KEY="x" * 50, TOKEN_KEYS=KEY)
        (tmp_path / "database").touch()
        (tmp_path / "folder").mkdir()
    finally:
        os.umask(before)

    assert rights(tmp_path / "database") == 0o600
    assert rights(tmp_path / "folder") == 0o700


def test_an_installation_that_stood_open_is_closed_and_counted(tmp_path) -> None:
    (tmp_path / "ringbook.sqlite3").touch()
    (tmp_path / "broker").mkdir()
    (tmp_path / "keys").touch(mode=0o600)
    for name, mode in (("ringbook.sqlite3", 0o644), ("broker", 0o755), (".", 0o755)):
        (tmp_path / name).chmod(mode)
    (tmp_path / "link").symlink_to("/etc/hostname")

    assert private.close_to_others(tmp_path) == 3
    assert [rights(tmp_path / name) for name in (".", "ringbook.sqlite3", "broker")] == [0o700, 0o600, 0o700]
    assert private.close_to_others(tmp_path) == 0
    assert private.close_to_others(tmp_path / "not yet") == 0


def test_what_is_not_ours_to_close_stops_the_start(tmp_path, monkeypatch, capfd, settings) -> None:
    settings.DATA_DIR = tmp_path
    (tmp_path / "ringbook.sqlite3").touch()
    (tmp_path / "ringbook.sqlite3").chmod(0o644)

    def refuse(path: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    status, _out, told = ended(capfd, "serve", "--bind", "127.0.0.1:1")
    assert status == 2
    assert told.count("\n") == 1
    assert f"{tmp_path}/ringbook.sqlite3 can be read by others" in told


def test_the_brokers_socket_gets_a_short_folder_of_this_user_alone(tmp_path, monkeypatch) -> None:
    deep = tmp_path / ("d" * 120)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    place = settings_of(deep)["BROKER_SOCKET"]
    assert place.parent == tmp_path / f"ringbook-{os.getuid()}"
    assert rights(place.parent) == 0o700
    (tmp_path / "run").mkdir(mode=0o700)
    assert settings_of(deep, XDG_RUNTIME_DIR=str(tmp_path / "run"))["BROKER_SOCKET"].parent == tmp_path / "run"


@pytest.mark.parametrize("planted", ["wide", "link", "file", "another's"])
def test_a_folder_that_somebody_planted_is_refused(planted, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    place = tmp_path / f"ringbook-{os.getuid()}"
    if planted == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        place.symlink_to(tmp_path / "elsewhere")
    elif planted == "file":
        place.touch(mode=0o600)
    else:
        place.mkdir(mode=0o700)
        place.chmod(0o777 if planted == "wide" else 0o700)
    if planted == "another's":
        uid = os.getuid()
        monkeypatch.setattr(os, "getuid", lambda: uid + 1)
        place.rename(tmp_path / f"ringbook-{uid + 1}")
    with pytest.raises(env.SettingError, match=r"socket|alone"):
        settings_of(tmp_path / ("d" * 120))


def test_links_lead_to_the_port_that_is_served_unless_told(monkeypatch, settings) -> None:
    monkeypatch.delenv("BASE_URL", raising=False)
    monkeypatch.setenv("BASE_URL", "")
    SiteCommand.be_found_at("0.0.0.0:8140")
    assert settings.BASE_URL == os.environ["BASE_URL"] == "http://127.0.0.1:8140"
    monkeypatch.setenv("BASE_URL", "https://ringbook.example")
    settings.BASE_URL = "https://ringbook.example"
    SiteCommand.be_found_at("127.0.0.1:9000")
    assert settings.BASE_URL == "https://ringbook.example"
