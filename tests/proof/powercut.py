"""Power cuts: real programs on a disk of which every write and flush is recorded, and their return after any cut in it.

What they did is recorded once for each kind of life and file system; a case is one cut. The recording is made anew in
each process, so a case cuts at the same place of a life that was a little different. Everything is in a tmpfs, in
namespaces of its own, and goes with its last process.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.lab import mounts
from tests.lab.recording import FileSystem, RecordedDisk, Recording, file_systems
from tests.proof.cut_centre import CentreLife
from tests.proof.cut_floor import FloorLife
from tests.proof.cut_host import HostLife
from tests.proof.cut_life import Life
from tests.proof.family import Case, Family

LIVES: tuple[Callable[[Random], Life], ...] = (HostLife, CentreLife, lambda _dice: FloorLife())
IN_A_ROW = 50
"""Cuts on one file system before the next one has its turn."""


@dataclass(frozen=True, slots=True)
class Lived:
    """A life that was recorded."""

    life: Life
    recording: Recording

    def cut(self, folder: Path, dice: Random) -> None:
        """Cut it somewhere, and let it come back.

        Raises:
            AssertionError: it had promised something that is not so.
        """
        cut = self.recording.cut(dice, after=self.life.begins)
        with self.recording.revived(cut, folder) as place:
            try:
                self.life.come_back(place, cut.position)
            except Exception as err:
                raise AssertionError(f"{cut.how}: {type(err).__name__}: {err}") from err


def lived(life: Life, folder: Path, system: FileSystem, *, lies: bool = False) -> Lived:
    """Let it live on a disk that is recorded, which may lie about its flushes."""
    disk = RecordedDisk(folder, system)
    with disk.recorded(lies=lies):
        life.live(disk)
    return Lived(life, disk.recording())


@contextmanager
def ground() -> Iterator[Path]:
    """A folder in memory, seen by this namespace alone."""
    with tempfile.TemporaryDirectory(prefix="orch-powercut-") as name:
        folder = Path(name)
        mounts.mount("none", folder, "tmpfs", "size=2g,mode=700")
        try:
            yield folder
        finally:
            mounts.unmount(folder)


@contextmanager
def _open() -> Iterator[Case]:
    with ground() as folder:
        made: dict[tuple[int, str], Lived] = {}
        systems = file_systems()

        def case(number: int, dice: Random) -> None:
            kind, system = number % len(LIVES), systems[number // IN_A_ROW % len(systems)]
            if (kind, system.kind) not in made:
                life = LIVES[kind](Random(f"{kind}"))
                made[kind, system.kind] = lived(life, folder, system)
            made[kind, system.kind].cut(folder, dice)

        yield case


FAMILY = Family(
    name="powercut",
    about=(
        "a cut at a random write of the life of a real executor with five releases, of a real master with contents, "
        "releases and reports, or of a floor that is raised (ext4 and xfs on a recorded disk; of what was not flushed the "
        "first writes are left, or any half of them with torn sectors): what was acknowledged is there once, nothing half "
        "written is taken for whole, databases are sound, and what comes back goes on to the newest"
    ),
    whole=10_000,
    sample=24,
    open=_open,
    root=True,
    alone=True,
)
