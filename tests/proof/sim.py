"""Worlds: fifty hosts, a centre and their trouble over days to weeks, each from one seed (tests/sim).

A case's seed comes from its dice; `make sim SEED=...` lets the same world live again, with its history.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from tests.proof.family import Case, Family
from tests.sim.world import run


@contextmanager
def _open() -> Iterator[Case]:
    yield _case


def _case(number: int, dice: Random) -> None:
    del number
    seed = dice.getrandbits(40)
    verdict = run(seed)
    if verdict.wrong:
        raise AssertionError(f"make sim SEED={seed} CASES=1: {'; '.join(verdict.wrong[:3])}")


FAMILY = Family(
    name="sim",
    about=(
        "a centre, an operator, a thief and 50 hosts live through days of loss, partitions, kills, power cuts and wrong "
        "clocks in virtual time; every release ends on every host and the centre knows it, every acknowledged report is "
        "stored once, no floor falls, nothing unsigned is acted on, nothing is stopped by expiry"
    ),
    whole=20_000,
    sample=6,
    open=_open,
)
