"""Which tests a run leaves out, in which order the others run, and on which process: by file, the long ones first.

Files come in any order (pytest-randomly's), but their tests together, so what a file or a browser holds is made once.
"""

import gc
from collections import Counter
from typing import Any

import pytest
from django.conf import settings
from xdist.scheduler import LoadScopeScheduling

# One process is busy with each of these for a while: they begin first, so that none is waited for in the end.
LONG = ("tests/browser/", "tests/journeys/test_random_questions.py", "tests/reports/queries/test_ask.py",
        "tests/portal/site/", "tests/journeys/", "tests/faults/")  # fmt: skip
TOGETHER = ("tests/browser/",)  # folders whose files share what takes long to make
TOUCHES = {"db", "transactional_db", "django_db_setup"}
NO_POSTGRESQL = "only PostgreSQL can show"
NO_DATABASE = "touch no database: a run without DATABASE_URL has them"
LOOKS = "judge pages and files that are the same on every database: a run without DATABASE_URL has them"
LEFT_OUT = pytest.StashKey[dict[str, int]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    reasons = {item: why for item in items if (why := reason(item))}
    config.stash[LEFT_OUT] = dict(Counter(reasons.values()))
    if hasattr(config, "workeroutput"):
        config.workeroutput["left_out"] = config.stash[LEFT_OUT]
    config.hook.pytest_deselected(items=list(reasons))
    places: dict[str, int] = {}
    for item in items:
        places.setdefault(company(item.nodeid), len(places))
    items[:] = sorted(
        (item for item in items if item not in reasons),
        key=lambda item: (rank(item.nodeid), places[company(item.nodeid)]),
    )


def reason(item: pytest.Item) -> str:
    """Why a test is left out, not skipped: another run has it. Empty for most."""
    if not settings.POSTGRESQL:
        return NO_POSTGRESQL if item.get_closest_marker("postgresql") else ""
    if item.get_closest_marker("looks"):
        return LOOKS
    touches = item.get_closest_marker("django_db") or TOUCHES & set(getattr(item, "fixturenames", ()))
    return "" if touches else NO_DATABASE


def company(nodeid: str) -> str:
    """What runs on one process, one test after the other."""
    path = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if path.startswith(folder)), path)


def rank(nodeid: str) -> int:
    return next((place for place, begin in enumerate(LONG) if nodeid.startswith(begin)), len(LONG))


class ByCompany(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return company(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByCompany:
    config.option.loadscopereorder = False  # the order is the one above
    return ByCompany(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", {})


def pytest_collection_finish() -> None:
    """What is loaded by now lives as long as the process: no search for garbage looks at it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    said = [f"{count} left out that {why}" for why, count in config.stash.get(LEFT_OUT, {}).items()]
    skipped = Counter(str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", ()))
    said += [f"{count} skipped: {why.removeprefix('Skipped: ')}" for why, count in skipped.items()]
    terminalreporter.write_line("; ".join(said) or "nothing left out, nothing skipped")
