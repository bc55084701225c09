"""Indexes that do not change with every check-in: when a host reported last, and the day on which it was seen last."""

from datetime import date

from django.db import migrations, models


class Migration(migrations.Migration):
    """Empty for the hosts that are there: they are compared one by one at the start, and tell their day soon."""

    dependencies = [("fleet", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="host",
            name="reported_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="host",
            name="seen_on",
            field=models.DateField(default=date(1, 1, 1)),
        ),
        migrations.RemoveIndex(model_name="host", name="fleet_host_seen"),
        migrations.AddIndex(
            model_name="host",
            index=models.Index(fields=["organisation", "seen_on"], name="fleet_host_seen_on"),
        ),
        migrations.AddIndex(
            model_name="host",
            index=models.Index(fields=["organisation", "reported_at"], name="fleet_host_reported"),
        ),
    ]
