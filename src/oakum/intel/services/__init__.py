"""The verbs of intelligence: the only place that writes its tables."""

from oakum.intel.services.filling import Progress
from oakum.intel.services.generations import has_former_advisories, remove_former_advisories
from oakum.intel.services.host_notes import HOST_FEED, record_host_advisories
from oakum.intel.services.importing import FeedOrigin, ImportReport, import_feed
from oakum.intel.services.syncing import FEED_SOURCES, FeedSource, SyncReport, set_feed_url, sync_feeds

__all__ = [
    "FEED_SOURCES",
    "HOST_FEED",
    "FeedOrigin",
    "FeedSource",
    "ImportReport",
    "Progress",
    "SyncReport",
    "has_former_advisories",
    "import_feed",
    "record_host_advisories",
    "remove_former_advisories",
    "set_feed_url",
    "sync_feeds",
]
