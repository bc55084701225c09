import django.db.models.deletion
from django.db import migrations, models

# Until now an import made every row of a feed anew, and readers saw those of the feed's own generation.
_END_FORMER = """
UPDATE intel_advisory
   SET generation_end = generation + 1
 WHERE EXISTS (SELECT 1 FROM intel_feed
                WHERE intel_feed.id = intel_advisory.feed_id AND intel_feed.generation > intel_advisory.generation)
"""
# What a killed import filled counts on every row being its own: the next one begins anew and removes it.
_BEGIN_ANEW = "UPDATE intel_feed SET content_hash_next = '', record_count_next = 0, advisory_id_next = 0"


class Migration(migrations.Migration):

    dependencies = [
        ('identity', '0001_initial'),
        ('intel', '0004_vex_statements'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='advisory',
            name='intel_advisory_once',
        ),
        migrations.AddField(
            model_name='advisory',
            name='digest',
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name='advisory',
            name='generation_end',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='advisory',
            name='settled',
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AlterField(
            model_name='advisory',
            name='feed',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, to='intel.feed'),
        ),
        migrations.RunSQL(sql=[_END_FORMER, _BEGIN_ANEW], reverse_sql=migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name='advisory',
            index=models.Index(fields=['feed', 'generation', 'id'], name='intel_advisory_generation'),
        ),
        migrations.AddIndex(
            model_name='advisory',
            index=models.Index(
                condition=models.Q(('generation_end__isnull', False)),
                fields=['feed', 'generation_end'],
                name='intel_advisory_ended',
            ),
        ),
        migrations.AddConstraint(
            model_name='advisory',
            constraint=models.UniqueConstraint(
                condition=models.Q(('organisation', None)),
                fields=('feed', 'ref', 'generation'),
                name='intel_advisory_ref_once',
            ),
        ),
    ]
