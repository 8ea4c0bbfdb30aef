"""A disk that refuses: an executor or a master that runs is refused its n-th write, fsync, rename or open and all after it.

The kernel refuses through strace, for a while, and only what concerns the program's state and what a document names. The
system test tests/system/test_full_disk.py fills a real file system.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

from orch.common import codec, messages
from orch.common import operations as op
from orch.common.crypto import sha256
from orch.common.session import REPEAT
from orch.common.wire import Event
from tests.fakes.real_host import Site, open_site
from tests.fakes.real_master import Master
from tests.fakes.running_centre import RefusedHere
from tests.proof import strace
from tests.proof.family import Case, Family
from tests.proof.kills import HostCases

ERRORS = {
    "write": ("ENOSPC", "EIO", "EDQUOT"),
    "fsync": ("ENOSPC", "EIO"),
    "rename": ("ENOSPC", "EIO", "EROFS"),
    "open": ("ENOSPC", "EROFS", "EMFILE"),
}
NAMES = ("floor.a", ".floor.a.new", "floor.b", ".floor.b.new", "journal.db", "journal.db-wal", "journal.db-journal")
PATIENCE = REPEAT + 60.0
"""Seconds after which a report that was not acknowledged has been sent again, and more."""
SPELL = 4.0
"""Seconds of trouble."""
BUSY = 0.5
"""Share of a processor that an executor may use meanwhile, strace's own stops included; a loop would use all of one."""


class Trouble:
    """One host whose disk refuses."""

    def __init__(self, site: Site, host: HostCases) -> None:
        """Of this host."""
        self._site, self._host = site, host
        state, etc = site.root / "var/lib/orch", site.root / "etc"
        self._paths = [state, *(state / name for name in NAMES), etc, etc / "motd", etc / ".motd.new"]

    def case(self, number: int, dice: Random) -> None:
        """One release in one spell."""
        site, host = self._site, self._host
        calls = dice.choice(sorted(ERRORS))
        how = f"error={dice.choice(ERRORS[calls])}:when={dice.choice((1, 1, 2, 3, 5, 8))}+"
        process, said = site.running["executor"], len(site.log("executor"))
        with strace.refusing(process.pid, calls, how, self._paths):
            host.publish(number, dice)
            until, before = time.monotonic() + SPELL, _cpu(process.pid)
            while time.monotonic() < until and not site.ended("executor"):
                time.sleep(0.1)
            spent = 0.0 if site.ended("executor") else _cpu(process.pid) - before
            host.nothing_is_half()
            done = host.applied()
        if not done and len(site.log("executor")) == said:
            raise AssertionError(f"{how} of {calls}: nothing was said")
        if spent > BUSY * SPELL:
            raise AssertionError(f"{how} of {calls}: {spent:.1f} CPU seconds in {SPELL:.0f}")
        if site.ended("executor"):  # systemd starts it again
            site.stop("executor", signal.SIGKILL)
            site.start("executor")
        host.ends_well()


class CentreTrouble:
    """A centre whose disk refuses, while a host reports and an operator uploads."""

    def __init__(self, master: Master) -> None:
        """Admit a host."""
        self._master = master
        master.start()
        master.connect()
        master.admit()
        master.until(lambda: "admitted" in master.host.standing)
        names = ("", "store.db", "store.db-wal", "store.db-shm", "blobs", "blobs/coming")
        self._paths = [master.folder / name for name in names]
        self._taken: list[bytes] = []  # contents that it said it has

    def case(self, _number: int, dice: Random) -> None:
        """Reports and contents in one spell."""
        master, host = self._master, self._master.host
        calls = dice.choice(sorted(ERRORS))
        how = f"error={dice.choice(ERRORS[calls])}:when={dice.choice((1, 1, 2, 3, 5, 8))}+"
        said, pid = master.log.read_text(), master.pid
        with strace.refusing(pid, calls, how, self._paths):
            until, before = time.monotonic() + SPELL, _cpu(pid)
            told = self._upload(dice)
            last = [host.report() for _ in range(dice.randint(1, 12))][-1]
            while time.monotonic() < until:
                host.turn()
                time.sleep(0.02)
            spent = _cpu(pid) - before if master.alive() else 0.0
            acknowledged = host.acknowledged
            if acknowledged > max(master.kept(), default=0):
                raise AssertionError(f"{how} of {calls}: {acknowledged} was acknowledged, and is not kept")
        if acknowledged < last and not told and master.log.read_text() == said:
            raise AssertionError(f"{how} of {calls}: nothing was said")
        if spent > BUSY * SPELL:
            raise AssertionError(f"{how} of {calls}: {spent:.1f} CPU seconds in {SPELL:.0f}")
        self._ends_well(last)

    def _upload(self, dice: Random) -> bool:
        """A content, in one piece; whether the operator was told that it is not kept."""
        content = dice.randbytes(dice.choice((50, 5000, 100_000)))
        piece = op.Piece(sha256=sha256(content), size=len(content), offset=0, data=content)
        try:
            self._master.ask("blob.put", piece)
        except RefusedHere:
            return True
        self._taken.append(sha256(content))
        return False

    def _ends_well(self, last: int) -> None:
        """By itself, when the disk takes it again; a centre that ended is started by systemd."""
        master, host = self._master, self._master.host
        if not master.alive():
            master.kill()
            master.start()
        if not master.alive() or Event.DOWN in host.events:
            master.connect()
        until = time.monotonic() + PATIENCE
        while host.acknowledged < last:
            host.turn()
            if time.monotonic() > until:
                raise AssertionError(f"report {last} is not acknowledged, {host.acknowledged} is")
        if (kept := master.kept()) != list(range(last - len(kept) + 1, last + 1)):
            raise AssertionError(f"the last report is {last}, kept are {kept[:3]} ... {kept[-3:]}")
        missing = master.ask("blob.missing", op.Hashes(tuple(self._taken)))
        if codec.decode(op.Hashes, missing.result, limit=messages.FRAME_LIMIT).hashes:
            raise AssertionError("a content that was taken in is gone")


def _cpu(pid: int) -> float:
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _open() -> Iterator[Case]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orch-fulldisk-")))
        site = stack.enter_context(open_site(folder / "host"))
        host = Trouble(site, HostCases(site, folder))
        master = Master(folder / "centre")
        stack.callback(master.end)
        centre = CentreTrouble(master)

        def case(number: int, dice: Random) -> None:
            (centre if number % 2 else host).case(number, dice)

        yield case


FAMILY = Family(
    name="fulldisk",
    about=(
        "a real executor with a release, or a real master with reports and contents, whose n-th write, fsync, rename or open "
        "in its state, and all after it, are refused for four seconds (ENOSPC, EIO, EROFS, EDQUOT, EMFILE by strace): it says "
        "so, does not loop, acknowledges nothing that is not so, and goes on by itself once the disk takes it again"
    ),
    whole=10_000,
    sample=2,
    open=_open,
    root=True,
)
