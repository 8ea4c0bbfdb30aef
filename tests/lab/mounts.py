"""Mounting without other programs: a file as a block device, and a file system on it, gone with whoever made them.

Invariants:
- a loop device clears itself with its last user, so a killed process leaves none behind;
- nothing depends on which nodes there are in /dev: each device gets a node of its own beside its image.

Call it in a mount namespace of your own (`unshare --mount`): then the mounts go with its last process, too.

Called by `recording` and `recorder`.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import stat
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.errors import LabError

_GET_FREE = 0x4C82
_CONFIGURE = 0x4C0A
_MAJOR = 7
_AUTOCLEAR = 4
_BIND = 4096
_INFO = struct.Struct("<5Q4I64s64s32s2Q")
_CONFIG = struct.Struct(f"<II{_INFO.size}s64s")
_TRIES = 50
_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: Path, kind: str, data: str = "") -> None:
    """Mount it.

    Raises:
        LabError: the kernel refuses.
    """
    if _libc.mount(source.encode(), os.fsencode(target), kind.encode(), 0, data.encode()):
        raise LabError(f"mount {kind} at {target}: {os.strerror(ctypes.get_errno())}")


def bind(source: Path, target: Path) -> None:
    """Let a file be seen in the place of another.

    Raises:
        LabError: the kernel refuses.
    """
    if _libc.mount(os.fsencode(source), os.fsencode(target), None, _BIND, None):
        raise LabError(f"bind {source} to {target}: {os.strerror(ctypes.get_errno())}")


def unmount(target: Path) -> None:
    """Take it away; who still has a file open there is waited for, as the kernel closes some of them a little later.

    Raises:
        LabError: it stays in use.
    """
    for _ in range(_TRIES):
        if not _libc.umount2(os.fsencode(target), 0):
            return
        if (number := ctypes.get_errno()) != errno.EBUSY:
            raise LabError(f"umount {target}: {os.strerror(number)}")
        time.sleep(0.05)
    raise LabError(f"umount {target}: it is in use")


@contextmanager
def mounted(image: Path, target: Path, kind: str) -> Iterator[Path]:
    """The file system in a file, at `target`, which is made, until the block ends.

    Raises:
        LabError: there is none in it, or the kernel refuses.
    """
    target.mkdir(exist_ok=True)
    node, device = _attached(image)
    try:
        mount(str(node), target, kind)
    finally:
        os.close(device)  # from now on the mount is its only user
        node.unlink()
    try:
        yield target
    finally:
        unmount(target)


def _attached(image: Path) -> tuple[Path, int]:
    """A node and a descriptor of a new loop device that has this file."""
    file = os.open(image, os.O_RDWR | os.O_CLOEXEC)
    control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    try:
        info = _INFO.pack(0, 0, 0, 0, 0, 0, 0, 0, _AUTOCLEAR, b"", b"", b"", 0, 0)
        for _ in range(_TRIES):
            number = fcntl.ioctl(control, _GET_FREE)
            node = image.with_name(f"{image.name}.loop{number}")
            node.unlink(missing_ok=True)
            os.mknod(node, stat.S_IFBLK | 0o600, os.makedev(_MAJOR, number))
            device = os.open(node, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.ioctl(device, _CONFIGURE, _CONFIG.pack(file, 0, info, b""))
            except OSError as err:
                os.close(device)
                node.unlink()
                if err.errno != errno.EBUSY:  # somebody else was quicker
                    raise
            else:
                return node, device
    finally:
        os.close(control)
        os.close(file)
    raise LabError("no loop device is free")
