"""One pass of the sweeper."""

import logging
from collections.abc import Callable
from typing import Any

from django.db import OperationalError
from redis.exceptions import RedisError

from portal.outbox.tasks import sweep_outbox
from portal.site import alarms, watchdog
from portal.site.health import check_database
from portal.tenants.command import DONE, NOT_COMPLETE
from portal.tenants.command import Command as BaseCommand
from reports.files.tasks import sweep_exports
from reports.privacy.erasing import sweep as sweep_erasures
from reports.privacy.retention.nightly import sweep as sweep_retention
from sync.reading.sweep import forget_old_runs, recheck, sweep
from sync.tasks import hint_due

logger = logging.getLogger("ringbook.watchdog")

# Alarms first: the rest may fail because of what they are about. What each returns is counted under its name.
PARTS: dict[str, Callable[[], Any]] = {
    "alarms": alarms.watch,
    "alarms_sent": alarms.deliver_where_nobody_does,
    "ended": sweep,
    "forgotten": forget_old_runs,
    "due": hint_due,
    "mails": sweep_outbox,
    "exports": sweep_exports,
    "erased": sweep_erasures,
    "retained": sweep_retention,
    "rechecked": recheck,
}


class Command(BaseCommand):
    help = (
        "End runs whose process is gone, and hint the workers at what is due: streams to read, mails to send, "
        "files to make. Tells administrators what is wrong, also when the broker or the database is down, and pings "
        "DEAD_MANS_URL when all is well."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            check_database()
        except OperationalError:
            watchdog.report_database_down()
            raise
        watchdog.report_database_up(alarms.readers())
        results, failed = {}, []
        for name, part in PARTS.items():
            try:
                results[name] = part()
            except RedisError as error:  # the alarms say so; a traceback each minute would say no more
                logger.error("The part %r of the sweep needs the broker: %s.", name, type(error).__name__)
                failed.append(name)
            except Exception:  # one part's trouble must not keep the others from their work
                logger.exception("The part %r of the sweep failed.", name)
                failed.append(name)
        if not failed and results["alarms"] == 0:
            watchdog.ping()
        counts = {name: results.get(name, 0) for name in PARTS if name not in ("alarms_sent", "rechecked")}
        if not self._json:
            self.stdout.write(
                "{ended} runs ended, {due} streams due, {mails} mails issued again, {exports} files to be made again, "
                "{forgotten} old runs forgotten, {erased} persons erased, {retained} classes looked through, "
                "{alarms} problems".format(**counts)
            )
        for name in failed:
            self.stderr.write(f"The part {name!r} failed; the log says why.")
        self.finish(NOT_COMPLETE if failed else DONE, {**counts, "failed": failed})
