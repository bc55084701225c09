"""The order signer: a process of its own, started by exec, which alone makes and reads the signing key.

It believes nothing of what the web process and the executor say: before it signs an order it derives again, from the
database, that the order is what people approved (``derive``).  It plans nothing and delivers nothing.

Run by a user of its own it is a guard against a stolen web process; run by the same user, a guard against bugs only.
Until approvals carry people's own signatures, whoever can write the database can forge them, and so make hosts install
versions that their own repositories offer, within their own local policy.
"""
