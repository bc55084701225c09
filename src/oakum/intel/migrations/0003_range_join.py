from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('intel', '0002_feeds_of_every_ecosystem'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='affectedrange',
            name='intel_range_name',
        ),
        migrations.AddIndex(
            model_name='affectedrange',
            index=models.Index(
                fields=['stream', 'name', 'level', 'high_key', 'low_key', 'scheme', 'architectures', 'advisory'],
                name='intel_range_join',
            ),
        ),
        migrations.AddIndex(
            model_name='affectedrange',
            index=models.Index(
                condition=models.Q(('high_key', None)), fields=['stream', 'name'], name='intel_range_open'
            ),
        ),
    ]
