"""What ``serve`` and ``demo`` have in common: a quick start, and errors in one sentence."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError

from portal.runtime.broker import BrokerError
from portal.runtime.children import CrashLoop
from portal.runtime.supervisor import AddressError
from portal.tenants.command import Command


class SiteCommand(Command):
    requires_system_checks = ()  # `make check` runs them; a start is to be quick

    @contextmanager
    def plain_errors(self) -> Iterator[None]:
        """Status 2 and one sentence for what the administrator can set right, status 1 when a program won't stand."""
        try:
            yield
        except (AddressError, BrokerError, TimeoutError) as error:
            raise CommandError(str(error)) from error
        except CrashLoop as error:
            self.stderr.write(str(error))
            sys.exit(1)
