"""Bundles: all feeds of a server in one signed file, to be carried to a server that nothing is fetched by.

A bundle is a tar archive: first ``bundle.json``, a DSSE envelope around a manifest that an Ed25519 key of the exporting
server signed; then the content of each feed as it was imported there, called by its SHA-256.  The importing server
takes bundles of keys that a person has told it to trust, and reads the contents with its own importers.
"""

from __future__ import annotations

from oakum.intel.services.bundles.keys import BundleKey, distrust_key, own_key, trusted_keys
from oakum.intel.services.bundles.manifest import is_bundle
from oakum.intel.services.bundles.taking import import_bundle
from oakum.intel.services.bundles.writing import BundledFeed, write_bundle

__all__ = [
    "BundleKey",
    "BundledFeed",
    "distrust_key",
    "import_bundle",
    "is_bundle",
    "own_key",
    "trusted_keys",
    "write_bundle",
]
