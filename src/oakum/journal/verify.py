"""Does a journal hold?  Reads an export, line by line, and names the first entry that does not.

Pure: lines in, a verdict out.  It does not judge whether what is told is true, only that nothing was changed, taken
out, put in or reordered since it was sealed, and that the signer's checkpoints agree.  Entries behind the newest
checkpoint are chained but not yet signed; unsealed ones are not yet chained: both are counted in the verdict.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from oakum.journal.format import FORMAT_VERSION, GENESIS_HASH, Head, checkpoint_text, payload_digest
from oakum.protocol.dsse import key_id
from oakum.protocol.trust import parse_instant

LINE_LENGTH_MAX = 16 * 1024 * 1024
ENTRY_FIELDS = frozenset(
    {"chain", "position", "previous_hash", "id", "kind", "actor", "subject", "at", "payload_digest", "hash", "payload"}
)
CHECKPOINT_FIELDS = frozenset({"position", "hash", "at", "key_id", "signature"})
VerifySignature = Callable[[bytes, str, bytes], bool]  # (public key, signature in base64, message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """``problem`` is empty when the chain holds; else it says what is wrong first, and ``position`` where."""

    chain: str
    entry_count: int
    signed_count: int
    unsealed_count: int
    problem: str = ""
    position: int = 0
    entry_id: str = ""

    @property
    def holds(self) -> bool:
        """Whether everything sealed is as it was sealed."""
        return not self.problem


class _Broken(Exception):  # noqa: N818 - a verdict on its way out, no fault
    """The first thing that is wrong."""

    def __init__(self, problem: str, position: int = 0, entry_id: str = "") -> None:
        super().__init__(problem)
        self.problem, self.position, self.entry_id = problem, position, entry_id


class _Reader:
    """Walks one export; each kind of line has its method."""

    def __init__(self, public_key: bytes | None, verify_signature: VerifySignature) -> None:
        self.chain = ""
        self.position = 0
        self.head = GENESIS_HASH
        self.signed = 0
        self.unsealed = 0
        self._public_key = public_key
        self._verify_signature = verify_signature

    def read(self, line: Mapping[str, object]) -> None:
        if "journal" in line:
            self._read_header(_object(line["journal"]))
        elif not self.chain:
            raise _Broken("the export does not begin with its header line")
        elif "entry" in line:
            self._read_entry(_object(line["entry"]))
        elif "checkpoint" in line:
            self._read_checkpoint(_object(line["checkpoint"]))
        elif "unsealed" in line:
            self.unsealed += 1
        else:
            raise _Broken("a line that the format does not know", self.position + 1)

    def _read_header(self, header: Mapping[str, object]) -> None:
        if self.chain:
            raise _Broken("a second header line", self.position)
        if header["format"] != FORMAT_VERSION:
            raise _Broken(f"format {header['format']} is not known here")
        self.chain = str(header["chain"])
        told_key = bytes.fromhex(str(header.get("signer_key", "")))
        if self._public_key is None and told_key:
            self._public_key = told_key

    def _read_entry(self, plain: Mapping[str, object]) -> None:
        # A payload that is not there would read as one that was erased, so the fields must be exactly these.
        if set(plain) != ENTRY_FIELDS:
            raise _Broken("an entry's fields are not those of the format", self.position + 1)
        position, entry_id = int(str(plain["position"])), str(plain["id"])
        if position != self.position + 1:
            raise _Broken(f"entry {self.position + 1} is missing or out of order", self.position + 1, entry_id)
        if plain["chain"] != self.chain or plain["previous_hash"] != self.head:
            raise _Broken("the entry does not follow the one before it", position, entry_id)
        head = Head(
            chain=self.chain,
            position=position,
            previous_hash=self.head,
            id=UUID(entry_id),
            kind=str(plain["kind"]),
            actor=str(plain["actor"]),
            subject=str(plain["subject"]),
            at=parse_instant(str(plain["at"])),
            payload_digest=str(plain["payload_digest"]),
        )
        if head.hash() != plain["hash"]:
            raise _Broken("the entry was changed after it was sealed", position, entry_id)
        payload = plain["payload"]
        if payload is not None and payload_digest(_object(payload)) != head.payload_digest:
            raise _Broken("the entry's payload was changed after it was sealed", position, entry_id)
        self.position, self.head = position, head.hash()

    def _read_checkpoint(self, plain: Mapping[str, object]) -> None:
        if set(plain) != CHECKPOINT_FIELDS:
            raise _Broken("a checkpoint's fields are not those of the format", self.position)
        position = int(str(plain["position"]))
        if position != self.position or plain["hash"] != self.head:
            raise _Broken("a checkpoint does not agree with the entry before it", position)
        if self._public_key is None or plain["key_id"] != key_id(self._public_key):
            raise _Broken("a checkpoint is signed by a key that is not the signer's", position)
        text = checkpoint_text(chain=self.chain, position=position, hash_=self.head, at=parse_instant(str(plain["at"])))
        if not self._verify_signature(self._public_key, str(plain["signature"]), text):
            raise _Broken("a checkpoint's signature does not hold", position)
        self.signed = position


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TypeError("expected an object")
    return value


def verify(lines: Iterable[str], *, public_key: bytes | None, verify_signature: VerifySignature) -> Verdict:
    """Check one chain's export.

    ``public_key`` is the signer's key known from elsewhere (an agent's pin, a note in the safe).  Without it the key
    that the export itself names is used, which proves consistency but not origin: the caller says so to the person.
    """
    reader = _Reader(public_key, verify_signature)
    broken: _Broken | None = None
    try:
        for number, line in enumerate(lines, start=1):
            if len(line) > LINE_LENGTH_MAX:
                raise _Broken(f"line {number} is longer than any entry", reader.position)
            if line.strip():
                _read_line(reader, line, number)
        if not reader.chain:
            raise _Broken("the export is empty")
    except _Broken as found:
        broken = found
    return Verdict(
        chain=reader.chain,
        entry_count=reader.position,
        signed_count=reader.signed,
        unsealed_count=reader.unsealed,
        problem=broken.problem if broken else "",
        position=broken.position if broken else 0,
        entry_id=broken.entry_id if broken else "",
    )


def _read_line(reader: _Reader, line: str, number: int) -> None:
    try:
        reader.read(_object(json.loads(line)))
    except (KeyError, ValueError, TypeError) as error:
        raise _Broken(f"line {number} cannot be read ({error})", reader.position + 1) from error
