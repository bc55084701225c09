"""The scan room: what is installed under a root, this machine's or an offline one's, and what advisories say of it.

``root`` opens files and nothing else, ``readers`` turn databases and metadata into packages, ``inventory`` puts them
together, ``store`` reads the imported feeds, ``assess`` matches, ``outputs`` print.  It has no tables, changes nothing
on the root or in the database, and never executes anything from the root.
"""
