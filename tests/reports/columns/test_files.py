"""Files that are gone or damaged, disks that fill, storage that is away: no figure is wrong or silently low."""

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from portal.tenants import wall
from reports.columns import files, proof, refresh, sources, spill, sweep
from reports.columns.models import ColumnFile, ColumnLedger
from reports.columns.tasks import mend_one, sweep_columns
from sync.models.calls import Call
from sync.models.changes import DirtyDay
from tests import factories
from tests.reports.columns.conftest import assert_right, change, forget_live, mirrored, read

pytestmark = pytest.mark.django_db

MAY, JUNE, TODAY = date(2026, 5, 3), date(2026, 6, 11), date(2026, 7, 20)


def fill(environment, seconds: int = 10) -> None:
    with wall.tenant(environment.tenant), factories.at_once():
        for day in (MAY, JUNE, TODAY):
            at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
            factories.call(environment, f"{day}", started_at=at, seconds=seconds + day.day)


def settle(environment) -> None:
    with wall.tenant(environment.tenant):
        refresh.refresh(environment)


def path_of(environment, day: date) -> Path:
    with wall.tenant(environment.tenant):
        row = ColumnFile.objects.get(
            environment=environment, first_day__lte=day, last_day__gte=day, retired_at__isnull=True
        )
        return files.root() / row.name


@pytest.fixture
def filled(sales, care, foreign):
    for place, environment in enumerate((sales, care, foreign)):
        fill(environment, 100 * place)
        settle(environment)
    return sales


def gone(path: Path, *_others: Path) -> None:
    path.unlink()


def truncated(path: Path, *_others: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def flipped(path: Path, *_others: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def of_another_environment(path: Path, sibling: Path, _theirs: Path) -> None:
    shutil.copy(sibling, path)


def of_another_tenant(path: Path, _sibling: Path, theirs: Path) -> None:
    shutil.copy(theirs, path)


FAULTS = (gone, truncated, flipped, of_another_environment, of_another_tenant)


@pytest.fixture(params=FAULTS, ids=lambda fault: fault.__name__)
def broken(request, filled, care, foreign):
    """Sales, whose file of May is not what its row says."""
    with wall.tenant(filled.tenant):
        assert_right(filled)  # so that this process has looked through the file when it was whole
    request.param(path_of(filled, MAY), path_of(care, MAY), path_of(foreign, MAY))
    return filled


def test_a_broken_file_is_never_read(broken, monkeypatch):
    with wall.tenant(broken.tenant):
        assert_right(broken)
        forget_live()
        monkeypatch.setattr(sources, "MOST_LIVE", 0)
        calls, missing = read(broken)
        assert calls == mirrored(broken)[1:]
        assert [(each.first, each.last, each.as_of) for each in missing] == [
            (date(2026, 5, 1), date(2026, 5, 31), None)
        ]


def test_what_a_process_remembers_of_files_is_bounded_and_of_files_there(filled, monkeypatch):
    monkeypatch.setattr(files, "_verified", {})
    with wall.tenant(filled.tenant):
        assert_right(filled)
        may, june, today = (path_of(filled, day) for day in (MAY, JUNE, TODAY))
        assert set(files._verified) == {may, june, today}
        june.unlink()
        assert_right(filled)
        assert set(files._verified) == {may, today}
        files.remove(ColumnFile.objects.get(environment=filled, first_day=TODAY))
        assert set(files._verified) == {may}
        sweep.mend(filled)
        refresh.refresh(filled)
        monkeypatch.setattr(files, "_MOST_VERIFIED", 2)
        assert_right(filled)
        assert set(files._verified) == {june, today}, "those read last"


def test_a_check_names_damage_and_has_it_made_again_at_once(broken, capsys):
    """Files are looked through once a day: until then a check may be all that notices."""
    name = str(path_of(broken, MAY).relative_to(files.root()))
    with wall.tenant(broken.tenant):
        ColumnLedger.objects.update(checked_at=timezone.now())
    with pytest.raises(SystemExit) as ended:
        call_command("check_columns", "--json")
    assert ended.value.code == 3
    told = json.loads(capsys.readouterr().out)
    assert [(each["environment"], each["file"]) for each in told["differences"]] == [(str(broken.public_id), name)]
    settle(broken)
    with wall.tenant(broken.tenant):
        forget_live()
        assert_right(broken)
    call_command("check_columns", "--json")
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["status"] == "equal"


def test_a_reader_who_finds_damage_names_it_and_has_it_made_again(broken, caplog, monkeypatch):
    hinted: list[tuple[int, ...]] = []
    monkeypatch.setattr("reports.columns.tasks.mend_one.apply_async", lambda ids, **_: hinted.append(ids))
    monkeypatch.setattr(proof, "_reported", {})
    name = str(path_of(broken, MAY).relative_to(files.root()))
    with wall.tenant(broken.tenant):
        ColumnLedger.objects.update(checked_at=timezone.now())
        assert_right(broken)
        assert_right(broken)
    assert hinted == [(broken.tenant_id, broken.pk)]
    assert caplog.text.count(f"column file {name} is missing, damaged or another one") == 1
    mend_one(*hinted[0])
    settle(broken)
    with wall.tenant(broken.tenant):
        assert files.is_there(
            ColumnFile.objects.get(environment=broken, first_day__lte=MAY, last_day__gte=MAY, retired_at=None)
        )


def test_the_sweeper_mends_it(broken, capsys):
    with wall.tenant(broken.tenant):
        ColumnLedger.objects.update(checked_at=None)
    assert sweep_columns() == 1
    with wall.tenant(broken.tenant):
        assert_right(broken)
    settle(broken)
    with wall.tenant(broken.tenant):
        assert not DirtyDay.objects.exists()
        assert_right(broken)
    call_command("check_columns")
    assert "equal" in capsys.readouterr().out


@pytest.mark.parametrize("fields", [{"duration_ms": 1}, {"missing_since": datetime(2026, 7, 19, tzinfo=UTC)}])
def test_the_check_names_a_day_that_differs(filled, capsys, fields):
    with wall.tenant(filled.tenant):
        Call.objects.filter(environment=filled, started_at__date=JUNE).update(**fields)
    with pytest.raises(SystemExit) as ended:
        call_command("check_columns", "--json")
    assert ended.value.code == 3
    (told,) = json.loads(capsys.readouterr().out)["differences"]
    assert (told["day"], told["file"], told["mirror"], told["files"]) == ("2026-06-11", None, 1, 1)
    settle(filled)  # the check has it made again
    call_command("check_columns")
    assert "equal" in capsys.readouterr().out


def test_a_rebuild_that_lost_its_claim_says_so_and_goes_on_with_the_others(filled, care, monkeypatch, capsys):
    """As where the machine slept for so long that another process took over."""
    replaced = refresh._replace

    def replace(work, *args, **fields):
        if work.environment.pk == filled.pk:
            ColumnLedger.objects.filter(pk=work.ledger.pk).update(claims=work.ledger.claims + 1)
        replaced(work, *args, **fields)

    monkeypatch.setattr(refresh, "_replace", replace)
    with pytest.raises(SystemExit) as ended:
        call_command("rebuild_columns", "--json")
    assert ended.value.code == 3
    said = capsys.readouterr()
    assert json.loads(said.out)["days"] > 0  # of the others
    assert said.err == "acme · Sales: not all was made, as another process took over. Run it again.\n"


def test_a_changed_day_of_too_many_calls_is_told_with_its_time(filled, monkeypatch):
    with wall.tenant(filled.tenant):
        Call.objects.filter(environment=filled, started_at__date=JUNE).update(duration_ms=1)
        change(filled, JUNE)
        monkeypatch.setattr(sources, "MOST_LIVE", 0)
        made = ColumnFile.objects.get(environment=filled, first_day=date(2026, 6, 1)).made_at
        calls, missing = read(filled)
        assert len(calls) == 3
        assert [(each.first, each.last, each.as_of) for each in missing] == [(JUNE, JUNE, made)]


def test_only_the_owner_reads_files(filled, folder):
    assert_modes(folder)
    with wall.tenant(filled.tenant):
        change(filled, JUNE)
        assert_right(filled)  # leaves the day as the mirror has it beside
    assert_modes(folder)


def assert_modes(folder: Path) -> None:
    seen = 0
    for path in (folder, *folder.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
        seen += 1
    assert seen > 10


def full(*_args: object, **_fields: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("where", ["put", "copy_out"])
def test_a_full_disk_leaves_nothing_half_done(filled, folder, monkeypatch, where):
    with wall.tenant(filled.tenant):
        Call.objects.filter(environment=filled, started_at__date=JUNE).update(duration_ms=1)
        change(filled, JUNE)
        before = sorted(folder.rglob("*"))
        with monkeypatch.context() as patch:
            if where == "put":
                patch.setattr(files.os, "fsync", full)
            else:
                patch.setattr("reports.columns.build.copy_out", full)
            with pytest.raises(OSError, match="space"):
                refresh.refresh(filled)
            assert sorted(folder.rglob("*")) == before
            calls, missing = read(filled)
            if where == "put":
                assert_right(filled)
            else:  # not even the day can be counted for readers: it is shown as it was, and said so
                assert len(calls) == 3
                assert [(each.first, each.as_of is not None) for each in missing] == [(JUNE, True)]
        assert refresh.refresh(filled) == 1
        assert_right(filled)


def test_what_a_killed_process_left_beside_is_removed_when_it_is_old(filled):
    beside, own = files.beside(), Path(spill.folder())
    left = [beside / "draft.parquet", beside / "draft.csv", beside / "spill-of-the-dead" / "duckdb_temp_7_0.tmp"]
    young = [beside / "young.csv", beside / "spill-young" / "duckdb_temp_7_0.tmp"]
    for path in (*left, *young):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"+5511987654321")
    assert own.is_dir()
    for path in (*left, left[-1].parent, own):
        os.utime(path, (0, 0))
    sweep_columns()
    assert not any(path.exists() for path in (*left, left[-1].parent))
    assert all(path.exists() for path in (*young, own)), "that of a living process is kept, however old"


def test_two_processes_never_share_a_folder_and_one_that_was_killed_leaves_it_free(filled, folder):
    """Not even where both have the same number, as in two containers on one disk."""
    own = spill.folder()
    script = (
        "import os, django; django.setup(); from reports.columns import spill;"
        f"os.getpid = lambda: {os.getpid()}; print(spill.folder(), flush=True); input()"
    )
    environment = os.environ | {"DATA_DIR": str(folder.parent), "DJANGO_SETTINGS_MODULE": "portal.settings"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script], env=environment, text=True, **pipes) as other:
        theirs = Path(other.stdout.readline().strip())
        try:
            assert theirs.parent == Path(own).parent
            assert str(theirs) != own
            os.utime(theirs, (0, 0))
            assert spill.sweep() == 0
        finally:
            other.kill()
    assert spill.sweep() == 1
    assert not theirs.exists()


def test_a_file_without_a_row_is_removed_when_it_is_old(filled, folder):
    """As of a process that died after its file was put in place: of calls that changed since, it would never go."""
    orphan, young = (path_of(filled, MAY).with_name(f"2026-05-{word}.parquet") for word in ("old", "young"))
    for path in (orphan, young):
        path.write_bytes(b"PAR1")
    os.utime(orphan, (0, 0))
    known = [folder / row.name for row in files_of(filled)]
    for path in known:
        os.utime(path, (0, 0))
    with wall.tenant(filled.tenant):
        sweep.forget_retired()
    assert not orphan.exists()
    assert all(path.exists() for path in (young, *known))


def files_of(environment) -> list[ColumnFile]:
    with wall.tenant(environment.tenant):
        return list(ColumnFile.objects.filter(environment_id=environment.pk))
