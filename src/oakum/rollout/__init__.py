"""Rollouts, plans, orders, permits, outcomes; the loop that plans and executes; the order signer.

The decisions are in core.planning; this app loads, stores and journals.
"""
