"""The verbs of findings: match package versions with advisories, and have release notes read.

Findings are the only rows written here; what hosts are asked is stored by ``catalogue``, what their notes amount to by
``intel``.
"""

from oakum.findings.services.assessing import AssessReport, assess
from oakum.findings.services.electing import ElectReport, elect_note_readers

__all__ = ["AssessReport", "ElectReport", "assess", "elect_note_readers"]
