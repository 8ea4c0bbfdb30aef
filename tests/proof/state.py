"""How far a run is: one small file for each family and seed under build/proof, written whole or not at all.

A run that was killed goes on where its file says. A run that was over begins anew.
"""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

MOST_KEPT = 20
"""Failures that are kept with their text; later ones are counted."""


@dataclass(slots=True, kw_only=True)
class Failure:
    """A case that failed, and what it said."""

    case: int
    text: str


@dataclass(slots=True, kw_only=True)
class State:
    """A run of one family with one seed."""

    family: str
    seed: int
    done: int = 0
    wanted: int = 0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)
    cpu: float = 0.0  # seconds, of all processes that took part
    slowest: float = 0.0  # CPU seconds of the worst case
    grown: float = 0.0  # share by which resident memory grew, the worst part of the run
    day: str = ""  # on which the last case ran
    versions: list[str] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether every case that was wanted has run."""
        return self.done >= self.wanted

    def fail(self, case: int, text: str) -> None:
        """Count a failure."""
        self.failed += 1
        if len(self.failures) < MOST_KEPT:
            self.failures.append(Failure(case=case, text=text[:400]))


def path_of(folder: Path, family: str, seed: int) -> Path:
    """Where the state of a run is kept."""
    return folder / f"{family}-{seed}.json"


def load(folder: Path, family: str, seed: int) -> State | None:
    """The state that a run left; none where there was no run."""
    try:
        found = json.loads(path_of(folder, family, seed).read_text("utf-8"))
    except FileNotFoundError:
        return None
    found["failures"] = [Failure(**item) for item in found["failures"]]
    return State(**found)


def save(folder: Path, state: State) -> None:
    """Replace the state's file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = path_of(folder, state.family, state.seed)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(dataclasses.asdict(state), indent=1), "utf-8")
    os.replace(new, path)  # noqa: PTH105  the word of the system call that matters here
