"""Troubles as rows, so that whoever has to know is told of each once, and once when it is over."""

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class Episode(models.Model):
    """Something that was wrong from ``began_at`` until it had been well for a while.

    ``well_since`` is when it was first seen well again; a relapse before it counts as over takes that back. Any number
    of sweeps may look at a row: each of its steps is taken by one of them alone.
    """

    began_at = models.DateTimeField(_("began"), null=True)
    opened_at = models.DateTimeField(_("opened"))
    well_since = models.DateTimeField(_("well since"), null=True)
    closed_at = models.DateTimeField(_("closed"), null=True)

    class Meta:
        abstract = True

    def relapse(self) -> None:
        """It is seen wrong still, or again."""
        if self.well_since is not None:
            self._own().exclude(well_since=None).update(well_since=None)

    def recover(self, now: datetime, after: timedelta) -> bool:
        """It is seen well; True to whoever closes it, once it has been for ``after``."""
        if self.well_since is None:
            self._own().update(well_since=now)
            return False
        return now - self.well_since >= after and self.close(now)

    def close(self, now: datetime) -> bool:
        return bool(self._own().update(closed_at=now))

    def _own(self) -> models.QuerySet[Any]:
        return type(self)._default_manager.filter(pk=self.pk, closed_at=None)
