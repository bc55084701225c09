"""Tables of the fleet.

A host's installed packages are one roaring bitmap of ``PackageVersion`` ids: one row write when a host changes.
"""

import uuid
from datetime import date

from django.db import models

from oakum.identity.models import Organisation, Person

NEVER = date(1, 1, 1)


class HostState(models.TextChoices):
    """Whether a host may speak."""

    ACTIVE = "active"
    QUARANTINED = "quarantined"
    RETIRED = "retired"


class Reachability(models.TextChoices):
    """Whether a host can be reached from outside; empty means: as its groups say, else internal."""

    UNSET = ""
    PUBLIC = "public"
    INTERNAL = "internal"
    ISOLATED = "isolated"


class Environment(models.TextChoices):
    """What a host is for."""

    UNSET = ""
    PRODUCTION = "production"
    STAGING = "staging"
    DEVELOPMENT = "development"


class Criticality(models.TextChoices):
    """What its loss would mean."""

    UNSET = ""
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class OrdinalBlock(models.Model):
    """A block of host ordinals owned by one organisation; ordinals are never reused."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE)
    start = models.BigIntegerField(unique=True)
    used_count = models.IntegerField(default=0)


class Host(models.Model):
    """A host we manage.  Its identity is what enrolment issued and a secret made on it, never its name."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Every index below begins with it.
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, db_index=False)
    ordinal = models.BigIntegerField(unique=True)
    state = models.CharField(max_length=12, choices=HostState.choices, default=HostState.ACTIVE)
    state_reason = models.CharField(max_length=500, blank=True)
    is_local = models.BooleanField(default=False)  # the machine that `oakum up` itself runs on

    # Identity and check-in.
    secret_hash = models.CharField(max_length=64)
    # What these four mean together: fleet.nonce.NonceState.
    nonce = models.CharField(max_length=64, blank=True)  # empty: released from quarantine, the next one is taken
    nonce_previous = models.CharField(max_length=64, blank=True)
    nonce_previous_spent = models.BooleanField(default=False)
    attempt_last = models.CharField(max_length=64, blank=True)
    enrolled_at = models.DateTimeField()
    last_seen_at = models.DateTimeField(null=True)
    seen_on = models.DateField(default=NEVER)  # the UTC day of last_seen_at: see fleet.presence
    clock_skew_seconds = models.IntegerField(default=0)
    agent_version = models.CharField(max_length=40, blank=True)
    policy_mode = models.CharField(max_length=20, blank=True)
    active_orders = models.JSONField(default=list)  # what the host last said it is doing
    stale_journalled_at = models.DateTimeField(null=True)

    # What people say of it.
    reachability = models.CharField(max_length=10, choices=Reachability.choices, default="", blank=True)
    environment = models.CharField(max_length=12, choices=Environment.choices, default="", blank=True)
    criticality = models.CharField(max_length=10, choices=Criticality.choices, default="", blank=True)

    # The newest order generation issued to this host (rollout); grows, never falls.
    order_generation = models.BigIntegerField(default=0)

    # Facts, as last reported.
    hostname = models.CharField(max_length=255)
    machine_id_hash = models.CharField(max_length=64, blank=True)
    os_id = models.CharField(max_length=40, blank=True)
    os_version_id = models.CharField(max_length=40, blank=True)
    os_name = models.CharField(max_length=120, blank=True)
    stream = models.CharField(max_length=60, blank=True)  # "debian:12"
    architecture = models.CharField(max_length=30, blank=True)
    kernel_running = models.CharField(max_length=120, blank=True)
    boot_id = models.CharField(max_length=64, blank=True)
    reboot_required = models.CharField(max_length=8, default="unknown")
    facts_hash = models.CharField(max_length=64, blank=True)

    # Packages and offers: their state.
    packages_hash = models.CharField(max_length=64, blank=True)  # of the section, as the agent sent it
    packages_status = models.CharField(max_length=8, default="unknown")
    packages_reason = models.CharField(max_length=500, default="The host has not reported yet.")
    stale_status = models.CharField(max_length=8, default="unknown")
    inventory_at = models.DateTimeField(null=True)  # when the packages were last observed, changed or confirmed
    reported_at = models.DateTimeField(null=True)  # when a report was stored last, of whatever section
    offers_hash = models.CharField(max_length=64, blank=True)
    offers_status = models.CharField(max_length=8, default="unknown")
    offers_reason = models.CharField(max_length=500, default="The host has not reported yet.")
    lists_updated_at = models.DateTimeField(null=True)

    # What is large comes last: SQLite reads a row up to the last column that is asked for.
    package_set = models.BinaryField(default=bytes)  # serialised roaring bitmap of PackageVersion ids
    held_set = models.BinaryField(default=bytes)
    running_old_set = models.BinaryField(default=bytes)  # installed versions whose *older* code still runs
    offers = models.JSONField(default=list)  # [{id, from, kept_back, download_bytes}], id: PackageVersion offered
    repositories = models.JSONField(default=list)
    facts = models.JSONField(default=dict)

    class Meta:
        """Lists are by name within an organisation.

        The index by name holds all that paging and counting look at: rows are fat, and a page that skips 50,000 of them
        must not read them.  None changes with a check-in, but for the first of a day.
        """

        indexes = [
            models.Index(
                fields=["organisation", "hostname", "id", "state", "packages_status", "reboot_required"],
                name="fleet_host_name",
            ),
            models.Index(fields=["organisation", "seen_on"], name="fleet_host_seen_on"),
            models.Index(fields=["organisation", "reported_at"], name="fleet_host_reported"),
            models.Index(fields=["organisation", "secret_hash"], name="fleet_host_secret"),
            models.Index(fields=["organisation", "machine_id_hash"], name="fleet_host_machine"),
        ]


class HostChange(models.Model):
    """Append-only: what a host's package set gained and lost, and when."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE)
    host = models.ForeignKey(Host, on_delete=models.CASCADE)
    at = models.DateTimeField()
    added = models.BinaryField()
    removed = models.BinaryField()

    class Meta:
        """Read per host, newest first."""

        indexes = [models.Index(fields=["host", "at"], name="fleet_change_host")]


class Group(models.Model):
    """A named set of hosts; what it says of reachability and so on holds for hosts that say nothing themselves."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE)
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=500, blank=True)
    reachability = models.CharField(max_length=10, choices=Reachability.choices, default="", blank=True)
    environment = models.CharField(max_length=12, choices=Environment.choices, default="", blank=True)
    criticality = models.CharField(max_length=10, choices=Criticality.choices, default="", blank=True)
    hosts = models.ManyToManyField(Host, related_name="groups")

    class Meta:
        """Names are unique in an organisation."""

        constraints = [models.UniqueConstraint(fields=["organisation", "name"], name="fleet_group_once")]


class EnrolmentToken(models.Model):
    """Lets hosts enrol for a while; only its hash is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE)
    token_hash = models.CharField(max_length=64, unique=True)
    note = models.CharField(max_length=120, blank=True)
    group = models.ForeignKey(Group, null=True, on_delete=models.SET_NULL)
    created_by = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    use_count = models.PositiveIntegerField(default=0)
    use_count_max = models.PositiveIntegerField()
    is_local = models.BooleanField(default=False)
    revoked_at = models.DateTimeField(null=True)
