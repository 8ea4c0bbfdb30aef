"""What really happened in a world, and what must never: the invariants, judged from outside of the code that is tested.

It sees what was signed (the operator tells it), what was done to machines, which reports were committed to hosts'
journals and to the centre's database. It asks no part of orch whether all is well.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from orch.common import codec
from orch.common.crypto import sha256
from orch.common.document import Document
from orch.common.report import Outcome
from orch.master.records import Summary
from tests.sim.agenda import Agenda
from tests.sim.clock import true_time
from tests.sim.machine import Act, marker_hash

if TYPE_CHECKING:
    from tests.sim.centre import SimCentre
    from tests.sim.host import SimHost

SLACK = 30
"""Seconds by which a host may misjudge the time: it counts on from the last proof of freshness."""
MOST = 20
ENDS = frozenset({Outcome.APPLIED.value, Outcome.FAILED.value})
TOO_LATE = frozenset({"expired", "bad-signature", "out-of-scope", "rolled-back"})
"""Reasons for which a host that comes back late refuses a release for good, and says so: its time has passed, or a newer
policy has dropped who signed it or closed its epoch. It is for the operator to publish anew."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A document as an operator signed it."""

    epoch: int
    number: int
    expires: int
    services: frozenset[str]


@dataclass
class History:
    """One world's."""

    agenda: Agenda
    wrong: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    acts: int = 0

    def __post_init__(self) -> None:
        """Nothing has happened."""
        self.signed: dict[bytes, Signed] = {}
        self.places: Counter[str] = Counter()  # durable steps at which somebody died, by name
        self._made: dict[bytes, dict[int, bytes]] = {}
        self._highest: dict[bytes, tuple[int, int]] = {}

    def note(self, text: str) -> None:
        """Something happened; for people who look at a seed."""
        self.lines.append(f"{self.agenda.now:14.3f} {text}")

    def broken(self, text: str) -> None:
        """Something happened that must not."""
        self.note(f"WRONG {text}")
        if len(self.wrong) < MOST:
            self.wrong.append(f"at {self.agenda.now:.3f}: {text}")

    # --- as it happens ------------------------------------------------------------------------------

    def acted(self, host: SimHost, act: Act) -> None:
        """Something was done to a machine."""
        self.acts += 1
        signed = self.signed.get(sha256(codec.encode(act.document)))
        self.note(f"{host.name} does {act.step.resource}" + (f" for {signed.epoch}:{signed.number}" if signed else ""))
        if signed is None or act.document.curve != host.curve:
            self.broken(f"{host.name} acted on a document that no operator signed for it")
            return
        self._not_below(host, (signed.epoch, signed.number), "acted on")
        if not act.removed:
            return
        if stopped := sorted(signed.services & set(act.removed)):
            self.broken(f"{host.name} stopped {', '.join(stopped)}, which its document wants")
        # With a clock that is behind, after a reboot and before the first proof, nobody can know the time (trust.md 2.3).
        if host.clock.wrong >= 0 and true_time(self.agenda) > signed.expires + SLACK:
            self.broken(f"{host.name} stopped {', '.join(act.removed)} after {signed.epoch}:{signed.number} expired")

    def taken(self, host: SimHost, epoch: int, number: int) -> None:
        """A host says that it took a release."""
        self.note(f"{host.name} takes {epoch}:{number}")
        self._not_below(host, (epoch, number), "took")

    def died(self, host: SimHost, place: str) -> None:
        """A host was killed, or lost its power, at a durable step."""
        self.note(f"{host.name} dies at {place}")
        self.places[place] += 1

    def _not_below(self, host: SimHost, place: tuple[int, int], what: str) -> None:
        before = self._highest.get(host.curve, (0, 0))
        if place < before:
            self.broken(f"{host.name} {what} {place[0]}:{place[1]}, below its floor {before[0]}:{before[1]}")
        self._highest[host.curve] = max(before, place)

    def made(self, host: SimHost, sequence: int, envelope: bytes) -> None:
        """A host has committed a report to its journal."""
        mine = self._made.setdefault(host.curve, {})
        if mine.setdefault(sequence, envelope) != envelope:
            self.broken(f"{host.name} gave the number {sequence} to two reports")

    # --- at the end, and in between -----------------------------------------------------------------

    def count_reports(self, hosts: list[SimHost], database: Path) -> None:
        """Every report that a host was told is safe exists, once, as the host made it."""
        stored: dict[bytes, dict[int, bytes]] = {}
        with closing(sqlite3.connect(database)) as connection:
            for curve, sequence, gap, envelope in connection.execute(
                "SELECT curve, sequence, gap, envelope FROM reports ORDER BY curve, sequence"
            ):
                stored.setdefault(curve, {})[sequence] = envelope
                if gap:
                    self.broken(f"the centre counts {gap} reports as lost before {sequence} of {curve.hex()[:8]}")
        for host in hosts:
            made, kept = self._made.get(host.curve, {}), stored.get(host.curve, {})
            done = host.core.outbox.committed if host.core else 0
            if lost := [number for number in range(1, done + 1) if number not in kept]:
                self.broken(f"{host.name}: acknowledged and not stored: {lost[:MOST]}")
            if other := [number for number, envelope in kept.items() if made.get(number) != envelope]:
                self.broken(f"{host.name}: stored and never made like that: {other[:MOST]}")

    def unsettled(self, host: SimHost, centre: SimCentre, *, strictly: bool) -> str:
        """Why the centre does not know how the newest release ended on a host; empty where it does.

        Strictly: the release is one that can be applied by everybody.
        """
        if centre.hub is None or host.core is None:
            return "not running"
        known = centre.hub.roster.hosts.get(host.curve)
        head = centre.hub.roster.head(host.curve)
        if known is None or head is None:
            return "" if head is None else "unknown"
        if not known.peer:
            return f"not connected ({host.core.desk.view.standing or 'no line'})"
        if host.core.outbox.unsent:
            return f"{len(host.core.outbox.unsent)} reports are not acknowledged"
        summary = known.summary
        if summary is None:
            return "it has never reported"
        ahead = (summary.epoch, summary.number) > (head.epoch, head.number)
        # The thief handed it what an operator had signed and the centre had refused: it is ahead, and status says so.
        if not ahead and (summary.epoch, summary.number, summary.release) != (head.epoch, head.number, head.release):
            return (
                f"the newest report is of {summary.epoch}:{summary.number}, the newest release {head.epoch}:"
                f"{head.number} ({summary.outcome} {summary.code} {summary.warning})"
            )
        return _why_not_ended(summary, too_late=frozenset() if strictly else TOO_LATE)

    def is_true(self, host: SimHost, centre: SimCentre) -> None:
        """A host of which the centre says "applied" is what its document says."""
        known = centre.hub.roster.hosts.get(host.curve) if centre.hub else None
        if known is None or known.summary is None or known.head is None or host.is_busy or host.machine.has_drifted:
            return
        if known.summary.outcome != Outcome.APPLIED.value or known.summary.release != known.head.release:
            return
        document = codec.decode(Document, known.head.parcel.document, limit=1 << 20)
        wanted = self.signed[sha256(known.head.parcel.document)]
        if host.machine.shows() != marker_hash(wanted.epoch, wanted.number, host.name):
            self.broken(f"{document.host} is said to have {wanted.epoch}:{wanted.number} applied, and shows another")
        if host.machine.services() != wanted.services:
            self.broken(f"{document.host} is said to be right, and runs {sorted(host.machine.services())}")


def _why_not_ended(summary: Summary, *, too_late: frozenset[str]) -> str:
    if summary.outcome in ENDS or summary.code in too_late:
        return ""
    return f"{summary.outcome} ({summary.code}: {summary.text})"
