"""That the simulator judges: a world happens again as it did, and each fault that orch could have is noticed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.sim.centre import EarlyStore
from tests.sim.founding import founded, knocking, names_of
from tests.sim.ledger import Forgetful
from tests.sim.weather import PLACES
from tests.sim.world import Faults, run

pytestmark = pytest.mark.processes

TOP = Path(__file__).parents[3]
FEW = 12
MANY = 60
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


def test_within_some_seeds_hosts_die_at_every_durable_step_and_reports_come_again() -> None:
    places: Counter[str] = Counter()
    again = 0
    for seed in range(1, 1 + MANY):
        verdict = run(seed, hosts=HOSTS)
        places.update(verdict.places)
        again += verdict.again
        if places.keys() >= set(PLACES) and again:
            return
    raise AssertionError(f"{MANY} seeds: {again} came again, no host died at {sorted(set(PLACES) - places.keys())}")


def test_a_world_lives_as_long_as_it_is_told_to() -> None:
    verdict = run(1, hosts=HOSTS, days=21)
    assert verdict.days >= 21
    assert verdict.wrong == ()


def test_the_last_hosts_of_an_estate_knock_until_the_operator_lets_them_in() -> None:
    verdict = run(1, hosts=HOSTS)
    found = founded(HOSTS)
    assert list(found.disks) == list(names_of(HOSTS))
    assert knocking(HOSTS) == 1
    assert any(f"{names_of(HOSTS)[-1]} takes" in line for line in verdict.lines)


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
