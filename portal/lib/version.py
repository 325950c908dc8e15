"""Ringbook's version: stated in ``pyproject.toml`` alone, for nothing is installed as a package that could be asked."""

import tomllib
from pathlib import Path
from typing import Any

_PROJECT: dict[str, Any] = tomllib.loads(
    (Path(__file__).resolve().parent.parent.parent / "pyproject.toml").read_text(encoding="utf-8")
)["project"]
VERSION: str = _PROJECT["version"]
