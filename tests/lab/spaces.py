"""Being in another network for a moment, or among mounts of one's own, without being another program.

A namespace belongs to a thread. What a thread starts while it is away (libzmq's own threads, above all) stays
there; what it opens there goes on belonging there. Called by `thief` and by the system tests.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NEW_NET = 0x40000000
_NEW_MOUNTS = 0x00020000
_PRIVATE = 0x40000 | 0x4000  # with all below
_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def network_of(namespace: Path) -> Iterator[None]:
    """Let this thread, and the threads that it starts meanwhile, be in a network namespace.

    Args:
        namespace: the namespace's file, e.g. `Network.centre`.

    Raises:
        OSError: there is no such namespace, or no right to enter it.
    """
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(there, _NEW_NET)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _enter(here, _NEW_NET)
    finally:
        os.close(here)


@contextmanager
def own_mounts() -> Iterator[None]:
    """Let what is mounted be seen by this thread and by what it starts, and go with the last of them.

    Threads that were started meanwhile must have ended at the end of the block.

    Raises:
        OSError: no right to it.
    """
    here, folder = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC), Path.cwd()
    try:
        _demand(_libc.unshare(_NEW_MOUNTS), "unshare")
        try:
            _demand(_libc.mount(b"none", b"/", None, _PRIVATE, None), "mount")
            yield
        finally:
            _enter(here, _NEW_MOUNTS)
            os.chdir(folder)
    finally:
        os.close(here)


def _enter(descriptor: int, kind: int) -> None:
    _demand(_libc.setns(descriptor, kind), "setns")


def _demand(result: int, call: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
