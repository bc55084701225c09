"""The verbs of the fleet: the only place that writes its tables.

Agents' verbs: enrol, check_in_batch, record_inventory.  People's verbs: the rest.  Rights are checked at the doors.
"""

from oakum.fleet.services.check_in import (
    AuthenticatedCheckIn,
    CheckedIn,
    CheckInRefused,
    CheckInResult,
    check_in_batch,
)
from oakum.fleet.services.door import organisation_of_speaker
from oakum.fleet.services.enrolment import (
    TOKEN_LIFE_DEFAULT,
    TOKEN_USE_COUNT_DEFAULT,
    create_enrolment_token,
    enrol,
    revoke_enrolment_token,
)
from oakum.fleet.services.groups import (
    add_to_group,
    delete_group,
    remove_from_group,
    set_group,
)
from oakum.fleet.services.hosts import release_quarantine, retire_host, set_host
from oakum.fleet.services.inventory import record_inventory
from oakum.fleet.services.stale import mark_stale

__all__ = [
    "TOKEN_LIFE_DEFAULT",
    "TOKEN_USE_COUNT_DEFAULT",
    "AuthenticatedCheckIn",
    "CheckInRefused",
    "CheckInResult",
    "CheckedIn",
    "add_to_group",
    "check_in_batch",
    "create_enrolment_token",
    "delete_group",
    "enrol",
    "mark_stale",
    "organisation_of_speaker",
    "record_inventory",
    "release_quarantine",
    "remove_from_group",
    "retire_host",
    "revoke_enrolment_token",
    "set_group",
    "set_host",
]
