"""How large a message may be: what everybody who carries frames has to know, and all that an agent knows of them."""

from __future__ import annotations

FRAME_LIMIT = 1_100_000
"""Largest frame that anybody accepts, in bytes: a document and its envelope."""

MAX_FRAMES = 4
