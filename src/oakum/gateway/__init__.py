"""The agents' door: one raw ASGI callable.

It decodes, authenticates, calls one service verb and encodes; it decides nothing.
"""
