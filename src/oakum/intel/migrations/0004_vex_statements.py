# VexStatement is made anew: no version of Oakum has written one, so there is nothing to carry over.

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("identity", "0001_initial"),
        ("intel", "0003_range_join"),
    ]

    operations = [
        migrations.DeleteModel(name="VexStatement"),
        migrations.CreateModel(
            name="VexStatement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("generation", models.BigIntegerField()),
                ("digest", models.CharField(max_length=64)),
                ("document", models.CharField(max_length=300)),
                ("author", models.CharField(max_length=200)),
                ("vulnerability", models.CharField(db_index=True, max_length=60)),
                ("aliases", models.JSONField(default=list)),
                ("stream", models.CharField(max_length=60)),
                ("name", models.CharField(max_length=200)),
                ("level", models.CharField(max_length=8)),
                ("architecture", models.CharField(blank=True, max_length=30)),
                ("product", models.CharField(blank=True, max_length=300)),
                ("versions", models.CharField(blank=True, max_length=500)),
                ("status", models.CharField(max_length=24)),
                ("justification", models.CharField(blank=True, max_length=60)),
                ("statement", models.CharField(blank=True, max_length=1000)),
                ("said_at", models.DateTimeField(null=True)),
                ("feed", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="intel.feed")),
                (
                    "organisation",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, to="identity.organisation"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["stream", "name"], name="intel_vex_name")],
                "constraints": [
                    models.UniqueConstraint(fields=("feed", "generation", "digest"), name="intel_vex_once")
                ],
            },
        ),
    ]
