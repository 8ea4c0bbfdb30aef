"""Kills at every durable step and at system calls: of an executor that makes a document true, of a master that takes reports.

Both are real processes on real disks. Cases follow one another on the same host and the same centre, as kills do in a
long life; what a case does is made of its dice alone.
"""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from random import Random

from orch.common import trust
from orch.common.crypto import sha256
from orch.common.envelope import open_envelope
from orch.common.report import LIMIT, TYPE, Outcome, Report
from orch.common.standing import Floor
from orch.minion import failpoint
from orch.minion.floor import SLOTS, FloorFile
from tests.fakes.log import ListLog
from tests.fakes.real_host import PATIENCE, Site, open_site, wait_for
from tests.fakes.real_master import Master
from tests.proof import strace
from tests.proof.family import Case, Family

HOST_CALLS = {"write": 24, "rename": 6, "fsync": 12, "unlink": 3, "execve": 1}
MASTER_CALLS = {"write": 128, "fsync": 32, "unlink": 4}
"""The n-th call of a kind at which a kill may fall; beyond that there is hardly one in a case."""
LIFE = {"passwd", "group", "motd"}
"""All that there may be in the host's /etc at the end of a case: nothing half-written is left."""


class HostCases:
    """An executor is killed while a release comes and is made true."""

    def __init__(self, site: Site, folder: Path) -> None:
        """Admit the host, and give it a first document."""
        self._site, self._folder = site, folder
        self._number = 2
        self._lists = ""
        self._read: list[Report] = []
        self._texts = ["begun\n"]
        site.admit()
        self._publish("nano\n")
        site.start("executor")
        site.start("agent")
        wait_for(self.applied)
        self._floor = floor_on_disk(site.root)

    def case(self, number: int, dice: Random) -> None:
        """One to three kills in one release's life."""
        site = self._site
        site.stop("executor", dice.choice((signal.SIGKILL, signal.SIGTERM)))
        self.publish(number, dice)
        for _ in range(dice.randint(1, 3)):
            if self.applied():
                break
            before = len(self.reports())
            self._start_to_die(number, dice)
            self.start_agent()
            wait_for(partial(self._died_or_told, before))
            site.stop("executor", signal.SIGKILL)
            self.nothing_is_half()
        site.start("executor")
        self.start_agent()
        self.ends_well()

    def _start_to_die(self, number: int, dice: Random) -> None:
        if number % 3:
            self._site.start("executor", under=strace.killed_at(*strace.pick(dice, HOST_CALLS)))
        else:
            place = failpoint.PLACES[number // 3 % len(failpoint.PLACES)]
            self._site.start("executor", ORCH_FAILPOINT=f"{place}=kill:{dice.choice((1, 1, 2))}")

    def start_agent(self) -> None:
        """Anew: one that has lost its line often waits longer and longer before it dials again."""
        if "agent" in self._site.running:
            self._site.stop("agent", signal.SIGKILL)
        self._site.start("agent")

    def publish(self, number: int, dice: Random) -> None:
        """The next release: another text, sometimes another list."""
        self._number += 2  # odd ones take something back
        self._texts.append(dice.randbytes(dice.choice((8, 700, 8000))).hex() + "\n")
        self._publish(dice.choice(("nano\n", f"nano\nvim{number}\n")))

    def _publish(self, lists: str) -> None:
        self._lists = lists
        self._site.publish(self._number, self._site.document(self._texts[-1], lists=lists))

    def _died_or_told(self, before: int) -> bool:
        """Whatever it says: a program that was killed under the executor makes the release fail for now."""
        if self._site.ended("executor"):
            return True
        return any(one.number == self._number for one in self.reports()[before:])

    def applied(self) -> bool:
        """Whether the newest release is reported as applied."""
        return any(one.number == self._number and one.outcome is Outcome.APPLIED for one in self.reports())

    def reports(self) -> list[Report]:
        """All that the centre has acknowledged."""
        new = self._site.centre.reports[len(self._read) :]
        self._read += [trust.judge_report(self._site.me, envelope) for envelope in new]
        return self._read

    def nothing_is_half(self) -> None:
        """At any moment: the floor is no lower, the file is the old one or the new one."""
        floor = floor_on_disk(self._site.root)
        before, self._floor = self._floor, floor
        if height(floor) < height(before):
            raise AssertionError(f"the floor fell from {before} to {floor}")
        if self._site.motd() not in self._texts[-2:]:
            raise AssertionError("/etc/motd is neither what it was nor what it shall be")
        if self.applied() and self._site.motd() != self._texts[-1]:
            raise AssertionError("it says applied, and /etc/motd is not so")

    def ends_well(self) -> None:
        """The release is made true, told once, and nothing is left over."""
        site = self._site
        wait_for(self.applied)
        self.nothing_is_half()
        if (site.root / "var/lib/orch/lists/base.list").read_text() != self._lists:
            raise AssertionError("it says applied, and the list is not so")
        if left := {path.name for path in (site.root / "etc").iterdir()} - LIFE:
            raise AssertionError(f"left in /etc: {sorted(left)}")
        self._all_told()
        in_their_chain(site.centre.reports, self.reports())

    def _all_told(self) -> None:
        """Until the host and the centre agree on what was acknowledged."""
        wait_for(lambda: self._site.run("status").returncode != 2)  # it answers
        kept = len(self._site.centre.reports)
        until = time.monotonic() + PATIENCE
        while (status := self._site.status())["committed"] != status["reports"] or status["reports"] != kept:
            kept = len(self._site.centre.reports)
            if time.monotonic() > until:
                raise AssertionError(f"made {status['reports']}, acknowledged {status['committed']}, kept {kept}")


class MasterCases:
    """A master is killed while it takes reports."""

    def __init__(self, master: Master) -> None:
        """Admit a host."""
        self._master = master
        master.start()
        master.connect()
        master.admit()
        master.until(lambda: "admitted" in master.host.standing)

    def case(self, _number: int, dice: Random) -> None:
        """One or two kills between the first report and the last."""
        master, host = self._master, self._master.host
        master.kill(dice.choice((signal.SIGKILL, signal.SIGTERM)))
        for _ in range(dice.randint(1, 2)):
            master.start(under=strace.killed_at(*strace.pick(dice, MASTER_CALLS)))
            self._report(dice)
            master.kill()
            kept = master.kept()
            if host.acknowledged > max(kept, default=0):
                raise AssertionError(f"{host.acknowledged} was acknowledged, the newest kept is {max(kept, default=0)}")
        master.start()
        master.connect()
        last = host.report()
        master.until(lambda: host.acknowledged == last)
        master.kill()
        kept = master.kept()
        if kept != list(range(last - len(kept) + 1, last + 1)) or len(kept) < min(last, 200):
            raise AssertionError(f"the last report is {last}, kept are {len(kept)}: {kept[:3]} ... {kept[-3:]}")
        master.start()

    def _report(self, dice: Random) -> None:
        """Reports in bursts, until the master is dead or has them all."""
        master, host = self._master, self._master.host
        if not master.connect_or_die():
            return
        for _ in range(dice.randint(1, 4)):
            for _ in range(dice.randint(0, 7)):
                host.report()
            last = host.report()
            until = time.monotonic() + PATIENCE
            while master.alive() and host.acknowledged < last:
                host.turn()
                if time.monotonic() > until:
                    raise AssertionError("a living master does not acknowledge")


def floor_on_disk(root: Path) -> Floor:
    """What orch itself would find now; it works on a copy, as it mends what it finds."""
    with tempfile.TemporaryDirectory() as copy:
        for slot in SLOTS:
            found = root / "var/lib/orch" / slot
            if found.exists():
                (Path(copy) / slot).write_bytes(found.read_bytes())
        return FloorFile(Path(copy), ListLog()).load()


def height(floor: Floor) -> tuple[int, int, int]:
    """By which floors are compared."""
    return (floor.policy_version, floor.epoch, floor.number)


def in_their_chain(envelopes: list[bytes], reports: list[Report]) -> None:
    """Each follows the one before it, and none is missing; for the tests of this family, too."""
    before = b""
    for number, (envelope, report) in enumerate(zip(envelopes, reports, strict=True), start=1):
        if (report.sequence, report.previous) != (number, before):
            raise AssertionError(f"report {number} at the centre is {report.sequence}, or follows another")
        before = sha256(open_envelope(envelope, type=TYPE, limit=2 * LIMIT).body)


@contextmanager
def _open() -> Iterator[Case]:
    if shutil.which("strace") is None:
        raise RuntimeError("strace is not installed: packaging/setup-debian.sh test")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orch-kills-")))
        host = HostCases(stack.enter_context(open_site(folder / "host")), folder)
        master = Master(folder / "centre")
        stack.callback(master.end)
        centre = MasterCases(master)

        def case(number: int, dice: Random) -> None:
            (centre if number % 4 == 3 else host).case(number, dice)

        yield case


FAMILY = Family(
    name="kills",
    about=(
        "a real executor with a release, or a real master with reports, killed one to three times at a named place or at "
        "the n-th write, rename, fsync, unlink or execve (strace), then started again: the floor never falls, every "
        "acknowledged report is there exactly once and in its chain, the document is true, nothing half-written is taken "
        "for whole or left behind"
    ),
    whole=20_000,
    sample=4,
    open=_open,
    root=True,
)
