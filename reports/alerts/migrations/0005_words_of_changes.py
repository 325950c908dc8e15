from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reports_alerts", "0004_one_place_for_an_address")]

    operations = [
        migrations.AlterField(
            model_name="alert",
            name="when",
            field=models.CharField(
                choices=[
                    ("above", "is above"),
                    ("below", "is below"),
                    ("change_above", "rises by more than"),
                    ("change_below", "falls by more than"),
                    ("no_calls", "no calls in office hours"),
                    ("stale", "data are old"),
                    ("gap", "data have a gap"),
                    ("rejected", "the vendor refuses the token"),
                ],
                default="below",
                max_length=20,
                verbose_name="when",
            ),
        ),
    ]
