"""What a host durably knows: the policy, its admission, and the floor below which it takes nothing.

Refuses to do: decide (trust.py, chain.py, freshness.py) or be stored (the host's floor and journal do that).

Invariants:
- numbers are per scope, so a host that changes its scope keeps the old scope's mark and cannot be sent back by being
  moved there and away again;
- a floor only ever goes up; it is replaced whole, and written before anything that it allows begins.

Called by the verdicts in this package and by the host's executor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from orch.common.codec import Bytes16, Length, Line
from orch.common.document import Document
from orch.common.errors import RolledBack
from orch.common.identity import Admission
from orch.common.names import Name
from orch.common.policy import Policy
from orch.common.release import Hash, Release

MAX_LEFT = 256
"""Most scopes that a host may have left. Each move is signed, so nobody gets here by accident."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far a host had come in a scope that it has left."""

    scope: Name
    epoch: int
    number: int
    release: Hash
    document: Hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The newest that a host ever accepted; `Floor()` is that of a host which has accepted nothing.

    After a reset `number` is set and `release` is empty: then exactly that number may be taken once (chain.py).
    """

    scope: Line = ""
    epoch: int = 0
    number: int = 0
    release: Hash = b""  # SHA-256 of the release's body
    document: Hash = b""  # SHA-256 of this host's document in it
    policy_version: int = 0
    policy_hash: Hash = b""
    signed_time: int = 0  # latest moment at which anything accepted was signed: it cannot be earlier than that
    trusted_time: int = 0  # the centre's clock at the last good proof of freshness
    left: Annotated[tuple[Mark, ...], Length(0, MAX_LEFT)] = ()

    def within(self, scope: str) -> Floor:
        """This floor for a host that belongs to `scope` now.

        Raises:
            RolledBack: it has been moved more often than it can remember.
        """
        if scope == self.scope:
            return self
        left = {mark.scope: mark for mark in self.left}
        if self.scope:
            left[self.scope] = Mark(
                scope=self.scope, epoch=self.epoch, number=self.number, release=self.release, document=self.document
            )
        back = left.pop(scope, Mark(scope=scope, epoch=0, number=0, release=b"", document=b""))
        if len(left) > MAX_LEFT:
            raise RolledBack(f"this host has left {len(left)} scopes and cannot remember more")
        return replace(
            self,
            scope=scope,
            epoch=back.epoch,
            number=back.number,
            release=back.release,
            document=back.document,
            left=tuple(left.values()),
        )

    def with_policy(self, policy: Policy, policy_hash: bytes) -> Floor:
        """The floor to write when a policy was taken (`take_policy`)."""
        signed = max(self.signed_time, policy.issued)
        return replace(self, policy_version=policy.version, policy_hash=policy_hash, signed_time=signed)

    def with_time(self, time: int) -> Floor:
        """The floor to write when the centre proved freshness at `time`.

        It may go back, down to the last signed moment: otherwise one master with a clock far ahead would have every
        later release refused as expired, for ever.
        """
        return replace(self, trusted_time=max(time, self.signed_time))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All that a host judges by. Read from its own disk, where only verified things were put."""

    policy: Policy
    policy_hash: bytes  # SHA-256 of the body
    me: Admission
    floor: Floor


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A release that this host may take, and the floor to write before it does."""

    release: Release
    document: Document
    release_hash: bytes
    document_hash: bytes
    floor: Floor
    again: bool = False  # the one that it has already; nothing to write


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What the machine says of the time; `boot` tells whether two boottimes can be compared."""

    wall: int
    boot: Bytes16
    boottime: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """The last good proof of freshness: when by this machine, and what the centre's clock said."""

    boot: Bytes16
    boottime: int
    time: int
