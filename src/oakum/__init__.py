"""Oakum: find what is out of date, patch it in rings, take it back where it harms, prove it.

This module holds the version alone; it runs under Python 3.9 too, because the agent's zipapp contains it.
"""

__version__ = "0.1.0"
