"""What people ask of the whole: overview, compliance, exports.

It owns no table: every number is computed from the other rooms, with its as-of time.
"""
