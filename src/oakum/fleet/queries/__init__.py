"""Reads of the fleet, by organisation.  Whether a host is silent is computed here, from when it was last seen and now.

Rows come back as frozen values: pages, API and command line render these.  Nothing here writes.
"""

from oakum.fleet.queries.contexts import contexts
from oakum.fleet.queries.groups import (
    EnrolmentTokenView,
    GroupView,
    enrolment_tokens,
    group,
    group_host_ids,
    groups,
)
from oakum.fleet.queries.host import (
    ChangeView,
    HostView,
    OfferView,
    PackagePage,
    PackageView,
    host,
    host_changes,
    host_offers,
    host_packages,
)
from oakum.fleet.queries.hosts import (
    HOST_STATES,
    PRESENCE_NEVER,
    PRESENCE_SEEN,
    PRESENCE_SILENT,
    STALE_AFTER_DEFAULT,
    HostCounts,
    HostPage,
    HostRow,
    host_by_name,
    host_counts,
    host_ids,
    hosts,
    hosts_by_id,
    hosts_named,
    presence_of,
)
from oakum.fleet.queries.installed import Installed, InstalledVersion, installed

__all__ = [
    "HOST_STATES",
    "PRESENCE_NEVER",
    "PRESENCE_SEEN",
    "PRESENCE_SILENT",
    "STALE_AFTER_DEFAULT",
    "ChangeView",
    "EnrolmentTokenView",
    "GroupView",
    "HostCounts",
    "HostPage",
    "HostRow",
    "HostView",
    "Installed",
    "InstalledVersion",
    "OfferView",
    "PackagePage",
    "PackageView",
    "contexts",
    "enrolment_tokens",
    "group",
    "group_host_ids",
    "groups",
    "host",
    "host_by_name",
    "host_changes",
    "host_counts",
    "host_ids",
    "host_offers",
    "host_packages",
    "hosts",
    "hosts_by_id",
    "hosts_named",
    "installed",
    "presence_of",
]
