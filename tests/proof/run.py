"""Runs the cases of one family, from where the last run ended to the number that is wanted.

It counts; it says nothing and writes no page. A failure is kept and the run goes on; after a hundred it ends, as they
are one failure by then.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random

from tests.proof import state as states
from tests.proof.family import Case, Family, dice
from tests.proof.state import State

EVERY = 5.0
"""Seconds between two writings of the state."""
TOO_MANY = 100
FLAT = 0.05
"""Share by which resident memory may grow."""
SLACK = 8 << 20
"""Bytes that are no growth: the allocator's own movement."""
WARM = 0.1
"""Share of a part's cases after which memory is measured first: caches are full by then."""

Say = Callable[[State], None]


class Bench:
    """What the cases stand on, made anew after one failed."""

    def __init__(self, family: Family) -> None:
        """Make nothing yet."""
        self._family = family
        self._stack = ExitStack()
        self._case: Case | None = None

    def run(self, number: int, fall: Random) -> str:
        """Run a case; what it said when it failed, or nothing."""
        try:
            self.make()(number, fall)
        except Exception as err:  # noqa: BLE001  whatever it is, it is this case's failure
            self.close()
            return f"{type(err).__name__}: {err}"
        return ""

    def make(self) -> Case:
        """What runs a case."""
        if self._case is None:
            self._case = self._stack.enter_context(self._family.open())
        return self._case

    def close(self) -> None:
        """Take it down."""
        self._case = None
        self._stack.close()


def alone(family: Family, seed: int, number: int) -> str:
    """One case by itself; what it said when it failed."""
    bench = Bench(family)
    try:
        return bench.run(number, dice(family.name, seed, number))
    finally:
        bench.close()


def run(family: Family, state: State, *, folder: Path | None, say: Say) -> None:
    """Run the rest of the cases of `state`; `folder` keeps how far it is, `say` is called every few seconds."""
    bench, meter = Bench(family), Meter(family, state)
    bench.make()
    due = time.monotonic() + EVERY
    try:
        while not state.over and state.failed < TOO_MANY:
            _one(bench, family, state)
            meter.look()
            if time.monotonic() > due:
                meter.measure()
                _keep(state, folder)
                say(state)
                due = time.monotonic() + EVERY
        meter.end()
    finally:
        bench.close()
        _keep(state, folder)


def _one(bench: Bench, family: Family, state: State) -> None:
    number = state.done
    before = cpu_of_all()
    problem = bench.run(number, dice(family.name, state.seed, number))
    spent = cpu_of_all() - before
    if not problem and family.most and spent > family.most:
        problem = f"it took {spent:.1f} CPU seconds, {family.most:g} at most"
    if problem:
        state.fail(number, problem)
    state.cpu += spent
    state.slowest = max(state.slowest, spent)
    state.done += 1


def _keep(state: State, folder: Path | None) -> None:
    if folder is not None:
        states.save(folder, state)


class Meter:
    """Whether memory stays flat, from when the caches are full to the end."""

    def __init__(self, family: Family, state: State) -> None:
        """Measure later."""
        self._family, self._state = family, state
        self._from = state.done + int((state.wanted - state.done) * WARM)
        self._first = 0

    def look(self) -> None:
        """Measure for the first time, once it is time."""
        if not self._first and self._state.done > self._from:
            self._first = resident()

    def measure(self) -> int:
        """Bytes by which it has grown since; kept as a share, so that a run that is killed has it, too."""
        if not self._first:
            return 0
        growth = resident() - self._first
        self._state.grown = max(self._state.grown, growth / self._first)
        return growth

    def end(self) -> None:
        """Measure for the last time; growth is a failure of the run's last case."""
        growth = self.measure()
        share = growth / max(1, self._first)
        if self._family.flat and share > FLAT and growth > SLACK:
            self._state.fail(self._state.done - 1, f"memory grew by {growth >> 10} KiB, {share:.0%}")


def resident() -> int:
    """Bytes of this process in memory."""
    gc.collect()
    pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")


def cpu_of_all() -> float:
    """CPU seconds of this process and of those that it started and that have ended."""
    found = os.times()
    return found.user + found.system + found.children_user + found.children_system
