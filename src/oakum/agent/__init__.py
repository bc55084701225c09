"""The agent: what runs on a host.  It talks (broker), looks (observer, managers) and, where allowed, acts (actor).

Python 3.9 syntax and the standard library alone; of Oakum it imports ``oakum.protocol`` and itself.
It judges nothing that the server can judge, keeps no process resident, and runs no command that came over the wire.
"""
