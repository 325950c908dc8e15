#!/usr/bin/env python
"""Django's command line, with settings chosen and setting errors told in one sentence."""

import os
import sys

from django.core.management import execute_from_command_line

from portal.env import SettingError


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    try:
        execute_from_command_line(sys.argv)
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
