"""The people's REST door, by django-ninja.

It parses, checks the role, calls one service verb or query and renders; it decides nothing.
"""
