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
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

from tests.fakes.real_host import RealHost
from tests.fakes.running_centre import RefusedHere
from tests.fakes.signed_estate import DAY
from tests.fakes.wrong_clock import WrongClock
from tests.lab import mounts
from tests.proof.family import Case, Family
from tests.proof.kills import in_their_chain
from tests.proof.pair import GOOD_FOR, Pair

YEAR = 31_557_600
WRONG = (0, -56 * YEAR, -10 * YEAR, -40 * DAY, -3600, 3600, 40 * DAY, 10 * YEAR, 73 * YEAR)
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Machine:
    """A host of real processes, with a wall clock, a boot's clock and a boot of its own."""

    def __init__(self, host: RealHost, folder: Path) -> None:
        """Enrolled, and off."""
        self.host = host
        self.clock = WrongClock(folder / "host.clock")
        self._boot = folder / "boot_id"
        self._shift = 0

    def boot(self, up: float) -> None:
        """Begin a new boot, as if it had lasted so long."""
        if self._boot.exists():
            mounts.unmount(_BOOT)
        self._boot.write_text(f"{uuid.uuid4()}\n", "ascii")
        mounts.bind(self._boot, _BOOT)
        self._shift = int(up - time.clock_gettime(time.CLOCK_BOOTTIME))
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
    """A pair, and their clocks."""

    def __init__(self, pair: Pair, machine: Machine, clock: WrongClock) -> None:
        """Get to know each other, with clocks that are right."""
        self._pair, self._machine, self._clock = pair, machine, clock
        self._start_master()
        machine.start("executor", "agent")
        pair.meet()

    def case(self, _number: int, dice: Random) -> None:
        """One release, wrong clocks, and right ones again."""
        pair = self._pair
        early = dice.random() < 0.5  # it is at the centre before clocks go wrong, and at the host afterwards
        if early:
            self._machine.stop("agent")
            pair.publish(dice)
        self._go_wrong(dice)
        about = f"with the host {self._machine.clock.ahead:+} s and the centre {self._clock.ahead:+} s"
        if early:
            self._machine.start("agent")
        published = early or self._published(dice)
        if published and self._clock.ahead < GOOD_FOR:
            pair.until(pair.is_applied, about)
        else:
            self._wait_for_contact()
        pair.nothing_is_back()
        self._go_right(dice)
        if not published:
            pair.publish(dice)
        pair.until(pair.is_applied, f"after right clocks, {about} before")
        pair.nothing_is_back()
        pair.is_true()
        in_their_chain(*pair.kept())

    def _go_wrong(self, dice: Random) -> None:
        machine = self._machine
        how = dice.choice(("jump", "restart", "reboot"))
        machine.clock.set(dice.choice(WRONG))
        self._clock.set(dice.choice((0, dice.choice(WRONG))))
        if how == "jump":
            return
        running = tuple(machine.host.running)
        machine.stop(*running)
        if how == "reboot":
            machine.boot(dice.choice((3.0, 5.0 * DAY, 3.0 * YEAR)))
        machine.start(*running)
        if dice.random() < 0.5:
            self._pair.master.kill()
            self._start_master()

    def _start_master(self) -> None:
        self._pair.master.start(under=self._clock.words())
        self._pair.master.until(self._pair.master.listens)

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
        self._pair.until(lambda: self._machine.host.log("executor").count("fresh ") > before)

    def _published(self, dice: Random) -> bool:
        """Whether the centre takes it in: by its clock it may be of the future, or of long ago."""
        try:
            self._pair.publish(dice)
        except RefusedHere as err:
            if err.code not in ("mislabelled", "expired") or abs(self._clock.ahead) < DAY:
                raise AssertionError(f"a centre {self._clock.ahead} s ahead says {err}") from err
            return False
        return True


@contextmanager
def _open() -> Iterator[Case]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orch-clocks-")))
        pair = Pair(folder)
        stack.callback(pair.master.end)
        machine = Machine(pair.host, folder)
        stack.callback(machine.end)
        yield Clocks(pair, machine, WrongClock(folder / "centre.clock")).case


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
