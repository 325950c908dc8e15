from django.db import migrations, models

from portal.indexes import AddIndexOnline


class Migration(migrations.Migration):
    """For the last runs of each stream (``sync.standing``), and for what is due (``sync.reading.due``)."""

    atomic = False

    dependencies = [
        ("sync", "0009_clock"),
    ]

    operations = [
        AddIndexOnline(model_name="run", index=models.Index(fields=["started_at"], name="sync_run_started")),
        AddIndexOnline(model_name="window", index=models.Index(fields=["next_attempt_at"], name="sync_window_next")),
        AddIndexOnline(model_name="window", index=models.Index(fields=["read_at"], name="sync_window_read")),
        AddIndexOnline(
            model_name="run",
            index=models.Index(fields=["environment", "stream", "started_at"], name="sync_run_of_stream"),
        ),
    ]
