"""The index: which hosts have a package version, as roaring bitmaps of host ordinals in shards of 65,536.

It is derived from the hosts' sets and nothing else, and says what they said when they were indexed last: a loop keeps
it within seconds of them, ``rebuild`` makes it anew.  It knows nothing of advisories, contexts and deadlines
(``queries``).
"""

from oakum.findings.index.changes import note_finding_changes
from oakum.findings.index.keeping import IndexReport, keep_index
from oakum.findings.index.reading import hosts_of, hosts_of_each
from oakum.findings.index.rebuilding import RebuildReport, rebuild_index

__all__ = [
    "IndexReport",
    "RebuildReport",
    "hosts_of",
    "hosts_of_each",
    "keep_index",
    "note_finding_changes",
    "rebuild_index",
]
