"""Until now members alone were told: they stand on the list as those whom the alert's maker put there."""

from typing import Any

from django.db import migrations

from portal.lib.ids import uuid7


def fill(apps: Any, schema_editor: Any) -> None:
    using = schema_editor.connection.alias
    watchers = apps.get_model("reports_alerts", "Watcher").objects.using(using)
    for row in watchers.select_related("user", "alert").iterator(500):
        alert = row.alert
        watchers.filter(pk=row.pk).update(
            public_id=uuid7(),
            email=row.user.email.lower(),
            name=row.user.name,
            as_member=True,
            created_at=alert.created_at,
            confirmed_at=alert.created_at,
            added_as="key" if alert.key_id else "member" if alert.creator_id else "console",
            added_by_id=alert.creator_id,
            added_key_id=alert.key_id,
        )
        notices = apps.get_model("reports_alerts", "AlertNotice").objects.using(using)
        told = notices.filter(tenant_id=row.tenant_id, event__alert_id=alert.pk, user_id=row.user_id)
        told.exclude(event__kind="test").update(watcher_id=row.pk)


class Migration(migrations.Migration):
    dependencies = [("reports_alerts", "0002_readers_of_alerts")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop, elidable=True)]
