"""The agent: what runs on a host.  It talks (broker), looks (observer, managers) and, if the host's owner allows, acts (actor).

Python 3.9 syntax and the standard library alone; of Oakum it imports ``oakum.protocol`` and itself.
It judges nothing that the server can judge, keeps no process resident, and runs no command text that came over the wire.
"""
