"""The pages, one subject a file.  A view parses, calls one query or verb, and renders; it decides nothing."""
