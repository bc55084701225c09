"""The people's pages: templates and htmx.

It calls the same verbs and queries as the API and decides nothing.
"""
