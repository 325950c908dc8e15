"""Which browser the tests look with."""

import shutil

# The shell draws the same pages without the windows around them, for two thirds of the processor time.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def installed() -> str:
    """The path of a browser, or nothing."""
    return next(filter(None, map(shutil.which, BROWSERS)), "")
