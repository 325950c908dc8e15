import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.utils import timezone


class Migration(migrations.Migration):
    dependencies = [
        ("reports_alerts", "0001_alerts"),
        ("tenants", "0008_brand"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="alertnotice", name="reports_alerts_notice_once"),
        migrations.RemoveConstraint(model_name="watcher", name="reports_alerts_watcher_user"),
        migrations.AddField(
            model_name="alertnotice",
            name="watcher",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name="notices", to="reports_alerts.watcher"),
        ),
        migrations.AddField(
            model_name="watcher",
            name="added_as",
            field=models.CharField(choices=[("member", "a member"), ("key", "an API key"), ("console", "an administrator")], default="console", max_length=10, verbose_name="added by"),
        ),
        migrations.AddField(
            model_name="watcher",
            name="added_by",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL, verbose_name="by member"),
        ),
        migrations.AddField(
            model_name="watcher",
            name="added_key",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="tenants.apikey", verbose_name="by API key"),
        ),
        migrations.AddField(
            model_name="watcher",
            name="as_member",
            field=models.BooleanField(default=False, verbose_name="as member"),
        ),
        migrations.AddField(
            model_name="watcher",
            name="confirmed_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="confirmed"),
        ),
        migrations.AddField(
            model_name="watcher",
            name="created_at",
            field=models.DateTimeField(auto_now_add=True, default=timezone.now, verbose_name="created"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="watcher",
            name="email",
            field=models.EmailField(default="", max_length=254, verbose_name="e-mail address"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="watcher",
            name="grant",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="tenants.grant", verbose_name="what may be seen"),
        ),
        migrations.AddField(
            model_name="watcher",
            name="language",
            field=models.CharField(blank=True, choices=[("en", "English"), ("pt-br", "Brazilian Portuguese")], default="", max_length=10, verbose_name="language"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="watcher",
            name="left_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="left"),
        ),
        migrations.AddField(
            model_name="watcher",
            name="name",
            field=models.CharField(blank=True, default="", max_length=120, verbose_name="name"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="watcher",
            name="public_id",
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="watcher",
            name="removed_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="removed"),
        ),
        migrations.AlterField(
            model_name="alertnotice",
            name="user",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name="watcher",
            name="user",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL, verbose_name="user"),
        ),
    ]
