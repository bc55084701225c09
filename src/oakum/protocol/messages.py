"""What agent and server say to each other, request and reply by request and reply.

Every request but enrolment carries ``Authorization: Oakum HOST_ID.SECRET``; bodies are JSON, gzip allowed
(``Content-Encoding: gzip``), bounded by the constants below.  Times are RFC 3339 text in UTC ending in ``Z``.
It states shapes only: who may say what is decided by ``gateway`` and ``trust``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from oakum.protocol.dsse import Envelope
from oakum.protocol.inventory import FactsSection, OffersSection, PackagesSection

PROTOCOL_VERSION = 1

PATH_ENROL = "/agent/v1/enrol"
PATH_CHECK_IN = "/agent/v1/check-in"
PATH_INVENTORY = "/agent/v1/inventory"
PATH_PERMIT = "/agent/v1/permit"
PATH_OUTCOMES = "/agent/v1/outcomes"
PATH_NOTES = "/agent/v1/notes"
PATH_AGENT_FILE = "/agent/v1/oakum-agent.pyz"
PATH_INSTALLER = "/agent/v1/install.py"

# Limits of a body, before and after decompression.
BODY_BYTES_MAX = 64 * 1024
INVENTORY_BODY_BYTES_MAX = 8 * 1024 * 1024
INVENTORY_PLAIN_BYTES_MAX = 32 * 1024 * 1024
NOTES_BODY_BYTES_MAX = 1024 * 1024
NOTES_PLAIN_BYTES_MAX = 4 * 1024 * 1024
# A whole upgrade of a desktop names 3,000 packages, each with three versions, and the log of the package manager.
OUTCOMES_BODY_BYTES_MAX = 1024 * 1024
OUTCOMES_PLAIN_BYTES_MAX = 4 * 1024 * 1024
REPLY_BYTES_MAX = 8 * 1024 * 1024

ORDER_COUNT_MAX = 16  # orders in one reply
OUTCOME_COUNT_MAX = 50  # outcomes in one request
NOTES_REQUEST_COUNT_MAX = 5  # release notes asked of one host in one reply
NOTES_ENTRY_COUNT_MAX = 200
NOTES_TEXT_BYTES_MAX = 20_000  # of one changelog entry; longer ones are cut and say so
CLOCK_SKEW_SECONDS_MAX = 300


@dataclass(frozen=True)
class EnrolRequest:
    """Ask to become a host of the organisation whose token this is.

    ``secret_hash`` is SHA-256 in hex of a secret that was made on the host and never leaves it but as the bearer of
    later requests.
    """

    protocol: int
    token: str
    secret_hash: str
    hostname: str
    machine_id_hash: str
    policy_mode: str
    agent_version: str


@dataclass(frozen=True)
class EnrolReply:
    """``server_key`` is the order signer's Ed25519 public key in hex; the agent compares it with the pinned one."""

    host_id: str
    organisation_id: str
    nonce: str
    server_key: str
    check_in_seconds: int


@dataclass(frozen=True)
class ActiveOrder:
    """How far the host is with an order: ``phase`` is one of ``orders.PHASES``."""

    order_id: str
    order_hash: str
    phase: str
    detail: str
    at: str


@dataclass(frozen=True)
class CheckIn:
    """A host's sign of life: hashes instead of sections, so an unchanged host posts a few hundred bytes.

    ``nonce`` is the one of the last reply.  ``attempt`` is made and stored on the host before each send and kept for
    retries of the same check-in: the server tells a repeated request (same attempt) from a cloned host.
    ``lists_updated_at`` is when the package manager's lists were last refreshed, empty if never.
    """

    protocol: int
    nonce: str
    attempt: str
    sent_at: str
    boot_id: str
    agent_version: str
    policy_mode: str
    packages_hash: str
    offers_hash: str
    facts_hash: str
    lists_updated_at: str
    generation_max: int
    active: Tuple[ActiveOrder, ...] = ()


@dataclass(frozen=True)
class NotesRequest:
    """Please fetch the release notes of this offered version, back to (not including) ``since_version``."""

    source_name: str
    source_version: str
    package_name: str
    package_version: str
    architecture: str
    since_version: str


@dataclass(frozen=True)
class CheckInReply:
    """``need`` names the sections to upload now.  ``nonce`` belongs into the next check-in."""

    nonce: str
    server_time: str
    need: Tuple[str, ...]
    orders: Tuple[Envelope, ...]
    notes_wanted: Tuple[NotesRequest, ...]
    check_in_seconds: int


@dataclass(frozen=True)
class InventoryUpload:
    """The sections asked for; the others are None."""

    protocol: int
    observed_at: str
    packages: Optional[PackagesSection] = None
    offers: Optional[OffersSection] = None
    facts: Optional[FactsSection] = None


@dataclass(frozen=True)
class InventoryReply:
    """The section names that were stored."""

    stored: Tuple[str, ...]


@dataclass(frozen=True)
class ChangelogEntry:
    """One entry of a Debian changelog (deb-changelog(5)), text cut at NOTES_TEXT_BYTES_MAX."""

    version: str
    distribution: str
    urgency: str
    date: str
    text: str


@dataclass(frozen=True)
class NotesUpload:
    """Release notes read by this host for one NotesRequest; ``problem`` says why there are none."""

    protocol: int
    source_name: str
    source_version: str
    problem: str
    entries: Tuple[ChangelogEntry, ...]


@dataclass(frozen=True)
class NotesReply:
    """How many entries were stored."""

    stored_count: int


@dataclass(frozen=True)
class PermitRequest:
    """The last question before the first irreversible step.

    ``attempt`` is made once per try of an order and stored on the host before it asks: the same attempt always gets
    the same answer, a new attempt is a new question.
    """

    protocol: int
    order_id: str
    order_hash: str
    generation: int
    attempt: str


@dataclass(frozen=True)
class PermitReply:
    """``granted`` holds for ``lapse_seconds`` on the host's monotonic clock, counted from the sending of the request.

    ``reason`` is a stable code with a sentence in ``detail`` when not granted.
    """

    granted: bool
    permit_id: str
    order_hash: str
    lapse_seconds: int
    reason: str
    detail: str


@dataclass(frozen=True)
class PackageResult:
    """What became of one package of the order, by the host's own dpkg-query."""

    name: str
    architecture: str
    from_version: str
    to_version: str
    found_version: str


@dataclass(frozen=True)
class Outcome:
    """What came of an order; ``outcome_id`` makes a repeated post harmless.

    ``kind`` is one of ``orders.OUTCOME_KINDS``, ``reason`` a stable code, ``sentence`` what a person reads,
    ``health`` the differences found against the pre-state.  ``log`` is the tail of the package manager's output.
    """

    outcome_id: str
    order_id: str
    order_hash: str
    generation: int
    attempt: str
    kind: str
    reason: str
    sentence: str
    at: str
    packages: Tuple[PackageResult, ...] = ()
    health: Tuple[str, ...] = ()
    log: str = ""


@dataclass(frozen=True)
class OutcomesUpload:
    """Outcomes waiting in the host's spool, oldest first."""

    protocol: int
    outcomes: Tuple[Outcome, ...]


@dataclass(frozen=True)
class OutcomesReply:
    """The outcome ids that are safely stored; the host may drop them from its spool."""

    stored: Tuple[str, ...]


@dataclass(frozen=True)
class ErrorReply:
    """Any refusal at the door: a stable ``code``, a sentence, and the next step."""

    code: str
    sentence: str
    next_step: str
