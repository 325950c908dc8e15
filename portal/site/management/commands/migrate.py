"""Django's migrate, which waits for locks, tells who holds them, and takes turns with other hosts."""

import time
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as Migrate
from django.db import OperationalError

from portal.database_limits import MIGRATIONS, using
from portal.site.locks import Watch, one_at_a_time
from portal.tenants.database import is_lock

WAITS = 300.0  # seconds for one lock, while each attempt waits briefly: what is behind it in the queue goes on
PAUSE = 1.0


class Command(Migrate):
    def handle(self, *args: Any, **options: Any) -> None:
        with using(MIGRATIONS), Watch(self.stderr.write) as watch, one_at_a_time():
            deadline = time.monotonic() + WAITS
            while True:
                try:
                    super().handle(*args, **options)
                except OperationalError as error:
                    if not is_lock(error):
                        raise
                    if time.monotonic() >= deadline:
                        raise CommandError(self._gave_up(watch.holder)) from error
                    time.sleep(PAUSE)
                else:
                    return

    def _gave_up(self, holder: str) -> str:
        who = holder or "Another process"
        return f"{who} holds a lock that was waited for in vain for {WAITS:.0f} s: end it, then migrate again"
