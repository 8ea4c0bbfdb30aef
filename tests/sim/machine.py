"""A host's machine: packages and files in memory, planned for by the real planner, slow and unreliable as real ones are.

Satisfies steps.Machine. Looking and doing take virtual time, during which the world goes on; a step may fail, be
blocked, break with an error of a kind that nobody foresaw, or be cut off in the middle by a kill.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from orch.common.crypto import sha256
from orch.common.document import Document
from orch.common.errors import Blocked, StepFailed
from orch.common.report import Change, Sign
from orch.minion import planner
from orch.minion.planner import Look, Plan
from orch.states.base import AptTransaction, Step
from tests.fakes.host import FakeHost, Package
from tests.sim.agenda import Dice

PLACES = BEFORE, WITHIN, AFTER = ("machine-before", "machine-within", "machine-after")
SERVICES = tuple(f"vm-service{number}" for number in range(8))


@dataclass(frozen=True, slots=True)
class Act:
    """Something that begins to be done to a host."""

    document: Document
    step: Step

    @property
    def removed(self) -> tuple[str, ...]:
        """Names of what goes."""
        return tuple(item.name for item in self.step.changes if item.sign is Sign.REMOVE)


class SimMachine:
    """One host's machine; it is there whoever runs on it."""

    def __init__(self, dice: Dice, reached: Callable[[str], None], acted: Callable[[Act], None]) -> None:
        """As installed: a base system and no service."""
        self.host = FakeHost()
        self.host.offer(Package("base-files", essential=True), *(Package(name) for name in SERVICES)).have("base-files")
        self._dice = dice
        self._reached = reached
        self._acted = acted
        self._document: Document | None = None
        self.wait: Callable[[float], None] = lambda seconds: None
        self.mirror_is_down = False
        self.has_drifted = False  # since the file was put there
        self.breaks = 0.0  # probability that a step fails

    def plan(self, document: Document, materials: Mapping[bytes, bytes], look: Look) -> Plan:
        self._document = document
        self.host.trouble = Blocked("the mirror does not answer") if self.mirror_is_down else None
        return planner.plan(document, materials, self.host, look=look)

    def mark(self, document: Document) -> bytes:
        return planner.mark(document, self.host)

    def apply(self, step: Step, materials: Mapping[bytes, bytes]) -> tuple[Change, ...]:
        document = self._document
        assert document is not None
        self._acted(Act(document, step))
        self.wait(self._dice.between(0.1, 15.0))
        self._reached(BEFORE)
        if self._dice.chance(self.breaks):
            raise self._trouble(step)
        self.host.trouble = None
        if isinstance(step.action, AptTransaction):
            self.host.interrupted = True
            self._reached(WITHIN)
            self.host.interrupted = False
        made = self.host.apply(step, materials)
        self.has_drifted &= step.resource != f"file {MARKER}"
        self._reached(AFTER)
        return made

    def listeners(self) -> tuple[str, ...]:
        return ()

    def rules(self) -> bytes:
        return b""

    def drift(self) -> None:
        """Somebody on site edits a file that orch put there."""
        self.has_drifted = self.host.stored.pop(MARKER, None) is not None or self.has_drifted

    def shows(self) -> bytes:
        """SHA-256 of the content of the file that says which release this is; empty for none."""
        found = self.host.stored.get(MARKER)
        return found.sha256 if found else b""

    def services(self) -> frozenset[str]:
        """What is installed of what lists name."""
        return frozenset(self.host.installed) & frozenset(SERVICES)

    def _trouble(self, step: Step) -> Exception:
        match self._dice.randrange(3):
            case 0:
                return StepFailed(f"{step.resource}: it does not want to")
            case 1:
                return Blocked(f"{step.resource}: somebody holds the lock")
            case _:
                return ValueError("nobody thought of this")


MARKER = "/etc/orch-release"


def marker(epoch: int, number: int, host: str) -> bytes:
    """The content of the file that says which release a host runs."""
    return f"{epoch}:{number} {host}\n".encode()


def marker_hash(epoch: int, number: int, host: str) -> bytes:
    """Its SHA-256."""
    return sha256(marker(epoch, number, host))
