"""Looks at the host and says what it sees: packages, offers, facts.  It changes nothing and judges nothing.

What it cannot see it calls unknown, with the reason; without root that is a lot.
"""

from __future__ import annotations

from oakum.agent.observer.observe import Observation, observe

__all__ = ["Observation", "observe"]
