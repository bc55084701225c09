"""Tables of rollouts.  States are words of ``core.planning``; no decision is made here."""

import uuid

from django.db import models

from oakum.fleet.models import Host
from oakum.identity.models import Organisation, Person


class Rollout(models.Model):
    """A fixed set of exact package versions on its way across rings.

    ``spec`` is immutable and ``spec_hash`` covers it: approvals name the hash, so any edit voids them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE)
    number = models.PositiveIntegerField()  # what people say: rollout 7
    name = models.CharField(max_length=120)
    state = models.CharField(max_length=20)  # core.planning.values.RolloutState
    state_reason = models.CharField(max_length=1000, blank=True)
    spec = models.JSONField()
    spec_hash = models.CharField(max_length=64)
    approvals_required = models.PositiveSmallIntegerField()
    requested_by = models.ForeignKey(Person, on_delete=models.PROTECT)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    target_plan_number = models.PositiveIntegerField(default=0)
    ring_open = models.PositiveSmallIntegerField(default=0)  # the newest ring let go; never taken back
    harm_count_judged = models.PositiveIntegerField(default=0)  # failures that the newest plan knew of
    report = models.TextField(blank=True)  # core.planning.report: how it stands and what it waits for

    class Meta:
        """Numbers are per organisation."""

        constraints = [models.UniqueConstraint(fields=["organisation", "number"], name="rollout_number_once")]
        indexes = [models.Index(fields=["state"], name="rollout_state")]


class RolloutHost(models.Model):
    """One host of a rollout: its ring, its exact changes, and how far it is."""

    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE)
    host = models.ForeignKey(Host, on_delete=models.CASCADE)
    ring = models.PositiveSmallIntegerField()
    change_set = models.PositiveIntegerField()  # index into the spec's change sets
    changes = models.JSONField()  # that change set's PackageChange values, for pages
    state = models.CharField(max_length=20)  # core.planning.values.HostState
    reason = models.CharField(max_length=60, blank=True)
    sentence = models.CharField(max_length=1000, blank=True)
    health = models.JSONField(default=list)
    order_id = models.UUIDField(null=True)
    generation = models.BigIntegerField(default=0)
    order_ends_at = models.DateTimeField(null=True)  # None: no order that could still be started
    released_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    applied_at = models.DateTimeField(null=True)
    soaked_at = models.DateTimeField(null=True)
    verified_at = models.DateTimeField(null=True)
    remedy = models.CharField(max_length=20, blank=True)  # missing, pending_restart, pending_reboot, verified, unknown
    remedy_at = models.DateTimeField(null=True)  # the instant of the inventory that remedy rests on
    accepted_at = models.DateTimeField(null=True)  # when an approver resumed the rollout in spite of this host
    changed_at = models.DateTimeField()

    class Meta:
        """A host is in a rollout once."""

        constraints = [models.UniqueConstraint(fields=["rollout", "host"], name="rollout_host_once")]
        indexes = [
            models.Index(fields=["host", "state"], name="rollout_host_state"),
            models.Index(fields=["rollout", "state"], name="rollout_state_of_host"),
        ]


class Plan(models.Model):
    """Immutable, numbered, with one parent; its report says what it did and what it waits for."""

    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE)
    number = models.PositiveIntegerField()
    parent_number = models.PositiveIntegerField()
    body = models.JSONField()
    plan_hash = models.CharField(max_length=64)
    report = models.TextField()
    made_at = models.DateTimeField()

    class Meta:
        """Numbers are per rollout."""

        constraints = [models.UniqueConstraint(fields=["rollout", "number"], name="rollout_plan_once")]


class OrderState(models.TextChoices):
    """Where an order stands on our side; what the host did is in outcomes."""

    UNSIGNED = "unsigned"
    SIGNED = "signed"
    UNSIGNABLE = "unsignable"
    SUPERSEDED = "superseded"
    FINISHED = "finished"


class Order(models.Model):
    """A work order to one host: the exact bytes that are signed, and the signer's answer."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE)
    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE)
    host = models.ForeignKey(Host, on_delete=models.CASCADE)
    generation = models.BigIntegerField()
    verb = models.CharField(max_length=20)
    plan_number = models.PositiveIntegerField()
    payload = models.BinaryField()
    payload_hash = models.CharField(max_length=64)
    state = models.CharField(max_length=12, choices=OrderState.choices, default=OrderState.UNSIGNED)
    envelope = models.JSONField(null=True)
    unsignable_reason = models.CharField(max_length=500, blank=True)
    issued_at = models.DateTimeField()
    signed_at = models.DateTimeField(null=True)

    class Meta:
        """One order per host and generation."""

        constraints = [models.UniqueConstraint(fields=["host", "generation"], name="rollout_generation_once")]
        indexes = [
            models.Index(fields=["state", "issued_at"], name="rollout_order_state"),
            models.Index(fields=["host", "state"], name="rollout_order_host"),
        ]


class Permit(models.Model):
    """The answer to a host's last question; the same attempt always gets the same answer."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE)
    order = models.ForeignKey(Order, on_delete=models.CASCADE)
    attempt = models.CharField(max_length=64)
    granted = models.BooleanField()
    reason = models.CharField(max_length=60, blank=True)
    asked_at = models.DateTimeField()

    class Meta:
        """One answer an attempt."""

        constraints = [models.UniqueConstraint(fields=["order", "attempt"], name="rollout_permit_once")]


class OutcomeRecord(models.Model):
    """An outcome as the host told it; ``outcome_id`` is the host's and makes repetition harmless."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE)
    host = models.ForeignKey(Host, on_delete=models.CASCADE)
    outcome_id = models.CharField(max_length=64)
    rollout = models.ForeignKey(Rollout, null=True, on_delete=models.CASCADE)
    order_id = models.CharField(max_length=64)
    kind = models.CharField(max_length=20)
    reason = models.CharField(max_length=60, blank=True)
    sentence = models.CharField(max_length=1000, blank=True)
    body = models.JSONField()
    told_at = models.DateTimeField()  # by the host's clock
    received_at = models.DateTimeField()

    class Meta:
        """A host tells an outcome once."""

        constraints = [models.UniqueConstraint(fields=["host", "outcome_id"], name="rollout_outcome_once")]
