"""Reads of rollouts: for people by organisation, and the signed orders for the gateway.

Everything comes back as frozen values.  The report in them is the one text that page, API and command line show.
"""

from oakum.rollout.holders import Holder
from oakum.rollout.queries.hosts import (
    HostRollout,
    RolloutHostPage,
    RolloutHostView,
    rollout_hosts,
    rollouts_of_host,
)
from oakum.rollout.queries.lists import RolloutPage, RolloutRow, WaitingRow, rollouts, waiting_for
from oakum.rollout.queries.orders import orders_for
from oakum.rollout.queries.plans import PlanView, plans
from oakum.rollout.queries.view import ApprovalView, RingView, RolloutView, rollout

__all__ = [
    "ApprovalView",
    "Holder",
    "HostRollout",
    "PlanView",
    "RingView",
    "RolloutHostPage",
    "RolloutHostView",
    "RolloutPage",
    "RolloutRow",
    "RolloutView",
    "WaitingRow",
    "orders_for",
    "plans",
    "rollout",
    "rollout_hosts",
    "rollouts",
    "rollouts_of_host",
    "waiting_for",
]
