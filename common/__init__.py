"""The words that both daemons and the operator's tool speak, and the verdicts that all of them must share.

Nothing here is daemon logic. What decides (``trust``, ``session``) does no I/O and reads no clock. Outside packages
come in through one door each: msgpack through ``codec``, cryptography through ``crypto``, zmq through ``wire``.
"""
