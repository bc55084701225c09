"""Tables of the journal.  Behaviour is in services; the format that is hashed is in ``format``."""

import uuid

from django.db import models


class Entry(models.Model):
    """One decision or outcome.

    ``position`` and ``hash`` are empty until the sealer gives them: readers follow positions, never ``id``, so that
    nothing committed late is lost.  ``organisation_id`` is a plain value (None: the installation's own chain), so that
    an entry outlives what it speaks of.
    """

    # Order of insertion, only to give unsealed entries a stable order; never shown, never a cursor.
    sequence = models.BigAutoField(primary_key=True)
    id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    chain = models.CharField(max_length=36)  # organisation id, or "installation"
    organisation_id = models.UUIDField(null=True)
    kind = models.CharField(max_length=64)
    actor = models.CharField(max_length=200)
    subject = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()
    payload = models.JSONField(null=True)  # None once erased
    payload_digest = models.CharField(max_length=64)
    position = models.BigIntegerField(null=True)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64, blank=True)

    class Meta:
        """Positions are dense and unique per chain."""

        constraints = [models.UniqueConstraint(fields=["chain", "position"], name="journal_position_once")]
        indexes = [
            models.Index(fields=["chain", "kind", "position"], name="journal_kind"),
            models.Index(fields=["chain", "subject", "position"], name="journal_subject"),
            models.Index(fields=["position", "sequence"], name="journal_unsealed"),
        ]


class Checkpoint(models.Model):
    """The order signer's signature over a chain's head: later entries cannot change what stands before it."""

    chain = models.CharField(max_length=36)
    position = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    at = models.DateTimeField()
    key_id = models.CharField(max_length=64)
    signature = models.CharField(max_length=128)

    class Meta:
        """One checkpoint a position."""

        constraints = [models.UniqueConstraint(fields=["chain", "position"], name="journal_checkpoint_once")]


class LoopRun(models.Model):
    """A loop's lease, when it last ran, and what it waits for."""

    name = models.CharField(max_length=40, primary_key=True)
    holder = models.CharField(max_length=80, blank=True)
    leased_until = models.DateTimeField(null=True)
    ran_at = models.DateTimeField(null=True)
    succeeded_at = models.DateTimeField(null=True)
    waits_for = models.CharField(max_length=300, blank=True)
    problem = models.TextField(blank=True)
