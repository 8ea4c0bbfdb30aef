"""The software on a host: it dials out, listens nowhere, and makes the host what its signed document says.

Three processes: the agent (network, no authority), the fetcher (network, no authority, exits when idle) and the
executor (root, no network of its own), which verifies everything again. It runs on the card's packages alone and never
imports ``orch.master``.
"""
