"""The only door to other programs on a host: an argument list, a time limit, a small environment, never a shell.

Refuses to do: start anything through a shell, wait for ever, or keep more of what a program says than `OUTPUT` bytes.

Invariants:
- what a program says goes to a file in memory, not through a pipe: when the executor is killed, dpkg goes on to its
  end instead of dying of a broken pipe in the middle of a package;
- a program that takes too long is ended with everything that it started: it is a process group of its own;
- where the host's root is not ours, the program runs in it (chroot), with the root's own files and none of ours.

A `detached` program is a child like every other here; where systemd runs, transient.py makes it a unit of its own.

Called by apt.py, machine.py and actions.py, through the `Runner` port, and by whoever needs a child of another user.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from orch.common.errors import Blocked, StepFailed

OUTPUT: Final = 16 * 1024 * 1024
"""Bytes of each stream that are kept; a program that says more is ended."""
_GRACE: Final = 10.0
_LOOK: Final = 0.2
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT: Final[Mapping[str, str]] = {
    "PATH": _PATH,
    "HOME": "/root",
    "LC_ALL": "C",
    "DEBIAN_FRONTEND": "noninteractive",
    "DEBIAN_PRIORITY": "critical",
    "APT_LISTCHANGES_FRONTEND": "none",
}


@dataclass(frozen=True, slots=True)
class User:
    """As whom a program runs: numbers, and no other groups."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a program."""

    argv: tuple[str, ...]
    timeout: float  # seconds
    input: bytes = b""
    env: Mapping[str, str] = field(default_factory=dict)  # added to the small environment
    user: User | None = None
    detached: bool = False  # away from the executor, where systemd can do that


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a program ended."""

    code: int  # as the shell would have it: negative for a signal
    out: str
    err: str

    def last_words(self, count: int = 12) -> str:
        """The end of what it said, for an error's text."""
        return "\n".join((self.out + self.err).splitlines()[-count:])[-4000:]


Progress = Callable[[str], None]


class Runner(Protocol):
    """Runs programs in one root; tests have one that only counts (tests/fakes/runner.py)."""

    def run(self, call: Call, progress: Progress | None = None) -> Result:
        """Run a program to its end.

        Args:
            call: what to run.
            progress: told every line of its output, soon after it was said.

        Raises:
            StepFailed: it is missing, took too long, or said too much.
            Blocked: it was ended because something else goes first.
        """


class ProcessRunner:
    """Runs real programs."""

    def __init__(self, root: Path = Path("/"), *, leave: Callable[[], bool] = lambda: False) -> None:
        """Run them in this root; a program is ended as soon as `leave` says that something else goes first."""
        self._root = root
        self._leave = leave

    def run(self, call: Call, progress: Progress | None = None) -> Result:
        """Run a program to its end."""
        argv = [*self._prefix(), *call.argv]
        with _memory("in") as given, _memory("out") as out, _memory("err") as err:
            _fill(given, call.input)
            child = _start(argv, call, (given, out, err))
            try:
                code = _Watch(child, call, out, err).until_end(progress, self._leave)
            except BaseException:
                _end(child)
                raise
            return Result(code=code, out=_text(out), err=_text(err))

    def _prefix(self) -> Sequence[str]:
        return [] if self._root == Path("/") else ["chroot", str(self._root)]


class _Watch:
    """Waits for a child, passes on what it says, and loses patience in time."""

    def __init__(self, child: subprocess.Popen[bytes], call: Call, out: int, err: int) -> None:
        self._child, self._call, self._out, self._err = child, call, out, err
        self._told = 0
        self._rest = b""

    def until_end(self, progress: Progress | None, leave: Callable[[], bool]) -> int:
        deadline = time.monotonic() + self._call.timeout
        poller = select.poll()
        handle = os.pidfd_open(self._child.pid)
        try:
            poller.register(handle, select.POLLIN)
            while not poller.poll(_LOOK * 1000):
                self._tell(progress)
                self._check_size()
                if leave():
                    raise Blocked(f"{self._call.argv[0]} was ended: a release that came goes first")
                if time.monotonic() > deadline:
                    words = _text(self._out)[-500:]
                    raise StepFailed(f"{self._call.argv[0]}: not done after {self._call.timeout:.0f} s\n{words}")
        finally:
            os.close(handle)
        self._tell(progress)
        self._check_size()
        return self._child.wait()

    def _tell(self, progress: Progress | None) -> None:
        if progress is None:
            return
        data = self._rest + os.pread(self._out, OUTPUT, self._told)
        self._told += len(data) - len(self._rest)
        *lines, self._rest = data.split(b"\n")
        for line in lines:
            progress(line.decode("utf-8", "replace").rstrip("\r"))

    def _check_size(self) -> None:
        if max(os.fstat(self._out).st_size, os.fstat(self._err).st_size) > OUTPUT:
            raise StepFailed(f"{self._call.argv[0]} said more than {OUTPUT} bytes")


def _start(argv: Sequence[str], call: Call, streams: tuple[int, int, int]) -> subprocess.Popen[bytes]:
    given, out, err = streams
    user = call.user
    try:
        return subprocess.Popen(
            argv,
            stdin=given,
            stdout=out,
            stderr=err,
            env={**ENVIRONMENT, **call.env},
            cwd="/",
            start_new_session=True,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
            umask=0o022,
        )
    except OSError as problem:
        raise StepFailed(f"cannot start {argv[0]}: {problem.strerror}") from problem


def _end(child: subprocess.Popen[bytes]) -> None:
    """First politely: dpkg leaves a package in a better state when it is told."""
    for word, patience in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, _GRACE)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, word)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=patience)
            return


@contextlib.contextmanager
def _memory(name: str) -> Iterator[int]:
    handle = os.memfd_create(f"orch-{name}")
    try:
        yield handle
    finally:
        os.close(handle)


def _fill(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
    os.lseek(handle, 0, os.SEEK_SET)


def _text(handle: int) -> str:
    return os.pread(handle, OUTPUT, 0).decode("utf-8", "replace")
