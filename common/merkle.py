"""Merkle trees: one signature over many documents, and a short proof for each (RFC 6962 section 2.1, SHA-256).

A release signs a root; a host gets its own document and the hashes beside the way up, and learns nothing of the others.

Refuses to do: know what a leaf means, or keep a tree. The caller checks the root against a signed one (trust.py).

Invariants:
- leaves and inner nodes are hashed with different first bytes, so neither can be passed off as the other;
- the index and the count belong to the proof: a path that is too short, too long or for another place gives no root.

Called by authoring (trees) and trust (roots). It takes SHA-256 from hashlib and not from crypto.py, because messages
need `Proof` and a host's agent, which reads messages, must stay small.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from orch.common.codec import Bytes32, Length
from orch.common.errors import Mislabelled


@dataclass(frozen=True, slots=True)
class Proof:
    """Where a document stands among the leaves: its index, and the hashes beside the way up."""

    index: int
    path: Annotated[tuple[Bytes32, ...], Length(0, 40)]


def leaf(content: bytes) -> bytes:
    """The hash of a leaf: of the exact bytes of a document."""
    return hashlib.sha256(b"\x00" + content).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """All levels of a tree, from the leaves up; a node without a neighbour goes up as it is."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        """Build over leaf hashes, in order; at least one.

        Raises:
            ValueError: there is no leaf, so nothing that a root could stand for.
        """
        if not leaves:
            raise ValueError("a tree needs a leaf")
        self._levels = [list(leaves)]
        while len(below := self._levels[-1]) > 1:
            above = [_node(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)]
            self._levels.append(above + below[len(above) * 2 :])

    @property
    def root(self) -> bytes:
        """The hash that stands for all leaves and their order."""
        return self._levels[-1][0]

    def proof(self, index: int) -> Proof:
        """The proof of one leaf.

        Raises:
            IndexError: there is no such leaf.
        """
        if not 0 <= index < len(self._levels[0]):
            raise IndexError(index)
        path = []
        for height, level in enumerate(self._levels):
            beside = index >> height ^ 1
            if beside < len(level):
                path.append(level[beside])
        return Proof(index, tuple(path))


def root_from(leaf_hash: bytes, proof: Proof, count: int) -> bytes:
    """The root of the tree of `count` leaves in which this leaf stands where the proof says (RFC 9162 2.1.3.2).

    The caller compares it with the signed root.

    Raises:
        Mislabelled: no leaf of such a tree has a path of this shape.
    """
    if not 0 <= proof.index < count:
        raise Mislabelled(f"the proof is for leaf {proof.index} of {count}")
    at, last, found = proof.index, count - 1, leaf_hash
    for beside in proof.path:
        if last == 0:
            raise Mislabelled("the proof's path is too long")
        if at & 1 or at == last:
            found = _node(beside, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = _node(found, beside)
        at, last = at >> 1, last >> 1
    if last:
        raise Mislabelled("the proof's path is too short")
    return found
