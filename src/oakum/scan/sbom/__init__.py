"""Bills of materials that others wrote: read into packages, checked against their formats; and written.

``documents`` opens and bounds, one file a format reads, ``packages`` says which package an entry is, ``checking`` holds
a document to its format's own schema.  Nothing here matches advisories (``scan.assess``) or changes a file.
"""
