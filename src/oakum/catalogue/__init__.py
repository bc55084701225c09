"""Package versions with their order keys, pending updates and their release notes.

It does not know which host has what (fleet) nor what is dangerous (intel, findings).
"""
