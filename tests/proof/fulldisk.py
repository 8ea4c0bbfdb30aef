"""A disk that refuses: an executor that runs is refused its n-th write, fsync, rename or open and all after it, for a while.

The kernel refuses through strace, and only what concerns the host's state and what its document names. The system test
tests/system/test_full_disk.py fills a real file system.
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

from tests.fakes.real_host import Site, open_site
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
        yield Trouble(site, HostCases(site, folder)).case


FAMILY = Family(
    name="fulldisk",
    about=(
        "a real executor with a release whose n-th write, fsync, rename or open in its state, and all after it, are refused "
        "for four seconds (ENOSPC, EIO, EROFS, EDQUOT, EMFILE by strace): it says so, does not loop, acknowledges nothing "
        "that is not so, and makes the release true by itself once the disk takes it again"
    ),
    whole=10_000,
    sample=0,
    open=_open,
    root=True,
)
