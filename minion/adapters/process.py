"""The only door to other programs on a host: an argument list, a time limit, a small environment, never a shell.

Refuses to do: start anything through a shell, wait for ever, or keep more of what a program says than `OUTPUT` bytes.

Invariants:
- what a program says goes to a file in memory, not through a pipe: when the executor is killed, dpkg goes on to its
  end instead of dying of a broken pipe in the middle of a package;
- a program that takes too long is ended with everything that it started: it is a process group of its own;
- where the host's root is not ours, the program runs in it (chroot), with the root's own files and none of ours;
- where systemd runs and the root is ours, a `detached` program is a transient unit: it inherits none of the executor's
  filters, and the service manager counts what it uses apart. It outlives an executor that is killed, is ended with
  whoever waits for it, and at a shutdown systemd stops the executor, which finishes its step, before it.

Called by apt.py, machine.py and actions.py, through the `Runner` port, and by whoever needs a child of another user.
"""

from __future__ import annotations

import contextlib
import itertools
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
_SYSTEMD: Final = Path("/run/systemd/system")
_NUMBERS: Final = itertools.count(1)
"""Of this process's units, whichever runner starts them."""
_STOP: Final = ("systemctl", "--quiet", "stop")
_STOPPING: Final = 3 * _GRACE
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

    def __init__(
        self, root: Path = Path("/"), *, leave: Callable[[], bool] = lambda: False, systemd: Path = _SYSTEMD
    ) -> None:
        """Run them in this root; a program is ended as soon as `leave` says that something else goes first.

        `systemd` is a folder that is there where systemd runs (sd_booted(3)).
        """
        self._root = root
        self._leave = leave
        self._systemd = systemd

    def run(self, call: Call, progress: Progress | None = None) -> Result:
        """Run a program to its end."""
        unit = self._unit(call)
        argv = [*(_transient(unit, call) if unit else self._prefix()), *call.argv]
        with _memory("in") as given, _memory("out") as out, _memory("err") as err:
            _fill(given, call.input)
            child = _start(argv, call, (given, out, err))
            try:
                code = _Watch(child, call, out, err).until_end(progress, self._leave)
            except BaseException:
                if unit:
                    _stop(unit, call)
                _end(child)
                raise
            return Result(code=code, out=_text(out), err=_text(err))

    def _prefix(self) -> Sequence[str]:
        return ["chroot", str(self._root)] if self._root != Path("/") else []

    def _unit(self, call: Call) -> str:
        """The name of a program's own unit; empty where it is a child."""
        if not call.detached or self._root != Path("/") or not self._systemd.is_dir():
            return ""
        return f"orch-{Path(call.argv[0]).name}-{os.getpid()}-{next(_NUMBERS)}.service"


def _transient(unit: str, call: Call) -> Sequence[str]:
    properties = (
        f"RuntimeMaxSec={int(call.timeout) + 60}",
        f"TimeoutStopSec={int(_GRACE)}",
        "Before=orch-executor.service",  # at a shutdown the executor ends first: it waits for the step in hand
    )
    words = ["systemd-run", "--quiet", "--wait", "--pipe", "--collect", f"--unit={unit}"]
    words += [f"--property={one}" for one in properties]
    words += [f"--setenv={name}={value}" for name, value in {**ENVIRONMENT, **call.env}.items()]
    return [*words, "--"]


def _stop(unit: str, call: Call) -> None:
    """Whoever waits for a unit may be ended, and it goes on: it is told itself."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(
            [*_STOP, unit],
            check=False,
            timeout=_STOPPING,
            env={**ENVIRONMENT, **call.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


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
