"""A program is kept running, and given up on when that no longer helps."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from portal.site import children
from portal.site.children import Child, CrashLoop, Program


def python(source: str) -> Program:
    return Program("sleeper", (sys.executable, "-c", textwrap.dedent(source)))


def wait_until(condition, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_program_that_dies_is_started_again(tmp_path) -> None:
    child = Child(python(f"import os, time; open({str(tmp_path)!r} + f'/{{os.getpid()}}', 'w'); time.sleep(60)"))
    child.start()
    wait_until(lambda: len(list(tmp_path.iterdir())) == 1)
    os.kill(int(next(tmp_path.iterdir()).name), signal.SIGKILL)
    told: list[str] = []

    def tended() -> bool:
        told.append(child.tend())
        return len(list(tmp_path.iterdir())) == 2

    try:
        wait_until(tended)
        assert [news for news in told if news] == ["sleeper ended with status -9 and starts again in 0.5 s."]
    finally:
        child.kill()
    assert not child.running


def test_a_program_that_never_stands_is_given_up_on(monkeypatch) -> None:
    monkeypatch.setattr(children, "LONGEST_PAUSE", 0.0)
    child = Child(python("raise SystemExit(7)"))
    child.start()
    with pytest.raises(CrashLoop, match=r"sleeper ended 6 times in a row \(status 7\); giving up\."):
        wait_until(lambda: bool(child.tend()) and False, seconds=30)


def test_ending_a_program_ends_what_it_started(tmp_path) -> None:
    child = Child(
        python(f"""
            import subprocess, sys
            inner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
            open({str(tmp_path / "pid")!r}, "w").write(str(inner.pid))
            inner.wait()
        """)
    )
    child.start()
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    inner = int((tmp_path / "pid").read_text())
    child.kill()
    wait_until(lambda: not _alive(inner))


def test_children_do_not_outlive_a_supervisor_that_is_killed(tmp_path) -> None:
    supervisor = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(f"""
                import sys, time
                from portal.site.children import Child, Program
                write = "import os, time; open({str(tmp_path / "pid")!r}, 'w').write(str(os.getpid())); time.sleep(60)"
                Child(Program("sleeper", (sys.executable, "-c", write))).start()
                time.sleep(60)
            """),
        ],
    )
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    child = int((tmp_path / "pid").read_text())
    supervisor.kill()
    supervisor.wait()
    wait_until(lambda: not _alive(child))


def _alive(pid: int) -> bool:
    """Whether it runs: one that ended and was not yet waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
