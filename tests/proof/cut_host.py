"""A real executor that makes releases true on a recorded disk, and its return from what a power cut left of that disk.

It comes back through its own assembly, in this process: hundreds of times in the time in which processes start twice.
"""

from __future__ import annotations

import shutil
import signal
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from orch.common import messages, trust
from orch.common.release import Parcel
from orch.common.report import Outcome, Report
from orch.minion import settings
from orch.minion.settings import Layout
from orch.minion.whole import WholeHost
from tests.fakes.bench import BenchOf, FakeFetch
from tests.fakes.clock import ManualClock
from tests.fakes.log import ListLog
from tests.fakes.real_host import Site, open_site, wait_for
from tests.lab.recording import RecordedDisk
from tests.proof.kills import LIFE, in_their_chain

RELEASES = 5
_BAD = ("problem", "floor-slot-bad")
"""Events that say that something was found half written, or not at all."""


@dataclass(frozen=True, slots=True)
class _Published:
    position: int
    number: int
    text: str
    lists: str
    parcel: Parcel


class _Kept(list[bytes]):
    """The centre's reports, with the position at which it got, and acknowledged, each of them."""

    def __init__(self, disk: RecordedDisk) -> None:
        super().__init__()
        self._disk = disk
        self.positions: list[int] = []

    def append(self, envelope: bytes) -> None:
        self.positions.append(self._disk.position)
        super().append(envelope)


class HostLife:
    """One host."""

    def __init__(self, dice: Random) -> None:
        """The dice say what its releases are."""
        self.begins = 0
        self._dice = dice
        self._published: list[_Published] = []
        self._reports: list[tuple[int, bytes]] = []
        self._held: list[tuple[int, int]] = []  # what it said that it has

    def live(self, disk: RecordedDisk) -> None:
        """Be enrolled and admitted, take releases, be killed now and then."""
        with open_site(disk.place) as site:
            self.begins = disk.position
            site.centre.reports = kept = _Kept(disk)
            site.centre.heard = partial(self._heard, disk)
            site.admit()
            self._publish(disk, site)
            site.start("executor")
            site.start("agent")
            for number in range(RELEASES):
                wait_for(self._is_applied(site))
                if number == RELEASES // 2:
                    for what in ("executor", "agent"):
                        site.stop(what, signal.SIGKILL)
                        site.start(what)
                self._publish(disk, site)
            wait_for(self._is_applied(site))
            for what in tuple(site.running):
                site.stop(what)
        self._reports = list(zip(kept.positions, kept, strict=True))

    def _heard(self, disk: RecordedDisk, message: messages.Message) -> None:
        if isinstance(message, messages.Hello | messages.Ask):
            self._held.append((disk.position, message.number))

    def _publish(self, disk: RecordedDisk, site: Site) -> None:
        number = 2 * len(self._published) + 2
        text = self._dice.randbytes(self._dice.choice((8, 700, 8000))).hex() + "\n"
        lists = "nano\n" + "".join(f"vim{number}-{at}\n" for at in range(self._dice.choice((0, 3, 300))))
        position = disk.position
        parcel = site.publish(number, site.document(text, lists=lists))
        self._published.append(_Published(position, number, text, lists, parcel))

    def _is_applied(self, site: Site) -> partial[bool]:
        return partial(site.applied, self._published[-1].number)

    def come_back(self, place: Path, position: int) -> None:
        """It starts on what was left, and the centre goes on with it."""
        root = place / "root"
        shutil.rmtree(root / "run", ignore_errors=True)  # it is in memory on a host
        layout = Layout(root)
        log, clock = ListLog(), ManualClock(wall=int(time.time()))
        fetch = FakeFetch(place / "spool-of-test")
        host = BenchOf(layout, settings.load(layout), clock, log, WholeHost(root), fetch)
        core = host.start()
        try:
            _Return(host, self._published_by(position), [one for at, one in self._reports if at <= position]).check(
                max((number for at, number in self._held if at <= position), default=0)
            )
        finally:
            core.database.close()
        with closing(sqlite3.connect(layout.journal)) as database:
            if (found := database.execute("PRAGMA integrity_check").fetchall()) != [("ok",)]:
                raise AssertionError(f"the journal: {found}")
        if bad := [line for line in log.lines if line.startswith(_BAD)]:
            raise AssertionError(f"it found: {bad}")

    def _published_by(self, position: int) -> list[_Published]:
        return [one for one in self._published if one.position <= position]


class _Return:
    """One host that comes back, what was published for it, and the reports that the centre has."""

    def __init__(self, host: BenchOf[WholeHost], published: list[_Published], reports: list[bytes]) -> None:
        self._host = host
        self._published = published
        self._reports = reports

    def check(self, held: int) -> None:
        """Nothing that it claimed is gone; the newest release becomes true and is told once."""
        applied = max((one.number for one in self._told(self._reports) if one.outcome is Outcome.APPLIED), default=0)
        self._nothing_is_lost(held=max(held, applied), applied=applied)
        if self._published:
            self._goes_on(self._published[-1])

    def _nothing_is_lost(self, *, held: int, applied: int) -> None:
        inbox, outbox = self._host.core.inbox, self._host.core.outbox
        floor = inbox.grounds().floor.number
        if inbox.lost is not None or floor < held:
            raise AssertionError(f"the floor is {floor}, and the centre was told {held}")
        here = dict(outbox.envelopes(range(1, len(self._reports) + 1)))
        for sequence, envelope in enumerate(self._reports, start=1):
            if sequence > outbox.committed and here.get(sequence) != envelope:
                raise AssertionError(f"report {sequence} was told to the centre, and is not here as it was")
        texts = [one.text for one in self._published if one.number >= applied]
        before = [] if applied else [""]
        if self._motd() not in (*texts, *before):
            raise AssertionError("/etc/motd is neither what it was nor what it shall be")

    def _goes_on(self, newest: _Published) -> None:
        host = self._host
        host.fetch.contents["lists/base.list"] = newest.lists.encode()
        host.connect()
        host.ack(len(self._reports))
        if host.core.inbox.grounds().floor.number < newest.number:
            host.deliver(newest.parcel)
        host.work()
        outbox = host.core.outbox
        told = [*self._reports, *(envelope for _, envelope in outbox.envelopes(outbox.unsent))]
        reports = self._told(told)
        in_their_chain(told, reports)
        if not any(one.number == newest.number and one.outcome is Outcome.APPLIED for one in reports):
            raise AssertionError(f"{newest.number} was not made true: {reports[-1]}")
        root = host.layout.root
        if self._motd() != newest.text or (host.layout.lists / "base.list").read_text() != newest.lists:
            raise AssertionError("it says applied, and the document is not so")
        if left := {path.name for path in (root / "etc").iterdir()} - LIFE:
            raise AssertionError(f"left in /etc: {sorted(left)}")

    def _told(self, envelopes: list[bytes]) -> list[Report]:
        return [trust.judge_report(self._host.me, envelope) for envelope in envelopes]

    def _motd(self) -> str:
        path = self._host.layout.root / "etc/motd"
        return path.read_text() if path.exists() else ""
