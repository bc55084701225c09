"""Canonical's own formats for Ubuntu: notices (USN), the CVE tracker and VEX.

All three speak of source packages by a release's codename.  Ubuntu's OSV records are read by ``osv``; the OVAL files
say nothing that these do not.
"""

from oakum.intel.importers.ubuntu.notices import UbuntuNoticesImporter
from oakum.intel.importers.ubuntu.tracker import UbuntuTrackerImporter
from oakum.intel.importers.ubuntu.vex import UbuntuVexImporter

__all__ = ["UbuntuNoticesImporter", "UbuntuTrackerImporter", "UbuntuVexImporter"]
