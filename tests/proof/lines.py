"""Long spells of bad lines, on real hosts with the real apt: their samples are tests/system/test_bad_lines.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from tests.lab import package, weather
from tests.lab.ground import Ground
from tests.lab.lab import Lab, Settings
from tests.proof.family import Case, Family

CHECKOUT = Path(__file__).resolve().parents[2]
FLAPPING = 600.0
ONE_WAY = 3600.0
"""Seconds of one spell."""


def _opened(spell: Callable[[Ground, int], list[str]]) -> Callable[[], Iterator[Case]]:
    def made() -> Iterator[Case]:
        settings = Settings(checkout=CHECKOUT, packages=package.ORDINARY + package.TROUBLE)
        with Lab(settings) as lab:
            ground = Ground(lab, "proof")
            ground.establish()

            def case(_number: int, dice: Random) -> None:
                ground.calm()
                wrong = spell(ground, dice.randrange(1 << 32))
                if wrong:
                    raise AssertionError("\n".join(wrong))

            try:
                yield case
            finally:
                ground.end()

    return made


FLAP = Family(
    name="flap",
    about="ten minutes in which three hosts' lines carry for a second, then for a second not, with a release every other, and one "
    "whose connections are reset for a third of each minute: converged two heartbeats later, everything done and reported once, connects backed off, at most one fetch a minute",
    whole=1,
    sample=0,
    open=contextmanager(_opened(lambda ground, seed: weather.flapping(ground, seconds=FLAPPING, seed=seed))),
    root=True,
)
ONEWAY = Family(
    name="oneway",
    about="an hour in which one host's packets do not arrive and another gets none, with a release in the middle: "
    "noticed on both sides, converged two heartbeats later, everything done and reported once",
    whole=1,
    sample=0,
    open=contextmanager(_opened(lambda ground, seed: weather.one_way(ground, seconds=ONE_WAY, seed=seed))),
    root=True,
)
