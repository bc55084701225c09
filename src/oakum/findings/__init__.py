"""Which package versions are affected by which advisory; host findings as a view.

It does not set deadlines (policy) and never stores hosts x vulnerabilities.
"""
