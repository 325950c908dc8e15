"""The folder in which a run writes, and nowhere else.

Loaded by pytest's options: pytest-django reads the settings before any conftest.py is looked at.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

FOLDER = Path(tempfile.mkdtemp(prefix="ringbook-test-"))
os.environ["DATA_DIR"] = str(FOLDER)
os.environ.setdefault("UPSTREAM_ALLOW_PRIVATE", "true")  # the sandboxes live on loopback
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
