"""A release: the documents of named hosts of one scope, signed once.

The root is a Merkle tree (merkle.py) whose leaves are the exact bytes of exactly those hosts' documents, so one
signature, and one touch of a hardware key, covers ten thousand hosts, and a host learns nothing about the others.

Numbers go in pairs: 2k is the step, 2k+1 its return, which names the step it takes back and counts only on a host
that runs that step now. (design section 3)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from orch.common.codec import Bytes16, Bytes32, Length, Line
from orch.common.merkle import Proof as Proof  # noqa: PLC0414  a parcel's readers find it here
from orch.common.names import Name

TYPE = "orch/release/1"
GO_TYPE = "orch/go/1"
FRESH_TYPE = "orch/fresh/1"
LIMIT = 16 * 1024
FRESH_LIMIT = 4 * 1024
MAX_JUMP = 1_000_000
"""A number may not jump further than this: it keeps a stolen key from using up all numbers."""

Hash = Annotated[bytes, Length(0, 32)]
"""SHA-256, or empty for "none"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What operators sign."""

    estate: Name
    scope: Name
    epoch: int
    number: int
    previous: Hash  # SHA-256 of the scope's release body before this one; empty for the first
    returns: Hash = b""  # for odd numbers: SHA-256 of the body of the step that is taken back
    created: int
    expires: int
    root: Bytes32
    count: int
    removals: int = 0  # most packages a host may remove beyond its document's ceiling; needs the verb `remove`
    needs_go: bool = False
    note: Line = ""

    def __post_init__(self) -> None:
        """Odd numbers are returns and only they name a step; 2 is the first step, so that 0 can stand for "none"."""
        if self.number < 2:
            raise ValueError("numbers start at 2")
        if bool(self.number % 2) != bool(self.returns):
            raise ValueError("odd numbers, and only they, take back a step")
        if len(self.returns) not in (0, 32) or len(self.previous) not in (0, 32):
            raise ValueError("a hash has 32 bytes")
        if self.count < 1 or self.expires <= self.created:
            raise ValueError("a release names at least one host and expires after it was made")


@dataclass(frozen=True, slots=True)
class Parcel:
    """What a host needs to check and take a release: bytes as signed, never re-encoded."""

    release: bytes  # envelope
    document: bytes
    proof: Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """The word that a ring may now take a release that demands it; verb `publish`."""

    estate: Name
    scope: Name
    epoch: int
    number: int
    release: Bytes32
    rings: Annotated[tuple[Name, ...], Length(1, 64)]
    issued: int
    expires: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """The master's proof, to one host and its nonce, of what is newest for it; authorises nothing."""

    estate: Name
    curve: Bytes32  # the host
    nonce: Bytes16
    policy: int  # newest policy version
    epoch: int  # newest release for this host; 0, 0 and empty where there is none
    number: int
    release: Hash
    time: int  # the master's clock
