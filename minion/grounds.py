"""What may be done with the release in force, as a frozen value that says so at whatever moment it is asked.

Refuses to do: change, or remember. The inbox makes a new one whenever something came that counts.

Invariants:
- the clock is read at each question: a machine that was suspended in the middle of a turn finds its release expired at
  the very next step, whoever else has woken by then;
- any thread may ask.

Called by inbox.py and, between two steps, by the worker.
"""

from __future__ import annotations

from dataclasses import dataclass

from orch.common import trust
from orch.common.clock import Clock
from orch.common.errors import NotFresh, OrchError
from orch.common.release import Release
from orch.common.trust import Contact, Floor, Moment, Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What a host knows that decides what it may do."""

    clock: Clock
    boot: bytes
    floor: Floor
    contact: Contact | None
    release: Release | None  # in force
    doubt: OrchError | None  # why that one would not be taken any more

    def moment(self) -> Moment:
        """What the machine says of the time."""
        return Moment(wall=self.clock.wall(), boot=self.boot, boottime=int(self.clock.boottime()))

    def now(self) -> int:
        """Trusted time, in seconds since 1970."""
        return trust.trusted_now(self.moment(), self.floor, self.contact)

    def unproven(self) -> int | None:
        """Seconds since the centre last proved what is newest; None for never."""
        return trust.unproven(self.moment(), self.contact, now=self.now())

    def permission(self) -> tuple[Permission, OrchError | None]:
        """What may be done now, and why it is not everything."""
        if self.doubt is not None:
            return Permission.HEAL, self.doubt
        if self.release is None:
            return Permission.HEAL, NotFresh("this host has no release yet")
        return trust.permission(self.release, now=self.now(), unproven_for=self.unproven())
