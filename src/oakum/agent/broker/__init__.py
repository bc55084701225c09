"""Talks with the server: the only part of the agent that opens a connection.

It carries values of ``oakum.protocol`` to and fro and decides nothing of what they say; it never runs a program.
"""

from __future__ import annotations

from oakum.agent.broker.client import Broker
from oakum.agent.broker.transport import Transport

__all__ = ["Broker", "Transport"]
