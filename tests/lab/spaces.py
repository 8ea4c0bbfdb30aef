"""Being in another network for a moment, without being another program.

A network namespace belongs to a thread. What a thread starts while it is away (libzmq's own threads, above all) stays
there; what it opens there goes on belonging there. Called by `thief` and by the system tests.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NEW_NET = 0x40000000
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
            _enter(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _enter(here)
    finally:
        os.close(here)


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, _NEW_NET):
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")
