from django.db import migrations, models

import portal.lib.ids


class Migration(migrations.Migration):
    dependencies = [("reports_alerts", "0003_members_on_the_list")]

    operations = [
        migrations.AlterField(
            model_name="watcher",
            name="public_id",
            field=models.UUIDField(default=portal.lib.ids.uuid7, editable=False),
        ),
        migrations.AddConstraint(
            model_name="watcher",
            constraint=models.UniqueConstraint(fields=("tenant", "public_id"), name="reports_alerts_watcher_public_id"),
        ),
        migrations.AddConstraint(
            model_name="watcher",
            constraint=models.UniqueConstraint(fields=("tenant", "alert", "email"), name="reports_alerts_watcher_email"),
        ),
    ]
