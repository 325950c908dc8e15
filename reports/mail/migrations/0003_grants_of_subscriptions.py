"""Every subscription gets a grant of its own: those made before saw every environment, as their readers do."""

from typing import Any

from django.db import migrations


def give_grants(apps: Any, schema_editor: Any) -> None:
    subscriptions = apps.get_model("reports_mail", "Subscription")
    grants = apps.get_model("tenants", "Grant")
    for row in subscriptions.objects.filter(grant=None):
        subscriptions.objects.filter(pk=row.pk).update(grant=grants.objects.create(tenant_id=row.tenant_id))


class Migration(migrations.Migration):
    dependencies = [
        ("reports_mail", "0002_subscriptions_of_members"),
    ]

    operations = [migrations.RunPython(give_grants, migrations.RunPython.noop)]
