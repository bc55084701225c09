"""Decisions: pure functions of values and ``now``.

No clock, input or output, randomness, logging or Django here.
"""
