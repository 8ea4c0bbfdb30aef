"""A centre that is restored as it was some releases ago, in front of a real host that has them all."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

from tests.fakes.real_host import PATIENCE
from tests.proof.family import Case, Family
from tests.proof.pair import Pair


class Restored:
    """A pair whose centre is lost again and again."""

    def __init__(self, pair: Pair, folder: Path) -> None:
        """Get to know each other."""
        self._pair, self._aside = pair, folder / "aside"
        pair.master.start()
        pair.host.start("executor")
        pair.host.start("agent")
        pair.meet()

    def case(self, _number: int, dice: Random) -> None:
        """One copy of the centre, one to three releases, the copy in its place."""
        pair, by_command = self._pair, dice.random() < 0.5
        self._put_aside(by_command=by_command)
        for _ in range(dice.randint(1, 3)):
            pair.publish(dice)
            pair.until(pair.is_applied)
        held = pair.number
        told = [report.sequence for report in pair.kept()[1]]
        self._put_back(by_command=by_command)
        pair.until(lambda: (pair.row().ahead, pair.row().running[1]) == (True, held), "to know what the host holds")
        pair.nothing_is_back()
        pair.is_true()
        pair.publish(dice)
        pair.until(pair.is_applied)
        pair.nothing_is_back()
        pair.is_true()
        if pair.row().ahead:
            raise AssertionError("the host has what the centre wants, and is said to be ahead")
        self._counts_on(told)

    def _counts_on(self, told: list[int]) -> None:
        """What the lost centre alone had been told is lost with it; nothing is told twice, or under an old number."""
        sequences = [report.sequence for report in self._pair.kept()[1]]
        if sequences != sorted(set(sequences)) or sequences[-1] <= told[-1]:
            raise AssertionError(f"{told[-5:]} were told to the lost centre, the restored one has {sequences[-8:]}")

    def _put_aside(self, *, by_command: bool) -> None:
        """As a person does, by the command while it runs; or as a machine's snapshot does, of a centre that died."""
        master = self._pair.master
        if by_command:
            self._run("backup")
            return
        master.kill()
        shutil.copytree(master.folder, self._aside)
        self._start()

    def _put_back(self, *, by_command: bool) -> None:
        master = self._pair.master
        master.kill()
        shutil.rmtree(master.folder)
        if by_command:
            self._run("restore")
            self._aside.unlink()
        else:
            self._aside.rename(master.folder)
        self._start()

    def _start(self) -> None:
        self._pair.master.start()
        self._pair.master.until(self._pair.master.listens)

    def _run(self, what: str) -> None:
        words = [
            sys.executable,
            "-m",
            "orch.master",
            "--directory",
            str(self._pair.master.folder),
            what,
            str(self._aside),
        ]
        done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode:
            raise AssertionError(f"{what}: {done.stderr}")


@contextmanager
def _open() -> Iterator[Case]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orch-restored-")))
        pair = Pair(folder)
        stack.callback(pair.master.end)
        stack.callback(pair.host.end)
        yield Restored(pair, folder).case


FAMILY = Family(
    name="restored",
    about=(
        "a real centre put back as it was one to three releases ago (orch-master backup and restore, or a copy of its "
        "directory), with a real host that has them: the host goes back in nothing, the centre knows within two beats what "
        "it holds, the next release is true, and no report is told twice"
    ),
    whole=200,
    sample=1,
    open=_open,
    root=True,
)
