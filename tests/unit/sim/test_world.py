"""That the simulator judges: a world happens again as it did, and each fault that orch could have is noticed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sim.centre import EarlyStore
from tests.sim.ledger import Forgetful
from tests.sim.world import Faults, run

pytestmark = pytest.mark.processes

TOP = Path(__file__).parents[3]
FEW = 12
HOSTS = 6


def _digest(seed: int, hash_seed: str) -> str:
    code = f"from tests.sim.world import run; print(run({seed}, hosts={HOSTS}).digest)"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=TOP, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_a_seed_is_the_same_world_in_every_process() -> None:
    assert len({_digest(1, "1"), _digest(1, "2"), run(1, hosts=HOSTS).digest}) == 1


def test_what_ships_breaks_no_invariant() -> None:
    assert run(2, hosts=HOSTS).wrong == ()


@pytest.mark.parametrize(
    ("faults", "word"),
    [
        (Faults(store=EarlyStore), "acknowledged and not stored"),
        (Faults(ledger=Forgetful), ""),
        (Faults(forgetful=("floor.",)), "floor"),
        (Faults(thief_signs_as="anna"), "no operator signed"),
    ],
    ids=["acknowledges before the commit", "forgets reports early", "floor is not durable", "a stolen signing key"],
)
def test_a_fault_is_noticed_within_few_seeds(faults: Faults, word: str) -> None:
    for seed in range(1, 1 + FEW):
        if any(word in text for text in run(seed, faults=faults, hosts=HOSTS).wrong):
            return
    raise AssertionError(f"{FEW} seeds and not noticed")
