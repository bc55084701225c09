"""Which package versions an advisory applies to, with the comparison that held, in words.

A package version matches a range when both are of one stream, the range speaks of its name on the range's own level
(the source it was built from, or the package itself) and of its architecture, and its version's key on that level lies
in [low, high).  Binaries that hold no code never match on source level, and packages of a module match its stream's
ranges alone.  Nothing else is looked at: whether a host has the package, whether the fix is offered to it, what anybody
but the publisher says of it (``core.vex``).

Pure: plain values in, plain values out.
"""

from typing import Final

from oakum.core.matching.evidence import EVIDENCE_LENGTH_MAX, vers_of
from oakum.core.matching.index import RangeIndex, match, matches_of, names_of
from oakum.core.matching.targets import ANY_ARCHITECTURE, left_out_reason, targets_of
from oakum.core.matching.values import Match, RangeFacts, Target, VersionFacts

__all__ = [
    "ANY_ARCHITECTURE",
    "EVIDENCE_LENGTH_MAX",
    "REVISION",
    "Match",
    "RangeFacts",
    "RangeIndex",
    "Target",
    "VersionFacts",
    "left_out_reason",
    "match",
    "matches_of",
    "names_of",
    "targets_of",
    "vers_of",
]

# Whatever changes what matches, or the words of the evidence, raises this: stored findings are then matched anew.
REVISION: Final = 2
