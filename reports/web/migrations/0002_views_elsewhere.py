"""Saved views are kept by reports.saved. Their tables are renamed where they are: rows, policies and keys stay."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("reports_web", "0001_saved_views")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.AlterModelTable("savedview", "reports_saved_savedview"),
                migrations.AlterModelTable("defaultview", "reports_saved_defaultview"),
            ],
            state_operations=[migrations.DeleteModel("DefaultView"), migrations.DeleteModel("SavedView")],
        ),
    ]
