"""The hypervisor as the executor sees it: the port of everything that is done with guests.

Invariants:
- every deed says what shall be, not what to do next: done twice, or again after a kill in its middle, it changes
  nothing the second time and says so;
- a guest that the machine cannot run is refused (Impossible) before the hypervisor is asked for anything;
- a guest of the same name that orch did not define is never touched: StepFailed.

Satisfied by minion/adapters/guests and by tests/fakes/hypervisor.py, which pass the same tests/contract.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from orch.common.guest import Guest
from orch.states.hypervisor import Difference, GuestsSeen


class Answer(Enum):
    """What came of waiting for a sign of life."""

    ALIVE = "alive"  # it said itself what was waited for
    SILENT = "silent"  # it runs, as the hypervisor has it, and said nothing of the kind in time
    ENDED = "ended"  # it went off, or never was on
    SIMULATED = "simulated"  # nothing runs that could answer


class Hypervisor(GuestsSeen, Protocol):
    """Deeds; whatever was asked of no guest at all raises StepFailed.

    All of them raise as the questions do.
    """

    def define(self, guest: Guest) -> tuple[Difference, ...]:
        """Make it known, with its disks; returns what became different, nothing where it was all so already.

        A guest that runs goes on as it is; from its next start on it is the new one.

        Raises:
            Impossible: the machine cannot; nothing was changed.
        """

    def start(self, name: str) -> bool:
        """See to it that it runs: from its beginning, from where it was saved or held; whether it had to."""

    def wait_for_life(self, name: str, sign: str, *, within: float) -> Answer:
        """Wait until the guest's console has shown this text since its start, for so many seconds at most."""

    def suspend(self, name: str) -> bool:
        """Hold it where it is; whether it had to."""

    def resume(self, name: str) -> bool:
        """Let it go on; whether it had to."""

    def save(self, name: str) -> bool:
        """Write it to disk in the middle of its life; whether it had to.

        Raises:
            Impossible: this hypervisor cannot.
        """

    def restore(self, name: str) -> bool:
        """Let it go on from where it was saved; whether it had to.

        Raises:
            StepFailed: it was not saved.
        """

    def shut_down(self, name: str, *, within: float) -> bool:
        """Ask it to end, and wait for so many seconds at most; whether it had to.

        Raises:
            StepFailed: it did not end in time; it may still do.
        """

    def destroy(self, name: str) -> bool:
        """Take its power away, and forget where it was saved; whether it had to."""

    def console(self, name: str) -> str:
        """What it showed since its start, the last 256 KiB of it; a guest can write there whatever it likes."""

    def undefine(self, name: str) -> tuple[str, ...]:
        """Forget it, off or not, with all that orch made for it but disks to keep; returns what went, for people."""

    def close(self) -> None:
        """Let go of the hypervisor; guests go on."""
