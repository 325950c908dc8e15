"""Django's migrate, which waits for locks, tells who holds them, and takes turns with other hosts."""

import time
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as Migrate
from django.db import OperationalError, transaction

from portal.database_limits import MIGRATIONS, using
from portal.site.locks import Watch, one_at_a_time
from portal.tenants import roles
from portal.tenants.database import is_lock
from portal.tenants.row_security import as_owner

WAITS = 300.0  # seconds for one lock, while each attempt waits briefly: what is behind it in the queue goes on
PAUSE = 1.0


class Command(Migrate):
    def handle(self, *args: Any, **options: Any) -> None:
        with as_owner(), using(MIGRATIONS), Watch(self.stderr.write) as watch, one_at_a_time():
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
                    self._secure()
                    return

    def _secure(self) -> None:
        """New tables get their policies with them. Until somebody has made the roles, there is nobody to hold."""
        if settings.DATABASE_OWNER and roles.roles_stand():
            with transaction.atomic():
                roles.secure()

    def _gave_up(self, holder: str) -> str:
        who = holder or "Another process"
        return f"{who} holds a lock that was waited for in vain for {WAITS:.0f} s: end it, then migrate again"
