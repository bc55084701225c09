"""The wire between agent and server: frozen values, versioned, additive.

Runs under Python 3.9 with the standard library alone and imports nothing else of Oakum, because both sides carry it.
It does no input or output, reads no clock, and decides one thing only: may this order be obeyed (``trust``).
"""
