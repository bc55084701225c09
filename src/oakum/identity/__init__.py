"""Organisations, people, roles, personal tokens, approvals, and the installation itself.

It does not know what an approval is for: a subject is a kind, an id and a hash.
"""
