"""`make proof FAMILY=decoder SEED=1 CASES=1000`: run a family's cases, go on where a killed run ended, write the page.

CASE=17     that case alone, with what it says in full
--sample    the sample of every family, each in a process of its own, with a new seed; writes no page
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

from tests.proof import results
from tests.proof import run as runner
from tests.proof import state as states
from tests.proof.families import ABOUT, ALL, BY_NAME
from tests.proof.family import Family, dice
from tests.proof.state import State

TOP = Path(__file__).parents[2]
FOLDER = TOP / "build" / "proof"
PAGE = TOP / "docs" / "results.md"
DEBIAN = "/usr/bin/python3"
ALONE = ("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc")
NAMED = ("pyzmq", "msgpack", "cryptography")


def main() -> int:
    """Do what was asked; 1 where a case failed."""
    asked = _arguments()
    if asked.sample:
        return _samples(asked.seed)
    if asked.family is None:
        for family in ALL:
            print(f"{family.name:12} {family.whole:>10,} cases  {family.about}")
        results.refresh(PAGE, ABOUT)
        return 0
    family = BY_NAME[asked.family]
    if not _is_there(family):
        return _as_root(family, sys.argv[1:])
    seed = int(time.time()) if asked.seed is None else asked.seed
    if asked.case is not None:
        return _alone(family, seed, asked.case)
    return _run(family, seed, asked)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make proof")
    parser.add_argument("--family", choices=sorted(BY_NAME), help="which; without it, the list of them")
    parser.add_argument("--seed", type=int, help="a number; without it a new one, which is printed")
    parser.add_argument("--cases", type=int, help="how many; without it a whole run")
    parser.add_argument("--case", type=int, help="only the case of this number")
    parser.add_argument("--sample", action="store_true", help="a few cases of every family")
    parser.add_argument("--no-page", action="store_true", help="leave docs/results.md as it is, and keep no state")
    return parser.parse_args()


def _run(family: Family, seed: int, asked: argparse.Namespace) -> int:
    folder = None if asked.no_page else FOLDER
    state = _begin(family, seed, asked.cases or family.whole, folder)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        runner.run(family, state, folder=folder, say=_say)
    finally:  # a run that was ended has its row, too: so many of so many
        if folder is not None:
            results.merge(PAGE, state, ABOUT)
    _say(state)
    for failure in state.failures:
        print(f"  case {failure.case} failed: {failure.text}")
        print(f"  alone: make proof FAMILY={family.name} SEED={seed} CASE={failure.case}")
    return 1 if state.failed else 0


def _begin(family: Family, seed: int, cases: int, folder: Path | None) -> State:
    """The state of a run that was ended before its time, or a new one."""
    state = states.load(folder, family.name, seed) if folder else None
    if state is None or state.over:
        state = State(family=family.name, seed=seed)
    elif state.done:
        print(f"{family.name}: going on at case {state.done:,}", flush=True)
    state.wanted = cases
    state.day = time.strftime("%Y-%m-%d", time.gmtime())
    if (with_ := _versions()) not in state.versions:
        state.versions.append(with_)
    return state


def _alone(family: Family, seed: int, number: int) -> int:
    with family.open() as case:
        case(number, dice(family.name, seed, number))
    print(f"{family.name}: case {number} of seed {seed} holds")
    return 0


def _say(state: State) -> None:
    print(
        f"{state.family}: seed {state.seed}, {state.done:,} of {state.wanted:,} cases, {state.failed} failed, "
        f"{state.cpu:,.1f} CPU s",
        flush=True,
    )


def _samples(seed: int | None) -> int:
    """Each family in a process of its own, so that one's memory is not another's."""
    seed = int(time.time()) if seed is None else seed
    failed = [family.name for family in ALL if family.sample and _sample(family, seed)]
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def _sample(family: Family, seed: int) -> int:
    words = ["--family", family.name, "--seed", str(seed), "--cases", str(family.sample), "--no-page"]
    if not _is_there(family):
        return _as_root(family, words)
    return subprocess.run([sys.executable, "-m", "tests.proof", *words], cwd=TOP, check=False).returncode


def _is_there(family: Family) -> bool:
    """Whether this process is one in which the family can run."""
    if not family.root:
        return True
    ours = Path(sys.executable).resolve() == Path(DEBIAN).resolve()
    return ours and os.geteuid() == 0 and (os.getpid() == 1 or not family.alone)


def _as_root(family: Family, words: list[str]) -> int:
    before = [] if os.geteuid() == 0 else ["sudo"]
    alone = ALONE if family.alone else ()
    return subprocess.run([*before, *alone, DEBIAN, "-m", "tests.proof", *words], cwd=TOP, check=False).returncode


def _versions() -> str:
    """What the cases ran on."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=TOP, capture_output=True, check=False).stdout
    found = [f"{name} {metadata.version(name)}" for name in NAMED]
    return ", ".join([f"orch {commit.decode().strip() or '?'}", f"Python {platform.python_version()}", *found])


if __name__ == "__main__":
    sys.exit(main())
