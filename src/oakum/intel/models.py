"""Tables of intelligence.

A feed's import fills a new generation in chunks and then switches by one row, so that a cut import changes nothing.
An advisory of which the new generation says the same keeps its row, and with it whatever points there.
"""

from django.db import models
from django.db.models import F, Q

from oakum.identity.models import Organisation


class Feed(models.Model):
    """A source of advisories or of risk data, and the state of its last import."""

    name = models.CharField(max_length=60, unique=True)  # "osv-debian", "kev", "host-notes"
    kind = models.CharField(max_length=20)  # importer: "osv", "kev", "host"
    url = models.CharField(max_length=500, blank=True)
    etag = models.CharField(max_length=200, blank=True)
    generation = models.BigIntegerField(default=0)  # the one that readers see
    generation_next = models.BigIntegerField(default=0)  # the one that an import fills
    record_count = models.BigIntegerField(default=0)
    imported_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=500, blank=True)
    # EPSS: which model made the scores, and of which day they are.
    model_version = models.CharField(max_length=40, blank=True)
    scored_on = models.DateField(null=True)
    # What the last whole import read: the SHA-256 of the content, kept under that name in the data directory where
    # ``content_name`` says what the file was called, and the Oakum that read it (another one may read more).
    content_hash = models.CharField(max_length=64, blank=True)
    content_name = models.CharField(max_length=200, blank=True)
    stream = models.CharField(max_length=60, blank=True)  # told by a person where the format does not tell it
    read_by = models.CharField(max_length=20, blank=True)
    # How far the import that fills ``generation_next`` is: an import of the same content goes on from here.
    content_hash_next = models.CharField(max_length=64, blank=True)
    record_count_next = models.BigIntegerField(default=0)
    advisory_id_next = models.BigIntegerField(default=0)  # rows above it were written after the last mark
    import_token = models.CharField(max_length=32, blank=True)  # of the import that may write; another one took over


def stands(path: str = "") -> Q:
    """Return the condition that an advisory is of the generation that readers see.

    ``path`` leads to the advisory, with its two underscores ("advisory__").  Withdrawn advisories stand too.
    """
    now = F(f"{path}feed__generation")
    is_open = Q(**{f"{path}generation_end": None}) | Q(**{f"{path}generation_end__gt": now})
    return Q(**{f"{path}generation__lte": now}) & is_open


class Advisory(models.Model):
    """A publisher's notice.

    ``organisation`` is set for what a host of that organisation told us (release notes), None for imported feeds.

    A row stands in the generations from ``generation`` up to, and without, ``generation_end`` (None: it stands still),
    and what it and its ranges say never changes in between: a notice that says something else is another row.
    """

    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, db_index=False)
    generation = models.BigIntegerField()
    generation_end = models.BigIntegerField(null=True)
    organisation = models.ForeignKey(Organisation, null=True, on_delete=models.CASCADE)
    ref = models.CharField(max_length=200)  # "DSA-5417-1", or "openssl 3.0.20-1~deb12u2" for a host's notes
    title = models.CharField(max_length=500, blank=True)
    details = models.TextField(blank=True)
    severity = models.CharField(max_length=12, blank=True)  # critical, high, medium, low, or empty: not told
    published_at = models.DateTimeField(null=True)
    modified_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    cves = models.JSONField(default=list)
    aliases = models.JSONField(default=list)  # other publishers' ids of the same flaw (GHSA, PYSEC)
    superseded_by = models.CharField(max_length=200, blank=True)  # a ref of the same generation
    # The publisher's own rating of the one CVE that the record is about; ``Vulnerability`` is derived from it.
    cvss_vector = models.CharField(max_length=200, blank=True)
    # What the next import compares: the SHA-256 of all that the publisher's record says, empty where nobody made it,
    # and of what the rest of the feed makes of it (superseded, epochs), empty where that is nothing.
    digest = models.CharField(max_length=64, blank=True)
    settled = models.CharField(max_length=64, blank=True)

    class Meta:
        """One ref per feed, generation and owner; looked up by ref, by what a generation brought and what it ended.

        Two constraints and not one with NULLS NOT DISTINCT, which SQLite does not have and Django then leaves out.
        """

        constraints = [
            models.UniqueConstraint(
                fields=["feed", "ref", "generation"],
                condition=models.Q(organisation=None),
                name="intel_advisory_ref_once",
            ),
            models.UniqueConstraint(
                fields=["feed", "generation", "organisation", "ref"],
                condition=models.Q(organisation__isnull=False),
                name="intel_advisory_own_once",
            ),
        ]
        indexes = [
            models.Index(fields=["feed", "generation", "id"], name="intel_advisory_generation"),
            models.Index(
                fields=["feed", "generation_end"],
                condition=models.Q(generation_end__isnull=False),
                name="intel_advisory_ended",
            ),
        ]


class AdvisoryCve(models.Model):
    """Which vulnerability an advisory speaks of: the index behind the vulnerability page."""

    advisory = models.ForeignKey(Advisory, on_delete=models.CASCADE)
    cve = models.CharField(max_length=30, db_index=True)


class AffectedRange(models.Model):
    """A half-open interval [low_key, high_key) of one package's versions; high None: no fix known."""

    advisory = models.ForeignKey(Advisory, on_delete=models.CASCADE)
    stream = models.CharField(max_length=60)
    name = models.CharField(max_length=200)
    level = models.CharField(max_length=8, default="source")  # whose name and versions: source or binary
    architectures = models.CharField(max_length=200, blank=True)  # blank between them; empty: all
    scheme = models.CharField(max_length=16)
    low_key = models.BinaryField()
    high_key = models.BinaryField(null=True)
    fixed_version = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=24, default="affected")  # or end_of_life, will_not_fix, not_affected ...

    class Meta:
        """Looked up by stream and name, joined by all that decides whether a package version is in it.

        Of one name and level ascending by upper end: the ranges that may hold a key are a suffix, and the join reads
        nothing but this index.
        """

        indexes = [
            models.Index(
                fields=["stream", "name", "level", "high_key", "low_key", "scheme", "architectures", "advisory"],
                name="intel_range_join",
            ),
            # The few without an upper end: PostgreSQL would read the whole table for them.
            models.Index(fields=["stream", "name"], condition=models.Q(high_key=None), name="intel_range_open"),
        ]


class Vulnerability(models.Model):
    """A flaw by its CVE id; every rating with its source, empty where nobody has told."""

    cve = models.CharField(max_length=30, primary_key=True)
    summary = models.TextField(blank=True)
    cvss_vector = models.CharField(max_length=200, blank=True)
    cvss_score = models.FloatField(null=True)
    cvss_source = models.CharField(max_length=40, blank=True)
    ssvc_exploitation = models.CharField(max_length=8, blank=True)  # none, poc, active
    ssvc_automatable = models.CharField(max_length=8, blank=True)  # yes, no
    ssvc_technical_impact = models.CharField(max_length=8, blank=True)  # partial, total
    ssvc_source = models.CharField(max_length=40, blank=True)


class KevEntry(models.Model):
    """A CVE that CISA's catalogue lists as exploited.  Rows of older generations are history, not fact."""

    feed = models.ForeignKey(Feed, on_delete=models.CASCADE)
    generation = models.BigIntegerField()
    cve = models.CharField(max_length=30, db_index=True)
    name = models.CharField(max_length=300)
    added_on = models.DateField()
    due_on = models.DateField(null=True)
    ransomware = models.CharField(max_length=12)  # known, unknown
    forensic_triage = models.CharField(max_length=8)  # yes, no, unknown (the field is young)

    class Meta:
        """One entry a CVE and generation."""

        constraints = [models.UniqueConstraint(fields=["feed", "generation", "cve"], name="intel_kev_once")]


class EpssScore(models.Model):
    """How probable the exploitation of a CVE in the next 30 days is (FIRST's EPSS).

    A new model moves all scores, so the model stands beside each feed generation (``Feed.model_version``).
    """

    feed = models.ForeignKey(Feed, on_delete=models.CASCADE)
    generation = models.BigIntegerField()
    cve = models.CharField(max_length=30)
    score = models.FloatField()
    percentile = models.FloatField(null=True)

    class Meta:
        """One score a CVE and generation."""

        constraints = [models.UniqueConstraint(fields=["feed", "generation", "cve"], name="intel_epss_once")]


class Supersedence(models.Model):
    """An update that replaces another one (Microsoft's KB articles)."""

    feed = models.ForeignKey(Feed, on_delete=models.CASCADE)
    generation = models.BigIntegerField()
    update = models.CharField(max_length=40)
    replaces = models.CharField(max_length=40)
    product = models.CharField(max_length=200, blank=True)

    class Meta:
        """Once a generation and product."""

        constraints = [
            models.UniqueConstraint(
                fields=["feed", "generation", "update", "replaces", "product"], name="intel_supersedence_once"
            )
        ]


class VexStatement(models.Model):
    """What an author says of a vulnerability in a product (OpenVEX, CSAF, CycloneDX): it changes findings' states.

    It belongs to the feed that brought it, and is seen as long as its generation is.  ``organisation`` is set where one
    organisation's people brought it, None for all.  ``stream``, ``name`` and ``level`` name the package; empty
    ``versions`` are all of its versions, otherwise a VERS range.
    """

    feed = models.ForeignKey(Feed, on_delete=models.CASCADE)
    generation = models.BigIntegerField()
    organisation = models.ForeignKey(Organisation, null=True, on_delete=models.CASCADE)
    digest = models.CharField(max_length=64)  # SHA-256 of all that it says, as long as all of it is
    document = models.CharField(max_length=300)  # the document's own id
    author = models.CharField(max_length=200)
    vulnerability = models.CharField(max_length=60, db_index=True)  # CVE id or another publisher's
    aliases = models.JSONField(default=list)
    stream = models.CharField(max_length=60)
    name = models.CharField(max_length=200)
    level = models.CharField(max_length=8)  # whose name it is: source or binary
    architecture = models.CharField(max_length=30, blank=True)  # empty: all
    product = models.CharField(max_length=300, blank=True)  # of what the package is a part, where that is spoken of
    versions = models.CharField(max_length=500, blank=True)
    status = models.CharField(max_length=24)  # affected, not_affected, fixed, under_investigation
    justification = models.CharField(max_length=60, blank=True)
    statement = models.CharField(max_length=1000, blank=True)
    said_at = models.DateTimeField(null=True)  # None: nobody tells, but not after the import

    class Meta:
        """Once a generation; looked up by package."""

        constraints = [models.UniqueConstraint(fields=["feed", "generation", "digest"], name="intel_vex_once")]
        indexes = [models.Index(fields=["stream", "name"], name="intel_vex_name")]


class TrustedBundleKey(models.Model):
    """Whose feed bundles this server takes: an Ed25519 public key in hex.

    ``made_at`` is when the newest bundle that was taken was made: an older one would bring back old feeds.
    """

    key = models.CharField(max_length=64, unique=True)
    trusted_at = models.DateTimeField()
    made_at = models.DateTimeField(null=True)
