"""The verbs of intelligence: the only place that writes its tables."""

from oakum.intel.services.bundles import (
    BundledFeed,
    BundleKey,
    distrust_key,
    import_bundle,
    is_bundle,
    own_key,
    trusted_keys,
    write_bundle,
)
from oakum.intel.services.filling import Progress
from oakum.intel.services.generations import has_former_advisories, remove_former_advisories
from oakum.intel.services.host_notes import HOST_FEED, record_host_advisories
from oakum.intel.services.importing import FeedOrigin, ImportReport, import_feed
from oakum.intel.services.syncing import FEED_SOURCES, FeedSource, SyncReport, chosen_sources, set_feed_url, sync_feeds
from oakum.intel.services.vex import withdraw_vex

__all__ = [
    "FEED_SOURCES",
    "HOST_FEED",
    "BundleKey",
    "BundledFeed",
    "FeedOrigin",
    "FeedSource",
    "ImportReport",
    "Progress",
    "SyncReport",
    "chosen_sources",
    "distrust_key",
    "has_former_advisories",
    "import_bundle",
    "import_feed",
    "is_bundle",
    "own_key",
    "record_host_advisories",
    "remove_former_advisories",
    "set_feed_url",
    "sync_feeds",
    "trusted_keys",
    "withdraw_vex",
    "write_bundle",
]
