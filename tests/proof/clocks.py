"""Clocks that are wrong by years, on a real host and a real centre: from the start, after a reboot, or all of a sudden.

The operator's clock is right, and so are both at the end of each case: then the host must have made the release true
within a beat of the next proof of freshness, whatever the clocks had made it believe.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

from orch.common import codec, messages, trust
from orch.common import operations as op
from orch.common.crypto import sha256
from orch.common.session import BEAT
from orch.common.standing import Floor
from tests.fakes import signed_estate as estate
from tests.fakes.real_host import RealHost, enrol, policy_of, text_document
from tests.fakes.real_master import Master, kept
from tests.fakes.running_centre import RefusedHere, write_directory
from tests.fakes.wrong_clock import WrongClock
from tests.lab import mounts
from tests.proof.family import Case, Family
from tests.proof.kills import floor_on_disk, height, in_their_chain

YEAR = 31_557_600
DAY = 86_400
WRONG = (0, -56 * YEAR, -10 * YEAR, -40 * DAY, -3600, 3600, 40 * DAY, 10 * YEAR, 73 * YEAR)
GOOD_FOR = 30 * DAY
"""Seconds after which a release expires."""
LIMIT = 2 * BEAT + 20.0
"""Seconds until it is applied: the next proof is a beat away at most, then a beat, and a machine that is busy."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Machine:
    """A host of real processes, with a wall clock, a boot's clock and a boot of its own."""

    def __init__(self, folder: Path) -> None:
        """Not enrolled yet."""
        self.host = RealHost(folder / "host")
        self.clock = WrongClock(folder / "host.clock")
        self._boot = folder / "boot_id"
        self._shift = 0

    def boot(self, up: float | None = None) -> None:
        """Begin a new boot that has lasted so long; this machine's own time where nothing is said."""
        if self._boot.exists():
            mounts.unmount(_BOOT)
        self._boot.write_text(f"{uuid.uuid4()}\n", "ascii")
        mounts.bind(self._boot, _BOOT)
        self._shift = 0 if up is None else int(up - time.clock_gettime(time.CLOCK_BOOTTIME))
        shutil.rmtree(self.host.root / "run", ignore_errors=True)

    def start(self, *what: str) -> None:
        """Start these processes."""
        boot = ("unshare", "--time", f"--boottime={self._shift}", "--fork", "--kill-child", "--")
        for one in what:
            self.host.start(one, under=(*boot, *self.clock.words()))

    def stop(self, *what: str) -> None:
        """Kill these; it is the child of `unshare` that must be gone before the next one starts."""
        for one in what:
            process = self.host.running.pop(one)
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text("ascii").split()
            os.kill(int(children[0]) if children else process.pid, signal.SIGKILL)
            process.wait()

    def end(self) -> None:
        """Leave nothing behind."""
        self.stop(*tuple(self.host.running))
        if self._boot.exists():
            mounts.unmount(_BOOT)


class Clocks:
    """One host and one centre, and all that was published for the host."""

    def __init__(self, machine: Machine, master: Master, clock: WrongClock) -> None:
        """Get to know each other, with clocks that are right."""
        self._machine, self._master, self._clock = machine, master, clock
        self._number, self._newest, self._texts = 0, b"", ["\n"]
        self._floor = Floor()
        policy = policy_of(master.address)
        write_directory(master.folder, listen=master.address, policy=policy)
        self._start_master()
        enrol(machine.host, policy)
        machine.start("executor", "agent")
        self._me = machine.host.me
        master.ask("key.admit", op.Signed(estate.admission_bytes(self._me)))
        self._publish(Random(0))
        self._until(self._is_applied)

    def case(self, _number: int, dice: Random) -> None:
        """One release, wrong clocks, and right ones again."""
        early = dice.random() < 0.5  # it is at the centre before clocks go wrong, and at the host afterwards
        if early:
            self._machine.stop("agent")
            self._publish(dice)
        self._go_wrong(dice)
        if early:
            self._machine.start("agent")
        published = early or self._published(dice)
        if published and self._clock.ahead < GOOD_FOR:
            self._until(self._is_applied)
        else:
            self._wait_for_contact()
        self._nothing_is_back()
        self._go_right(dice)
        if not published:
            self._publish(dice)
        self._until(self._is_applied)
        self._nothing_is_back()
        self._all_is_kept()

    def _go_wrong(self, dice: Random) -> None:
        machine, master = self._machine, self._master
        how = dice.choice(("jump", "restart", "reboot"))
        machine.clock.set(dice.choice(WRONG))
        self._clock.set(dice.choice((0, dice.choice(WRONG))))
        running = tuple(machine.host.running)
        if how == "jump":
            return
        machine.stop(*running)
        if how == "reboot":
            machine.boot(dice.choice((3.0, 5.0 * DAY, 3.0 * YEAR)))
        machine.start(*running)
        if dice.random() < 0.5:
            master.kill()
            self._start_master()

    def _start_master(self) -> None:
        self._master.start(under=self._clock.words())
        self._master.until(self._master.listens)

    def _go_right(self, dice: Random) -> None:
        """Both clocks are put right; the line is made anew, or nothing happens until the next beat."""
        self._machine.clock.set(0)
        self._clock.set(0)
        if dice.random() < 0.7:
            self._machine.stop("agent")
            self._machine.start("agent")

    def _wait_for_contact(self) -> None:
        """It has been told what is newest, by a clock that is wrong."""
        before = self._machine.host.log("executor").count("fresh ")
        self._machine.stop("agent")
        self._machine.start("agent")
        self._until(lambda: self._machine.host.log("executor").count("fresh ") > before)

    def _published(self, dice: Random) -> bool:
        """Whether the centre takes it in: by its clock it may be of the future, or of long ago."""
        try:
            self._publish(dice)
        except RefusedHere as err:
            if err.code not in ("mislabelled", "expired") or abs(self._clock.ahead) < DAY:
                raise AssertionError(f"a centre {self._clock.ahead} s ahead says {err}") from err
            return False
        return True

    def _publish(self, dice: Random) -> None:
        number, now, text = self._number + 2, int(time.time()), dice.randbytes(20).hex() + "\n"
        document = codec.encode(text_document(self._me, text))
        draft = estate.draft(number, created=now - 5, expires=now + GOOD_FOR, previous=self._newest)
        made = estate.release(draft, contents=(document,))
        self._master.ask_all(
            ("document.hold", op.Documents((document,))),
            ("release.put", op.Publish(release=made.envelope, documents=(sha256(document),))),
        )
        self._number, self._newest = number, made.hash
        self._texts.append(text)

    def _row(self) -> op.Row:
        asked = self._master.ask("host.explain", op.HostAsked(self._me.host, reports=False))
        return codec.decode(op.Detail, asked.result, limit=messages.FRAME_LIMIT).row

    def _is_applied(self) -> bool:
        row = self._row()
        return (row.wanted[1], row.running[1], row.outcome) == (self._number, self._number, "applied")

    def _until(self, what: Callable[[], bool]) -> None:
        until = time.monotonic() + LIMIT
        while not what():
            if time.monotonic() > until:
                machine, centre = self._machine, self._clock.ahead
                raise AssertionError(
                    f"not in {LIMIT:.0f} s, host {machine.clock.ahead:+} s, centre {centre:+} s: {self._row()}"
                )
            time.sleep(0.5)  # each look is a connection

    def _nothing_is_back(self) -> None:
        """The floor is no lower, and the file is the old one or the new one."""
        before, self._floor = self._floor, floor_on_disk(self._machine.host.root)
        if height(self._floor) < height(before):
            raise AssertionError(f"the floor fell from {before} to {self._floor}")
        if self._machine.host.motd() not in self._texts[-2:]:
            raise AssertionError("/etc/motd is neither what it was nor what it shall be")

    def _all_is_kept(self) -> None:
        """Every report is there once and in its chain, whatever time it bears; and the document is true."""
        if self._machine.host.motd() != self._texts[-1]:
            raise AssertionError("it says applied, and /etc/motd is not so")
        envelopes = kept(self._master.folder, self._me.curve)
        in_their_chain(envelopes, [trust.judge_report(self._me, one) for one in envelopes])


@contextmanager
def _open() -> Iterator[Case]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orch-clocks-")))
        machine, master = Machine(folder), Master(folder / "centre", settings="[keep]\nreports = 100000\n")
        stack.callback(master.end)
        stack.callback(machine.end)
        yield Clocks(machine, master, WrongClock(folder / "centre.clock")).case


FAMILY = Family(
    name="clocks",
    about=(
        "a release, a real host and a real centre whose clocks are wrong by an hour to 73 years, each by its own (faketime), "
        "from a start on, from a reboot on (time namespace, another boot id) or all of a sudden, and then right again: no "
        "floor falls, the release is true two beats after the clocks are right, at once where only the host's was wrong or "
        "the centre's was behind, and every report is stored once"
    ),
    whole=2_000,
    sample=2,
    open=_open,
    root=True,
    alone=True,
)
