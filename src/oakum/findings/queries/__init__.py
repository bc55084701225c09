"""Reads of findings: host findings, vulnerabilities and patches, as views over the hosts' package sets.

Every query takes the organisation, its ``Rules`` (``policy.queries.rules_of``) and the instant.  Nothing here writes,
and nothing here shows one organisation what another's hosts have told.
"""

from oakum.findings.queries.counts import counts, host_findings, host_summaries
from oakum.findings.queries.host_findings import findings
from oakum.findings.queries.patch import patch
from oakum.findings.queries.patches import patches
from oakum.findings.queries.values import (
    PAGE_COUNT_MAX,
    AdvisoryView,
    AsOf,
    FindingCounts,
    FindingFilter,
    FindingPage,
    HostFinding,
    HostFindings,
    HostSummary,
    KevView,
    NotesView,
    NoteView,
    OldCodeView,
    PatchFilter,
    PatchHost,
    PatchPage,
    PatchRow,
    PatchView,
    Rules,
    VulnerabilityPage,
    VulnerabilityRow,
    VulnerabilityView,
)
from oakum.findings.queries.vulnerabilities import vulnerabilities, vulnerability

__all__ = [
    "PAGE_COUNT_MAX",
    "AdvisoryView",
    "AsOf",
    "FindingCounts",
    "FindingFilter",
    "FindingPage",
    "HostFinding",
    "HostFindings",
    "HostSummary",
    "KevView",
    "NoteView",
    "NotesView",
    "OldCodeView",
    "PatchFilter",
    "PatchHost",
    "PatchPage",
    "PatchRow",
    "PatchView",
    "Rules",
    "VulnerabilityPage",
    "VulnerabilityRow",
    "VulnerabilityView",
    "counts",
    "findings",
    "host_findings",
    "host_summaries",
    "patch",
    "patches",
    "vulnerabilities",
    "vulnerability",
]
