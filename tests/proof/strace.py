"""Words to put before a program, so that the kernel ends it, or refuses it something, at a certain system call.

strace is the one who does it: `-D` makes the program itself the child, so that its end is seen as what it is. Calls are
counted for each thread by itself, as strace does.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

from tests.fakes.real_host import PATIENCE, wait_for

CALLS = {
    "write": "write,writev,pwrite64,sendmsg",
    "rename": "rename,renameat,renameat2",
    "fsync": "fsync,fdatasync",
    "unlink": "unlink,unlinkat",
    "execve": "execve",
    "open": "open,openat",
}
"""What is called, by the word of the promise, under all the names that the kernel has for it."""
CHILD = "/usr/bin/rsync"
"""The program that is killed where it would begin; before that, execve is the start of the executor itself."""
_LIMITS = ("prlimit", "--nofile=1024:1024")
"""strace goes through all descriptors that there could be, which takes seconds where a million are allowed."""


def killed_at(calls: str, count: int) -> list[str]:
    """End the thread's whole process by SIGKILL where it calls one of these for the n-th time."""
    only = ["-P", CHILD] if calls == "execve" else []
    return [*_LIMITS, "strace", "-D", "-qq", "-f", *only, "-o", "/dev/null", *_inject(CALLS[calls], count)]


def pick(dice: Random, most: dict[str, int]) -> tuple[str, int]:
    """A call and which of its kind: low numbers as often as high ones, up to `most`."""
    calls = dice.choice(sorted(most))
    return calls, min(most[calls], int(2 ** dice.uniform(0, most[calls].bit_length())))


@contextmanager
def refusing(pid: int, calls: str, how: str, paths: Sequence[Path]) -> Iterator[None]:
    """Refuse a running program these calls about these paths, until the block ends; `how` is `error=ENOSPC:when=3+`."""
    about = [word for path in paths for word in ("-P", str(path))]
    words = [*_LIMITS, "strace", "-qq", "-f", "-p", str(pid), *about, "-o", "/dev/null", "-e", f"trace={CALLS[calls]}"]
    tracer = subprocess.Popen([*words, "-e", f"inject={CALLS[calls]}:{how}"], stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: _all_traced(pid))
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(PATIENCE)


def _all_traced(pid: int) -> bool:
    threads = Path(f"/proc/{pid}/task").iterdir()
    return all("TracerPid:\t0\n" not in (thread / "status").read_text() for thread in threads)


def _inject(calls: str, count: int) -> list[str]:
    return ["-e", f"trace={calls}", "-e", f"inject={calls}:signal=KILL:when={count}"]
