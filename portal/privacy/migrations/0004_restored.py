from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('privacy', '0003_look_ups'),
    ]

    operations = [
        migrations.AddField(
            model_name='erasure',
            name='restored',
            field=models.BooleanField(default=False, editable=False, verbose_name='restored'),
        ),
    ]
