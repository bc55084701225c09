"""Tables of identity.  Passwords, sessions and hashing are Django's own."""

import uuid
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class Organisation(models.Model):
    """Who owns hosts, decisions and a journal of their own."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120, unique=True)
    # 0 is for an organisation of one person; journalled when set, and shown on every rollout.
    approvals_required = models.PositiveSmallIntegerField(default=1)
    created_at = models.DateTimeField()


class PersonManager(BaseUserManager["Person"]):
    """Looks people up by name, as Django's authentication wants it."""


class Person(AbstractBaseUser):
    """A human being who signs in.  Rights come from memberships, never from the person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=150, unique=True)  # what is typed at the sign-in page
    email = models.EmailField(blank=True)
    is_active = models.BooleanField(default=True)
    password_change_required = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    USERNAME_FIELD = "name"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = PersonManager()


class Role(models.TextChoices):
    """What a membership allows; each includes the ones before it, but who asks is never who approves."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"


class Membership(models.Model):
    """A person's role in an organisation."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE)
    person = models.ForeignKey(Person, on_delete=models.CASCADE)
    role = models.CharField(max_length=20, choices=Role.choices)

    class Meta:
        """One role a person in an organisation."""

        constraints = [models.UniqueConstraint(fields=["organisation", "person"], name="identity_one_role")]


class ApiToken(models.Model):
    """A personal token for the REST API; only its hash is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE)
    person = models.ForeignKey(Person, on_delete=models.CASCADE)
    name = models.CharField(max_length=80)
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)


class Approval(models.Model):
    """One person's yes or no to one exact content: another hash needs another approval."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE)
    subject_kind = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=64)
    subject_hash = models.CharField(max_length=64)
    person = models.ForeignKey(Person, on_delete=models.PROTECT)
    approved = models.BooleanField()
    comment = models.CharField(max_length=1000, blank=True)
    at = models.DateTimeField()

    class Meta:
        """A person answers once to one content."""

        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "subject_kind", "subject_id", "subject_hash", "person"],
                name="identity_answer_once",
            )
        ]


class Installation(models.Model):
    """The one row about this installation.  The order signer alone writes ``signer_key``."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    created_at = models.DateTimeField()
    signer_key = models.CharField(max_length=64, blank=True)  # Ed25519 public key in hex
    signer_seen_at = models.DateTimeField(null=True)
