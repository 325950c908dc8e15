"""The repository as the walls' tests see it: the files that belong to it, and where the code is."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("portal", "reports", "sync")
PASSED_OVER = {".git", ".venv", ".uv", "data", "staticfiles", "node_modules", "results"}


def tracked() -> list[Path]:
    """Every file under version control, or in an unpacked archive every file there is but the made ones."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        paths = [ROOT / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
        return sorted(path for path in paths if path.is_file())
    return sorted(_walked(ROOT))


def _walked(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir():
            if path.name not in PASSED_OVER and not path.name.endswith("_cache"):
                yield from _walked(path)
        elif path.suffix not in {".pyc", ".pyo"}:
            yield path


def modules() -> list[Path]:
    """The product's own Python files, migrations left out."""
    return [
        path
        for path in tracked()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in PACKAGES and "migrations" not in path.parts
    ]
