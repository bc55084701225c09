"""Tables of policy."""

import uuid

from django.db import models

from oakum.identity.models import Organisation


class Settings(models.Model):
    """What an organisation has decided for its fleet.  Durations are in seconds."""

    organisation = models.OneToOneField(Organisation, on_delete=models.CASCADE, primary_key=True)
    deadline_pack = models.CharField(max_length=40, default="cisa-bod-26-04")
    stale_after_seconds = models.PositiveIntegerField(default=86_400)
    check_in_seconds = models.PositiveIntegerField(default=300)
    ring_zero_count_max = models.PositiveSmallIntegerField(default=5)
    ring_percents = models.JSONField(default=list)  # after ring 0; empty: core's default
    soak_seconds = models.PositiveIntegerField(default=86_400)
    failure_percent_max = models.PositiveSmallIntegerField(default=5)
    wave_count_max = models.PositiveIntegerField(default=500)


class Window(models.Model):
    """A maintenance window: a local-time recurrence (RFC 5545 RRULE) in an IANA zone, with an elapsed duration."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE)
    name = models.CharField(max_length=80)
    starts_local = models.CharField(max_length=19)  # "2026-11-22T02:00:00": wall-clock time in the zone
    rrule = models.CharField(max_length=300, blank=True)  # empty: once
    timezone = models.CharField(max_length=60)
    duration_seconds = models.PositiveIntegerField()

    class Meta:
        """Names are unique in an organisation."""

        constraints = [models.UniqueConstraint(fields=["organisation", "name"], name="policy_window_once")]


class Freeze(models.Model):
    """A span in which no work may start; it wins over every window."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE)
    name = models.CharField(max_length=80)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=500, blank=True)
