from django.db import migrations


class Migration(migrations.Migration):
    """Vanished calls are subtracted nowhere any more: column files know of each call whether it is there."""

    dependencies = [
        ("sync", "0010_indexes"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="call", name="sync_call_missing"),
    ]
