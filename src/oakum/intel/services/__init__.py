"""The verbs of intelligence: the only place that writes its tables."""

from oakum.intel.services.generations import remove_former_advisories
from oakum.intel.services.host_notes import HOST_FEED, record_host_advisories
from oakum.intel.services.importing import FeedOrigin, ImportReport, Progress, import_feed
from oakum.intel.services.syncing import FEED_SOURCES, FeedSource, SyncReport, set_feed_url, sync_feeds

__all__ = [
    "FEED_SOURCES",
    "HOST_FEED",
    "FeedOrigin",
    "FeedSource",
    "ImportReport",
    "Progress",
    "SyncReport",
    "import_feed",
    "record_host_advisories",
    "remove_former_advisories",
    "set_feed_url",
    "sync_feeds",
]
