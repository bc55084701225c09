"""Feeds turned into advisories, vulnerabilities and known exploitation.

It does not match advisories with package versions (findings).
"""
