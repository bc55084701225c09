"""``oakum up``: one foreground program from several processes.

``preparation`` makes what must exist before anything starts, ``supervisor`` starts and watches the children,
``local_agent`` enrols this machine, ``command`` is what people type.
"""
