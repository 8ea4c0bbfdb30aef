"""The daemon at the centre and the operator's tool.

The daemon stores, forwards and proves freshness; it holds no key that can author anything. The operator's tool
(``cli``, ``estate``) compiles the estate and signs on the operator's own machine. Neither imports ``orch.minion``.
"""
