"""The command line: a client of the REST API, and the few local commands.

It reaches into the database only for ``up``, ``db``, ``admin``, ``feed`` and offline ``journal verify``.
"""
