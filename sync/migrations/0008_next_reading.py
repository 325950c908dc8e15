"""When a window that was read whole is to be read again stands in its row, so that what is due is one look-up."""

from datetime import UTC, datetime, timedelta

from django.db import migrations, models

_BATCH = 2_000
_LISTS = {"agents": timedelta(hours=1), "campaigns": timedelta(hours=1), "calls": timedelta(minutes=5)}


def _next(stream, day, read_at):
    """The rhythm as it was when this migration was written."""
    if day is None:
        return read_at + _LISTS.get(stream, timedelta(hours=1))
    settled = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=3)
    if read_at < settled:
        return min(read_at + timedelta(minutes=15), settled)
    for reach, pause in ((7, timedelta(hours=24)), (30, timedelta(days=7))):
        if ((read_at + pause).astimezone(UTC).date() - day).days <= reach:
            return read_at + pause
    return None


def fill(apps, schema_editor):
    window = apps.get_model("sync", "Window")
    whole = window.objects.filter(state__in=["complete", "unreadable"], next_attempt_at=None).exclude(read_at=None).order_by("pk")
    waiting = []
    for row in whole.only("stream", "day", "read_at").iterator(_BATCH):
        row.next_attempt_at = _next(row.stream, row.day, row.read_at)
        if row.next_attempt_at is not None:
            waiting.append(row)
    window.objects.bulk_update(waiting, ["next_attempt_at"], batch_size=_BATCH)


class Migration(migrations.Migration):
    dependencies = [
        ("sync", "0007_states"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
