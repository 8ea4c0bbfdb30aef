"""Every decoder under a fuzzer that follows coverage (atheris, which is libFuzzer): what opens a new branch is kept and
changed further, so it gets where dice do not.

A case is one decoder and RUNS inputs in a process of its own (guide.py). What was ever found stands, under a name, in
tests/unit/proof/found.toml. atheris has wheels for some machines only; where there is none, this family does not run,
and `make sample` leaves it out (docs/decisions/0023-two-fuzzers.md).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from random import Random

from tests.proof.family import Case, Family
from tests.proof.targets import TARGETS

RUNS = 100_000
"""Inputs of a case."""
TOP = Path(__file__).parents[2]
HERE = find_spec("atheris") is not None


def fuzz(name: str, *, seed: int, runs: int) -> None:
    """Let libFuzzer feed one decoder.

    Raises:
        AssertionError: something else than one of orch's errors came out, or it took too long, or too much memory.
    """
    with tempfile.TemporaryDirectory(prefix="orch-proof-") as folder:
        done = subprocess.run(
            [sys.executable, "-m", "tests.proof.guide", name, str(seed), str(runs), folder],
            cwd=TOP,
            env={**os.environ, "PYTHONHASHSEED": "0"},
            capture_output=True,
            check=False,
        )
        said = done.stderr.decode("utf-8", "replace")
        found = [path for path in Path(folder).iterdir() if path.is_file()]
        if found:
            kind = found[0].name.partition("-")[0]
            raise AssertionError(f"{name}: {kind}: {_problem(said)}: {found[0].read_bytes()[:300].hex()}")
        if done.returncode or f"Done {runs} runs" not in said:
            raise AssertionError(f"{name}: the fuzzer ended with {done.returncode}: {said[-300:]}")


def _problem(said: str) -> str:
    """The exception, out of what libFuzzer prints."""
    _before, _mark, after = said.partition("Uncaught Python exception: ===\n")
    return after.partition("\n")[0][:200]


def case(number: int, fall: Random) -> None:
    """The next decoder in turn."""
    fuzz(TARGETS[number % len(TARGETS)].name, seed=fall.randrange(1, 1 << 31), runs=RUNS)


@contextmanager
def _open() -> Iterator[Case]:
    if not HERE:
        raise AssertionError("atheris is not here: it has wheels for x86-64 and Python up to 3.13")
    yield case


FAMILY = Family(
    name="guided",
    about=f"{RUNS:,} inputs for one of the {len(TARGETS)} decoders in turn, led by coverage (libFuzzer): it gives a value or "
    "raises one of orch's errors; none takes 20 seconds, nor 512 MiB",
    whole=len(TARGETS),
    sample=1 if HERE else 0,
    open=_open,
)
