"""Which laboratories there are on this machine, and how to make one disappear, whoever made it.

`build/lab/ID.json` says who made a laboratory; `build/lab/ID/` is all of it. The file is there before the folder and
goes after it, so that nothing is ever forgotten, even when its maker is killed at any moment.

Invariants:
- a process is ended by its number, and only if it lives in a network namespace whose file lies in the folder;
- no folder is deleted before everything mounted below it is gone.

Called by `lab` and by `python3 -m tests.lab`.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.lab import command, tree
from tests.lab.errors import LabError


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One laboratory: who made it, and whether it outlives its maker on purpose."""

    name: str
    pid: int
    started: str
    boot: str
    keep: bool

    @property
    def alive(self) -> bool:
        """Whether its maker still works on it."""
        return self.boot == _boot() and self.started == _started(self.pid)


class Ledger:
    """The laboratories in one folder."""

    def __init__(self, folder: Path) -> None:
        """The folder may be missing yet."""
        self.folder = folder

    def open(self, *, keep: bool) -> Entry:
        """Write a new laboratory down and make its folder."""
        with self._locked():
            while True:
                name = os.urandom(2).hex()
                if not self._file(name).exists():
                    break
            pid = os.getpid()
            entry = Entry(name=name, pid=pid, started=_started(pid), boot=_boot(), keep=keep)
            partial = self._file(name).with_suffix(".part")
            partial.write_text(json.dumps(asdict(entry)), "utf-8")
            partial.rename(self._file(name))
            self.place(entry).mkdir(mode=0o755)
        return entry

    def place(self, entry: Entry) -> Path:
        """A laboratory's folder."""
        return self.folder / entry.name

    def entries(self) -> list[Entry]:
        """All of them."""
        return [Entry(**json.loads(file.read_text("utf-8"))) for file in sorted(self.folder.glob("*.json"))]

    def cleanup_stale(self, *, kept: bool = False) -> list[str]:
        """Make those disappear whose makers have died.

        Args:
            kept: also those that were left running on purpose.

        Returns:
            The names of those that are gone now.
        """
        with self._locked():
            dead = [entry for entry in self.entries() if not entry.alive and (kept or not entry.keep)]
            for entry in dead:
                self._clear(entry)
        return [entry.name for entry in dead]

    def clear(self, entry: Entry) -> None:
        """Make a laboratory disappear: its processes, its mounts, its files."""
        with self._locked():
            self._clear(entry)

    def _clear(self, entry: Entry) -> None:
        """Do it, with the lock held."""
        place = self.place(entry)
        _end_processes([mount for mount in tree.mounts(place) if mount.is_file()])
        for mount in reversed(tree.mounts(place)):
            command.run(["umount", str(mount)])
        tree.remove(place)
        self._file(entry.name).unlink(missing_ok=True)

    def _file(self, name: str) -> Path:
        """Where a laboratory is written down."""
        return self.folder / f"{name}.json"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One at a time."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("wb") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _boot() -> str:
    """This run of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _started(pid: int) -> str:
    """When a process was started, in ticks since boot; empty if it has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return "" if state in {"Z", "X"} else rest[18]
    return ""


def _end_processes(namespaces: list[Path]) -> None:
    """End everything that lives in some network namespaces, and wait until it is gone."""
    mine = {namespace.stat().st_ino for namespace in namespaces}
    until = time.monotonic() + 60
    while numbers := _living_in(mine):
        if time.monotonic() > until:
            raise LabError(f"processes {numbers} do not end")
        for number in numbers:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        time.sleep(0.02)


def _living_in(namespaces: set[int]) -> list[int]:
    """The numbers of the processes in some network namespaces."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        # One that has ended, buried or not, has no namespace any more; one that not even root may look at (a
        # container's keeper) is none of ours.
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if (folder / "ns/net").stat().st_ino in namespaces:
                found.append(int(folder.name))
    return found
