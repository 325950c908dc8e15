"""Nothing that belongs to one machine or one account is in the repository."""

import re

import pytest

from tests.walls.tree import ROOT, tracked

PLACES = re.compile(rb"(?<![\w.<>-])/(?:home|Users|root|work|mnt)/[a-z][\w.-]*/")
TOKENS = re.compile(rb"talq_[A-Za-z0-9]{24,}|ring_[A-Za-z0-9_-]{40}|ghp_[A-Za-z0-9]{36}|AKIA[0-9A-Z]{16}")
KEYS = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")
REGISTRIES = re.compile(rb"--(?:extra-)?index-url[ =]|--find-links[ =]|\[\[tool\.uv\.index\]\]")

TEXT = [path for path in tracked() if path.suffix not in {".mo", ".png", ".ico", ".woff2", ".ttf", ".gz"}]


@pytest.mark.parametrize("pattern", [PLACES, TOKENS, KEYS, REGISTRIES], ids=["places", "tokens", "keys", "registries"])
def test_files_hold_no_secret_and_no_place(pattern) -> None:
    found = {
        f"{path.relative_to(ROOT)}: {match[0].decode(errors='replace')}"
        for path in TEXT
        if path.name != "test_secrets.py"
        for match in pattern.finditer(path.read_bytes())
    }
    assert found == set()


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_file_names_packages_and_hashes_only(name: str) -> None:
    lock = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in lock
    packages = re.findall(r"^[a-z0-9][\w.-]*==", lock, re.MULTILINE | re.IGNORECASE)
    hashed = re.findall(r"^[a-z0-9][^\n]*\\\n {4}--hash=sha256:[0-9a-f]{64}", lock, re.MULTILINE | re.IGNORECASE)
    assert packages
    assert len(hashed) == len(packages)
