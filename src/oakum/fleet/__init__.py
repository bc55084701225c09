"""Hosts, groups, package sets and the log of their changes; enrolment.

It does not judge what it stores: no finding, deadline or rollout is decided here.
"""
