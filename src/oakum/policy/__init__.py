"""Deadline packs chosen, maintenance windows, freezes and the fleet's settings.

It computes no deadline and no window occurrence itself: core.priority and core.windows do.
"""
