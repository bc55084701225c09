"""The verbs of the catalogue: the only place that writes its tables.

Package versions are everybody's and nobody's; updates and release notes belong to the organisation whose hosts told
them.  Nothing here knows which host has what.
"""

from oakum.catalogue.services.asking import Ask, ask_for_notes, give_up_asking, stop_wanting, want_notes_again
from oakum.catalogue.services.notes import NotesStored, record_notes
from oakum.catalogue.services.updates import SeenUpdates, see_updates
from oakum.catalogue.services.versions import UpsertedVersions, VersionRow, upsert_versions

__all__ = [
    "Ask",
    "NotesStored",
    "SeenUpdates",
    "UpsertedVersions",
    "VersionRow",
    "ask_for_notes",
    "give_up_asking",
    "record_notes",
    "see_updates",
    "stop_wanting",
    "upsert_versions",
    "want_notes_again",
]
