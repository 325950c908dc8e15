"""Breaks the product on purpose, a line at a time, and looks whether its tests notice: ``make sabotage``.

``sabotage.toml`` names each line, what stands there instead, and the tests that have to fail then. All is done to
copies of the tree. First the named tests have to pass as they are. The exit status is 1 unless every sabotage is
noticed; one whose line is no longer there wants another line, or to go.

    python -m tests.sabotage [WORD ...]    # those whose file or reason holds one of the words; all by default
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.walls.tree import ROOT, tracked

SURVIVED, GONE, UNTRIED, NOTICED = "SURVIVED", "its line is not there", "its tests did not run", "noticed"
OUTSIDE = ("DATABASE_URL", "REDIS_URL", "DATA_DIR")  # a copy is tried on SQLite, in a folder of its own


@dataclass(frozen=True, slots=True)
class Sabotage:
    """``old`` stands once in ``file``; ``why`` says what a user would suffer."""

    why: str
    file: str
    old: str
    new: str
    tests: list[str]


def listed(words: list[str]) -> list[Sabotage]:
    found = tomllib.loads((ROOT / "tests" / "sabotage.toml").read_text(encoding="utf-8"))["sabotage"]
    every = [Sabotage(**each) for each in found]
    return [each for each in every if not words or any(word in f"{each.file} {each.why}" for word in words)]


def lay_out(folder: Path) -> Path:
    """A copy of the tree's files; whoever works in it writes nowhere else."""
    for path in tracked():
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    return folder


def ended(tree: Path, tests: set[str]) -> int:
    """pytest's own status: 0 all passed, 1 some failed, anything else is no answer."""
    given = {name: value for name, value in os.environ.items() if name not in OUTSIDE}
    pytest = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:randomly", "-p", "no:cacheprovider"]
    return subprocess.run([*pytest, *sorted(tests)], cwd=tree, env=given, capture_output=True, check=False).returncode


def try_one(tree: Path, sabotage: Sabotage) -> str:
    place = tree / sabotage.file
    source = place.read_text(encoding="utf-8") if place.is_file() else ""
    if source.count(sabotage.old) != 1:
        return GONE
    try:
        place.write_text(source.replace(sabotage.old, sabotage.new), encoding="utf-8")
        return {0: SURVIVED, 1: NOTICED}.get(ended(tree, set(sabotage.tests)), UNTRIED)
    finally:
        place.write_text(source, encoding="utf-8")


def main(words: list[str]) -> int:
    chosen = listed(words)
    found: list[str] = []
    with tempfile.TemporaryDirectory(prefix="ringbook-sabotage-") as folder:
        hands = os.cpu_count() or 1
        trees = [lay_out(Path(folder) / str(hand)) for hand in range(hands)]
        if ended(trees[0], {test for each in chosen for test in each.tests}):
            print("The tests fail as they are; mend them first.")
            return 1

        def work(hand: int) -> None:
            for sabotage in chosen[hand::hands]:
                end = try_one(trees[hand], sabotage)
                found.append(end)
                print(f"{end:22} {sabotage.file}: {sabotage.why}", flush=True)

        with ThreadPoolExecutor(hands) as workers:
            list(workers.map(work, range(hands)))
    counts = ", ".join(f"{found.count(end)} {end}" for end in (NOTICED, SURVIVED, GONE, UNTRIED))
    print(f"Of {len(found)} sabotages: {counts}.")
    return 0 if found.count(NOTICED) == len(chosen) > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
