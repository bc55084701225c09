"""Updates of distributions of rpm packages: updateinfo.xml of every one of them, and the publishers' own JSON.

All of them list the packages that an update brings, by the name of what is installed; ``updates`` makes one advisory of
what is said of an update in many places, ``distributions`` says which stream a package belongs to.
"""

from oakum.intel.importers.updateinfo.almalinux import AlmaLinuxImporter
from oakum.intel.importers.updateinfo.fedora import FedoraImporter
from oakum.intel.importers.updateinfo.rocky import RockyImporter
from oakum.intel.importers.updateinfo.xml_updates import UpdateinfoImporter

__all__ = ["AlmaLinuxImporter", "FedoraImporter", "RockyImporter", "UpdateinfoImporter"]
