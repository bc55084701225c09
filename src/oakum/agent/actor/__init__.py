"""The actor, the only part of the agent that changes a host: it carries signed orders to their ends.

An order is a state machine on disk (``store``), whose phases the server is told.  Pure parts decide: ``record``,
``judge``, ``health``, ``listening``, and the plans in ``restart`` and ``rolling``.  The steps act through one
interface, ``system.System``: ``intake``, ``preparing``, ``starting``, ``installing``, ``watching``, ``rolling``,
``finishing``; ``engine`` puts them in order.

It does not talk to the server (``broker``), does not choose versions, and runs no command that came over the wire.
"""

from __future__ import annotations

from oakum.agent.actor.engine import Work, active_orders, work

__all__ = ["Work", "active_orders", "work"]
