"""Reports for the tests of outputs: every state a publisher knows, and packages of every kind."""

from __future__ import annotations

from datetime import UTC, date, datetime

from oakum.core.ratings import Rating
from oakum.scan.report import MISSING, NO_UPDATE, ScanFinding, ScannedPackage, ScanReport, Unassessed
from oakum.scan.store import FeedState, Threat

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def package(id_: int, name: str, version: str = "1.0-1", **more: object) -> ScannedPackage:
    told: dict[str, object] = {
        "kind": "deb",
        "stream": "debian:12",
        "architecture": "amd64",
        "purl": f"pkg:deb/debian/{name}@{version}?arch=amd64&distro=debian-12",
        "places": ("var/lib/dpkg/status",),
        **dict.fromkeys(("source_name", "source_version", "owner", "vendor", "left_out", "left_out_kind"), ""),
        "is_held": False,
    }
    return ScannedPackage(id=id_, name=name, version=version, **(told | more))  # type: ignore[arg-type]


def threat(cve: str, score: float | None = None) -> Threat:
    vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
    rating = Rating(vector=vector, score=score, version=3) if score is not None else None
    return Threat(cve=cve, summary=f"What {cve} is.", rating=rating, rated_by="NVD" if rating else "", epss=0.5)


def finding(of: ScannedPackage, ref: str, *threats: Threat, state: str = "affected", fixed: str = "") -> ScanFinding:
    return ScanFinding(
        package=of,
        ref=ref,
        feed="osv-debian",
        title="",
        state=state,
        state_author="",
        fixed_version=fixed,
        evidence=f"{of.name} {of.version} is in the range of {ref}",
        severity="critical" if threats and threats[0].rating else "unknown",
        severity_source=ref,
        threats=threats,
        published_at=NOW,
        remedy=MISSING if fixed else NO_UPDATE,
    )


OPENSSL = package(0, "libssl3", source_name="openssl", source_version="1.0-1")
BASH = package(1, "bash", is_held=True)
ANGULAR = package(
    2, "@angular/core", "16.0.1", kind="npm", stream="npm", architecture="", purl="pkg:npm/%40angular/core@16.0.1"
)
JAR = package(3, "thing", "1", kind="maven", stream="maven", architecture="", purl="", places=("opt/a b.jar!x",))
OWNED = package(
    4, "six", "1.16", kind="pypi", stream="pypi", architecture="", purl="pkg:pypi/six@1.16", owner="python3-six"
)
TWICE = package(5, "libssl3", source_name="openssl", owner="x")


def report(*findings: ScanFinding) -> ScanReport:
    return ScanReport(
        subject="/mnt/disk",
        title="Debian GNU/Linux 12 (bookworm)",
        stream="debian:12",
        scanned_at=NOW,
        kernel="",
        packages=(OPENSSL, BASH, ANGULAR, JAR, OWNED, TWICE),
        findings=findings,
        unassessed=(Unassessed(subject="maven", package_count=1, reason="no feed for it"),),
        notes=(),
        remarks=(),
        feeds=(FeedState(name="osv-debian", kind="osv", imported_at=NOW, record_count=3),),
    )


KEV = Threat(cve="CVE-2024-0002", kev_listed_on=date(2026, 1, 2), kev_due_on=date(2026, 1, 23), ransomware="known")
FULL = report(
    finding(OPENSSL, "DSA-1-1", threat("CVE-2024-0001", 9.8), KEV, fixed="1.0-2"),
    finding(BASH, "DSA-1-1", threat("CVE-2024-0001", 9.8), fixed="1.1-2"),
    *(
        finding(BASH, f"CVE-2024-1{number}", threat(f"CVE-2024-1{number}"), state=state)
        for number, state in enumerate(
            ("affected", "will_not_fix", "deferred", "end_of_life", "under_investigation", "not_affected")
        )
    ),
    finding(ANGULAR, "GHSA-1"),
)
