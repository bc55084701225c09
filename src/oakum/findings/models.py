"""Tables of findings: package version x advisory.  Which hosts have one is a view over their package sets."""

from django.db import models

from oakum.catalogue.models import PackageVersion
from oakum.intel.models import Advisory


class Finding(models.Model):
    """An advisory that applies to a package version, with its evidence.

    ``since`` survives a new feed generation that still says the same.  ``advisory_ref`` and ``feed_name`` are kept
    because the advisory's row changes with the generation.  ``organisation_id`` is a plain copy of the advisory's
    owner: None when the feed is for all.
    """

    organisation_id = models.UUIDField(null=True, db_index=True)
    package_version = models.ForeignKey(PackageVersion, on_delete=models.CASCADE)
    advisory = models.ForeignKey(Advisory, on_delete=models.CASCADE)
    feed_name = models.CharField(max_length=60)
    advisory_ref = models.CharField(max_length=200)
    state = models.CharField(max_length=24)  # affected, end_of_life, will_not_fix ...
    state_author = models.CharField(max_length=200, blank=True)  # who said so, where a VEX statement changed the state
    fixed_version = models.CharField(max_length=200, blank=True)
    evidence = models.CharField(max_length=500)  # the comparison that held, in words
    since = models.DateTimeField()

    class Meta:
        """One finding per package version, feed, owner and advisory.

        Two constraints and not one with NULLS NOT DISTINCT, which SQLite does not have and Django then leaves out.
        """

        constraints = [
            models.UniqueConstraint(
                fields=["package_version", "feed_name", "advisory_ref"],
                condition=models.Q(organisation_id=None),
                name="findings_once",
            ),
            models.UniqueConstraint(
                fields=["package_version", "feed_name", "organisation_id", "advisory_ref"],
                condition=models.Q(organisation_id__isnull=False),
                name="findings_own_once",
            ),
        ]
        indexes = [models.Index(fields=["advisory"], name="findings_advisory")]


class Assessed(models.Model):
    """What the assess loop has matched already, per stream: it matches again when either side has moved.

    The count stands beside the highest id because ids are committed out of order: where the count of higher ids does
    not explain the whole growth, a lower one came late and the stream is matched anew.
    """

    stream = models.CharField(max_length=60, primary_key=True)
    package_version_id_max = models.BigIntegerField(default=0)
    package_version_count = models.BigIntegerField(default=0)
    intel_mark = models.CharField(max_length=64, blank=True)
    # The newest advisory from hosts' notes that was taken in: later ones are matched by themselves.
    host_notes_at = models.DateTimeField(null=True)
    at = models.DateTimeField(null=True)
