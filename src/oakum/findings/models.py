"""Tables of findings: package version x advisory, and the index of which hosts have a package version.

Which hosts have a finding is a view over both; hosts x findings are never stored.
"""

from django.db import models

from oakum.catalogue.models import PackageVersion
from oakum.identity.models import Organisation
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


class AssessedMark(models.Model):
    """What of the intelligence every stream has been matched with: the generation of each feed, the VEX statements."""

    name = models.CharField(max_length=80, primary_key=True)  # "feed:osv-debian", "vex", "revision"
    mark = models.CharField(max_length=64)


class MatchTarget(models.Model):
    """A name and version under which publishers speak of a package version: one side of the join with their ranges.

    Derived from package versions by ``core.matching``, and made by the assess loop.  A package version may have several
    (its source and itself), or none (a module's package of which nobody told the module).
    """

    package_version = models.ForeignKey(PackageVersion, on_delete=models.CASCADE, db_index=False)
    stream = models.CharField(max_length=60)
    scheme = models.CharField(max_length=16)  # of the key: keys of two schemes never meet
    name = models.CharField(max_length=200)
    level = models.CharField(max_length=8)
    order_key = models.BinaryField()
    architecture = models.CharField(max_length=30, blank=True)  # empty: of every architecture

    class Meta:
        """Once a level and name; joined by stream, name and level, read by package version."""

        constraints = [
            models.UniqueConstraint(fields=["package_version", "level", "name"], name="findings_target_once")
        ]
        indexes = [models.Index(fields=["stream", "name", "package_version"], name="findings_target_name")]


class FindingChange(models.Model):
    """Append-only: of which package versions findings came, changed or went in one transaction.

    It lets whoever keeps findings in memory read again what moved and nothing else.  Only the newest rows are kept.
    """

    at = models.DateTimeField()
    package_versions = models.BinaryField()  # serialised bitmap of PackageVersion ids


class IndexShard(models.Model):
    """One shard of the index: 65,536 ordinals of one organisation's hosts.  Its row's lock is the shard's.

    Readers see ``generation``, 0 until the first one is whole; a rebuild fills the next and switches by this row.
    ``revision`` grows with each transaction that changes what readers see.  The two instants are the hosts' oldest and
    newest inventories when they were last swept, None where no host has reported.
    """

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE)
    number = models.BigIntegerField()
    generation = models.BigIntegerField(default=0)
    generation_next = models.BigIntegerField(default=1)
    revision = models.BigIntegerField(default=0)
    swept_at = models.DateTimeField(null=True)
    inventory_oldest_at = models.DateTimeField(null=True)
    inventory_newest_at = models.DateTimeField(null=True)

    class Meta:
        """One row a shard."""

        constraints = [models.UniqueConstraint(fields=["organisation", "number"], name="findings_shard_once")]


class PackageHosts(models.Model):
    """Which hosts of a shard have a package version.  Derived from the hosts' sets; ``oakum db reindex`` makes it anew.

    In every committed state it is exactly what the ``IndexedHost`` rows of the same generation say.
    """

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, db_index=False)
    shard = models.ForeignKey(IndexShard, on_delete=models.CASCADE, db_index=False)
    generation = models.BigIntegerField()
    package_version_id = models.BigIntegerField()  # no foreign key: derived rows must not hold up the catalogue
    revision = models.BigIntegerField()
    hosts = models.BinaryField()  # serialised bitmap of ordinals

    class Meta:
        """Once a shard and generation; readers ask for what has changed since a revision."""

        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "shard", "generation", "package_version_id"], name="findings_package_hosts_once"
            )
        ]
        indexes = [models.Index(fields=["shard", "generation", "revision"], name="findings_hosts_revision")]


class IndexedHost(models.Model):
    """What the index says of a host: the set that was indexed last, and what else of it readers remember.

    A retired host stays as a row with an empty set, so that readers learn that it left.
    """

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, db_index=False)
    shard = models.ForeignKey(IndexShard, on_delete=models.CASCADE, db_index=False)
    generation = models.BigIntegerField()
    host_id = models.UUIDField()  # no foreign key: derived rows must not hold up the fleet
    ordinal = models.BigIntegerField()
    revision = models.BigIntegerField()
    has_left = models.BooleanField(default=False)
    told = models.TextField()  # what readers remember of the host's row, in one text: compared, never parsed
    package_set = models.BinaryField()
    running_old_set = models.BinaryField()

    class Meta:
        """Once a shard and generation; readers ask for what has changed since a revision."""

        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "shard", "generation", "host_id"], name="findings_indexed_host_once"
            )
        ]
        indexes = [models.Index(fields=["shard", "generation", "revision"], name="findings_indexed_revision")]


class GroupHosts(models.Model):
    """The hosts of a group as one bitmap of ordinals; ``mark`` says of which memberships it was made."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, db_index=False)
    group_id = models.BigIntegerField()
    mark = models.CharField(max_length=60)
    hosts = models.BinaryField()

    class Meta:
        """Once a group."""

        constraints = [models.UniqueConstraint(fields=["organisation", "group_id"], name="findings_group_hosts_once")]
