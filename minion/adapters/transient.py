"""Programs as transient units of systemd: they inherit none of the executor's filters, and outlive it.

apt and dpkg run so, since maintainer scripts need everything that the executor may not. They are asked for over
systemd's own socket, which root has without a message bus: a bus that goes away at a shutdown would look like the
program's good end (`systemd-run --wait` does that).

Refuses to do: take anything for the program's end but what systemd itself wrote down after it.

Invariants:
- what a program is given and what it says are files in a folder of its own below /run, so that it goes on to its end
  when the executor is killed;
- how it ended is written by the unit's `ExecStopPost`, under another name first: there is no half of it;
- whoever does not wait any longer tells the unit to stop, and a unit whose executor has died ends at its own limit;
- at a shutdown systemd ends the executor before the unit, and the executor finishes the step in hand.

Called by whole.py, through the `Runner` port; what is not `detached` is left to a ProcessRunner.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orch.common.errors import Blocked, HostError, StepFailed
from orch.minion.adapters.process import ENVIRONMENT, OUTPUT, Call, ProcessRunner, Progress, Result, Runner

BOOTED: Final = Path("/run/systemd/system")
"""There where systemd runs (sd_booted(3))."""
FOLDER: Final = Path("/run/orch/units")
_NUMBERS: Final = itertools.count(1)
"""Of this process's units, whichever runner starts them."""
_LOOK: Final = 0.1
_STARTING: Final = 120.0
_STOPPING: Final = 60.0
_NO_PROGRAM: Final = 203
"""What systemd calls a program that it cannot execute (systemd.exec(5))."""
_WRITES: Final = 'ExecStopPost=/bin/sh -c "echo $$1 $$2 >$$0.new && mv $$0.new $$0"'
"""Writes how it ended; systemd makes one `$` of two."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """One program's unit, and its files."""

    name: str
    place: Path

    @property
    def given(self) -> Path:
        """What it reads."""
        return self.place / "in"

    @property
    def out(self) -> Path:
        """What it said."""
        return self.place / "out"

    @property
    def err(self) -> Path:
        """What it complained of."""
        return self.place / "err"

    @property
    def end(self) -> Path:
        """How it ended; missing until it has."""
        return self.place / "end"


def runner_of(root: Path, *, leave: Callable[[], bool] = lambda: False) -> Runner:
    """Who runs programs in a root: this machine's systemd has no business in another one."""
    children = ProcessRunner(root, leave=leave)
    if root != Path("/") or not BOOTED.is_dir():
        return children
    return TransientRunner(children, ProcessRunner(), leave=leave)


class TransientRunner:
    """Runs detached programs as units, and all others as children."""

    def __init__(
        self, children: Runner, systemd: Runner, *, leave: Callable[[], bool] = lambda: False, folder: Path = FOLDER
    ) -> None:
        """Use a folder for the units' files.

        Args:
            children: runs all others.
            systemd: runs the programs that talk to systemd; nothing goes before these.
            leave: a program is ended as soon as this says that something else goes first.
            folder: for the units' files.
        """
        self._children = children
        self._systemd = systemd
        self._leave = leave
        self._folder = folder

    def run(self, call: Call, progress: Progress | None = None) -> Result:
        """Run a program to its end."""
        if not call.detached:
            return self._children.run(call, progress)
        with self._unit(call) as unit:
            try:
                self._start(unit, call)
                end = self._until_end(unit, call, progress)
            except BaseException:
                with suppress(HostError):  # why it is stopped matters more
                    self._systemd.run(Call(argv=("systemctl", "--quiet", "stop", unit.name), timeout=_STOPPING))
                raise
            return Result(code=_code(end, call), out=_text(unit.out), err=_text(unit.err))

    @contextmanager
    def _unit(self, call: Call) -> Iterator[_Unit]:
        name = f"orch-{Path(call.argv[0]).name}-{os.getpid()}-{next(_NUMBERS)}"
        unit = _Unit(f"{name}.service", self._folder / name)
        try:
            shutil.rmtree(unit.place, ignore_errors=True)  # of a process that had our number and was killed
            unit.place.mkdir(mode=0o700, parents=True)
            for file in (unit.out, unit.err):
                file.touch(mode=0o600)
            unit.given.write_bytes(call.input)
        except OSError as err:
            raise StepFailed(f"cannot start {call.argv[0]}: {unit.place}: {err.strerror}") from err
        try:
            yield unit
        finally:
            shutil.rmtree(unit.place, ignore_errors=True)

    def _start(self, unit: _Unit, call: Call) -> None:
        properties = (
            f"StandardInput=file:{unit.given}",
            f"StandardOutput=append:{unit.out}",
            f"StandardError=append:{unit.err}",
            f"{_WRITES} {unit.end} ${{EXIT_CODE}} ${{EXIT_STATUS}}",
            f"RuntimeMaxSec={int(call.timeout) + 60}",
            "TimeoutStopSec=10",
            "Before=orch-executor.service",
        )
        words = ["systemd-run", "--quiet", "--collect", f"--unit={unit.name}"]
        words += [f"--property={one}" for one in properties]
        words += [f"--setenv={name}={value}" for name, value in {**ENVIRONMENT, **call.env}.items()]
        done = self._systemd.run(Call(argv=(*words, "--", *call.argv), timeout=_STARTING))
        if done.code:
            raise StepFailed(f"systemd does not start {call.argv[0]}: {done.last_words(4)}")

    def _until_end(self, unit: _Unit, call: Call, progress: Progress | None) -> str:
        deadline = time.monotonic() + call.timeout
        teller = _Teller(unit.out, progress)
        while not unit.end.exists():
            time.sleep(_LOOK)
            teller.tell()
            _check_size(unit, call)
            if self._leave():
                raise Blocked(f"{call.argv[0]} was ended: a release that came goes first")
            if time.monotonic() > deadline:
                raise StepFailed(f"{call.argv[0]}: not done after {call.timeout:.0f} s\n{_text(unit.out)[-500:]}")
        teller.tell()
        _check_size(unit, call)
        return unit.end.read_text("ascii")


class _Teller:
    """Passes on the lines of a file that grows."""

    def __init__(self, file: Path, progress: Progress | None) -> None:
        self._file, self._progress = file, progress
        self._told = 0
        self._rest = b""

    def tell(self) -> None:
        """What came since the last time."""
        if self._progress is None:
            return
        with self._file.open("rb") as file:
            file.seek(self._told)
            data = file.read(OUTPUT)
        self._told += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._progress(line.decode("utf-8", "replace").rstrip("\r"))


def _check_size(unit: _Unit, call: Call) -> None:
    if max(unit.out.stat().st_size, unit.err.stat().st_size) > OUTPUT:
        raise StepFailed(f"{call.argv[0]} said more than {OUTPUT} bytes")


def _code(end: str, call: Call) -> int:
    """The exit code in systemd's words for it: `exited 0`, `killed TERM`."""
    how, _, status = end.strip().partition(" ")
    if how == "exited" and status.isdecimal():
        if int(status) == _NO_PROGRAM:
            raise StepFailed(f"cannot start {call.argv[0]}")
        return int(status)
    number = getattr(signal, f"SIG{status}", None)
    if isinstance(number, signal.Signals):
        return -number
    raise StepFailed(f"{call.argv[0]} was ended by systemd: {end.strip()}")


def _text(file: Path) -> str:
    with file.open("rb") as opened:
        return opened.read(OUTPUT).decode("utf-8", "replace")
