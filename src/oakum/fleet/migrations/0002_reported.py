"""When each host's report was stored last, so that whoever looks for changes need not look at every check-in."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Empty for the hosts that are there: they are compared one by one at the start anyway."""

    dependencies = [("fleet", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="host",
            name="reported_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="host",
            index=models.Index(fields=["organisation", "reported_at"], name="fleet_host_reported"),
        ),
    ]
