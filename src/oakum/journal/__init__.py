"""The append-only, hash-chained log: audit trail and event stream in one.

It does not decide what is worth an entry (each service does) and sends nothing anywhere.
"""
