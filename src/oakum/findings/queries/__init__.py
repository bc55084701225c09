"""Reads of findings: host findings, vulnerabilities and patches, as views over the hosts' package sets.

Every query takes the organisation, its ``Rules`` (``policy.queries.rules_of``) and the instant.  Nothing here writes,
and nothing here shows one organisation what another's hosts have told.
"""

from oakum.findings.queries.closed import digest
from oakum.findings.queries.counts import counts, host_findings, host_report, host_summaries
from oakum.findings.queries.host_findings import all_findings, findings
from oakum.findings.queries.indexed import keep_ready, large_organisations
from oakum.findings.queries.patch import patch, patch_hosts
from oakum.findings.queries.patch_values import (
    NotesView,
    NoteView,
    PatchFilter,
    PatchHead,
    PatchHost,
    PatchPage,
    PatchRow,
    PatchView,
)
from oakum.findings.queries.patches import patches
from oakum.findings.queries.values import (
    PAGE_COUNT_MAX,
    AdvisoryView,
    AsOf,
    ClosedFinding,
    ClosedLately,
    FindingCounts,
    FindingDigest,
    FindingFilter,
    FindingPage,
    HostFinding,
    HostFindings,
    HostSummary,
    KevView,
    OldCodeView,
    QuietLine,
    Rules,
    VulnerabilityPage,
    VulnerabilityRow,
    VulnerabilityView,
)
from oakum.findings.queries.vulnerabilities import vulnerabilities, vulnerability
from oakum.findings.queries.what_if import SupposedAdvisory, SupposedVersion, WhatIf, what_if

__all__ = [
    "PAGE_COUNT_MAX",
    "AdvisoryView",
    "AsOf",
    "ClosedFinding",
    "ClosedLately",
    "FindingCounts",
    "FindingDigest",
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
    "PatchHead",
    "PatchHost",
    "PatchPage",
    "PatchRow",
    "PatchView",
    "QuietLine",
    "Rules",
    "SupposedAdvisory",
    "SupposedVersion",
    "VulnerabilityPage",
    "VulnerabilityRow",
    "VulnerabilityView",
    "WhatIf",
    "all_findings",
    "counts",
    "digest",
    "findings",
    "host_findings",
    "host_report",
    "host_summaries",
    "keep_ready",
    "large_organisations",
    "patch",
    "patch_hosts",
    "patches",
    "vulnerabilities",
    "vulnerability",
    "what_if",
]
