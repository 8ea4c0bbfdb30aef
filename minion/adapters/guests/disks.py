"""The disks that orch makes for a guest, and takes away with it.

Refuses to do: write to what is there already, to a base, or to a device; remove what it did not make, what shall be
kept, or anything that is not a plain file.

Called by life.py.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from orch.common.errors import StepFailed
from orch.common.guest import Disk, DiskKind, Guest
from orch.minion.adapters.process import Call, Runner

_PATIENCE: Final = 60.0


class Disks:
    """Makes them and removes them."""

    def __init__(self, runner: Runner) -> None:
        """Overlays are made by qemu-img."""
        self._runner = runner

    def missing(self, guest: Guest) -> tuple[Disk, ...]:
        """Those that can be made, and are not there.

        Raises:
            StepFailed: one is not there that somebody else should have brought, or something is in its place.
        """
        return tuple(disk for disk in guest.disks if self._is_missing(disk))

    def make(self, disk: Disk) -> None:
        """Make one, whole or not at all.

        Raises:
            StepFailed: no room, or no qemu-img.
        """
        beside = f"{disk.path}.new"
        try:
            Path(disk.path).parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            Path(beside).unlink(missing_ok=True)
            if disk.kind is DiskKind.OVERLAY:
                self._overlay(disk, beside)
            else:
                _sparse(disk, beside)
            Path(beside).rename(disk.path)
            _settled(disk.path)
        except OSError as err:
            raise StepFailed(f"cannot make the disk {disk.path}: {err.strerror}", hint="look at the disk: df") from err

    def remove(self, guest: Guest) -> tuple[str, ...]:
        """Remove what was made for it; returns what went."""
        gone = []
        for disk in guest.disks:
            if _made_here(disk) and not disk.keep and stat.S_ISREG(_mode(disk.path)):
                try:
                    Path(disk.path).unlink()
                except OSError as err:
                    raise StepFailed(f"cannot remove the disk {disk.path}: {err.strerror}") from err
                gone.append(disk.path)
        return tuple(gone)

    def _is_missing(self, disk: Disk) -> bool:
        if disk.base is not None and not stat.S_ISREG(_mode(disk.base)):
            raise StepFailed(f"the base {disk.base} is not there", hint="which package brings it? is it listed?")
        mode = _mode(disk.path)
        fits = {DiskKind.BLOCK: stat.S_ISBLK, DiskKind.FOLDER: stat.S_ISDIR}.get(disk.kind, stat.S_ISREG)
        if fits(mode):
            return False
        if mode:
            raise StepFailed(f"{disk.path} is in the way: it is no disk of the kind {disk.kind.value}")
        if not _made_here(disk):
            raise StepFailed(f"the disk {disk.path} is not there", hint="which package brings it? is it listed?")
        return True

    def _overlay(self, disk: Disk, beside: str) -> None:
        argv = ("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(disk.base), beside)
        result = self._runner.run(Call(argv=argv, timeout=_PATIENCE))
        if result.code:
            raise StepFailed(f"qemu-img cannot make {disk.path}: {result.last_words()}")


def _made_here(disk: Disk) -> bool:
    return disk.kind is DiskKind.OVERLAY or (disk.kind is DiskKind.FILE and disk.size > 0)


def _mode(path: str) -> int:
    """What stands there; a link counts as what it leads to, since the hypervisor follows it too. 0: nothing."""
    try:
        return Path(path).stat().st_mode
    except FileNotFoundError:
        return 0
    except OSError as err:
        raise StepFailed(f"cannot look at {path}: {err.strerror}") from err


def _sparse(disk: Disk, beside: str) -> None:
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(handle, disk.size)
    finally:
        os.close(handle)


def _settled(path: str) -> None:
    """On the disk for good: the file, then its name."""
    for one in (path, str(Path(path).parent)):
        handle = os.open(one, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
