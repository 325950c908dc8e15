"""What ``serve`` and ``demo`` have in common: a quick start, and errors in one sentence."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

from portal import dotenv, env, private
from portal.site.broker import BrokerError
from portal.site.children import CrashLoop
from portal.site.supervisor import AddressError
from portal.tenants.command import Command


class SiteCommand(Command):
    requires_system_checks = ()  # `make check` runs them; a start is to be quick

    @staticmethod
    def be_found_at(bind: str) -> None:
        """Where BASE_URL is not set, links lead to the port that is served, from every program started from here."""
        if not env.text("BASE_URL"):
            os.environ["BASE_URL"] = settings.BASE_URL = f"http://127.0.0.1:{bind.rpartition(':')[2]}"
            settings.CSRF_TRUSTED_ORIGINS = [settings.BASE_URL]

    @contextmanager
    def plain_errors(self) -> Iterator[None]:
        """Status 2 and one sentence for what the administrator can set right, status 1 when a program won't stand."""
        _demand_writable(settings.DATA_DIR)
        for sentence in dotenv.misspelled():  # system checks say it elsewhere
            self.stderr.write(sentence)
        try:
            if tightened := private.close_to_others(settings.DATA_DIR):
                self.stderr.write(f"Others could read in {settings.DATA_DIR}; now they cannot ({tightened} changed).")
        except private.Open as error:
            raise CommandError(str(error)) from error
        try:
            yield
        except (AddressError, BrokerError, TimeoutError) as error:
            raise CommandError(str(error)) from error
        except CrashLoop as error:
            self.stderr.write(str(error))
            sys.exit(1)


def _demand_writable(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise CommandError(f"DATA_DIR cannot be written: {folder} ({error.strerror}).") from error
