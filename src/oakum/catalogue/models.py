"""Tables of the catalogue.

``PackageVersion`` is global: one row per distinct package version ever seen, matched once whatever the fleet's size.
What hosts *say* about updates (origin, notes) belongs to their organisation: a host of one customer cannot tell
another customer's people anything.
"""

from django.db import models

from oakum.identity.models import Organisation


class PackageVersion(models.Model):
    """A distinct version of a package.

    ``stream`` is the line of versions that may be compared (``debian:12``).  The keys are order-preserving bytes
    (``core.versions``), stamped by ``scheme``; equal keys are equal versions, so the text is kept beside them.
    """

    scheme = models.CharField(max_length=16)  # "deb.1": scheme and revision of the keys
    stream = models.CharField(max_length=60)
    name = models.CharField(max_length=200)
    version = models.CharField(max_length=200)
    architecture = models.CharField(max_length=30)
    source_name = models.CharField(max_length=200)
    source_version = models.CharField(max_length=200)
    order_key = models.BinaryField()
    source_order_key = models.BinaryField()
    purl = models.CharField(max_length=600)
    first_seen_at = models.DateTimeField()

    class Meta:
        """The source is part of the identity: a host that lies about it makes a row of its own."""

        constraints = [
            models.UniqueConstraint(
                fields=["stream", "name", "version", "architecture", "source_name", "source_version"],
                name="catalogue_version_once",
            )
        ]
        indexes = [
            models.Index(fields=["stream", "source_name"], name="catalogue_source"),
            # One short text instead of six columns: how an inventory report finds its rows.  Not unique, because the
            # source is part of a row's identity and no part of a package URL.
            models.Index(fields=["purl"], name="catalogue_purl"),
        ]


class UpdateKind(models.TextChoices):
    """Told apart by ``core.updates.update_kind``: the repository's own Release fields first."""

    SECURITY = "security"
    BUGFIX = "bugfix"
    FEATURE = "feature"


class NotesState(models.TextChoices):
    """Where the release notes of an update stand."""

    WANTED = "wanted"
    ASKED = "asked"
    KNOWN = "known"
    ABSENT = "absent"


class Update(models.Model):
    """A pending update, at the level on which distributions publish them: one source package at one version.

    Its binary packages are the PackageVersions of the same stream, source name and source version.
    """

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE)
    stream = models.CharField(max_length=60)
    source_name = models.CharField(max_length=200)
    source_version = models.CharField(max_length=200)
    source_order_key = models.BinaryField()
    kind = models.CharField(max_length=10, choices=UpdateKind.choices)
    origins = models.JSONField(default=list)  # Origin values as the hosts told them, distinct
    first_seen_at = models.DateTimeField()
    told_by_host_id = models.UUIDField()
    notes_state = models.CharField(max_length=10, choices=NotesState.choices, default=NotesState.WANTED)
    notes_host_id = models.UUIDField(null=True)  # asked of, later told by
    # What that host is asked for: the binary package to read them in, and how far back.
    notes_package_name = models.CharField(max_length=200, blank=True)
    notes_package_version = models.CharField(max_length=200, blank=True)
    notes_architecture = models.CharField(max_length=30, blank=True)
    notes_since_version = models.CharField(max_length=200, blank=True)
    notes_asked_at = models.DateTimeField(null=True)
    notes_attempt_count = models.PositiveSmallIntegerField(default=0)
    notes_at = models.DateTimeField(null=True)
    notes_problem = models.CharField(max_length=500, blank=True)

    class Meta:
        """One row per source version in a stream."""

        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "stream", "source_name", "source_version"], name="catalogue_update_once"
            )
        ]
        indexes = [
            models.Index(fields=["notes_host_id", "notes_state"], name="catalogue_notes_asked"),
            models.Index(fields=["notes_state", "first_seen_at"], name="catalogue_notes_wanted"),
        ]


class ReleaseNote(models.Model):
    """One changelog entry of a source package, as one host read it out of the .deb."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE)
    stream = models.CharField(max_length=60)
    source_name = models.CharField(max_length=200)
    version = models.CharField(max_length=200)
    order_key = models.BinaryField()
    distribution = models.CharField(max_length=120)
    urgency = models.CharField(max_length=20)
    dated = models.CharField(max_length=60)
    text = models.TextField()
    cves = models.JSONField(default=list)
    told_by_host_id = models.UUIDField()
    told_at = models.DateTimeField()

    class Meta:
        """The first word stands: a second host cannot rewrite what the first one told."""

        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "stream", "source_name", "version"], name="catalogue_note_once"
            )
        ]
