"""Every decoder of bytes from outside: it gives a value or raises one of orch's errors, soon, and keeps no memory.

A case is one input for each decoder (targets.py). Three in four are mutants of something valid; the rest are of the right
form and the wrong value, or noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random

from orch.common.errors import OrchError
from tests.proof.family import Case, Family
from tests.proof.mutate import bent, changed
from tests.proof.targets import TARGETS, Target, corpus


class Decoders:
    """All targets, with the valid inputs that their mutants are made of."""

    def __init__(self) -> None:
        """Make them once for all runs."""
        self.corpus = corpus()

    def case(self, number: int, fall: Random) -> None:
        """One input for each."""
        for target, valid in zip(TARGETS, self.corpus, strict=True):
            data = self.input(target, valid, fall)
            try:
                target.read(data)
            except OrchError:
                continue
            except Exception as err:
                raise AssertionError(f"{target.name}: {type(err).__name__}: {err}: {data[:300].hex()}") from err

    def input(self, target: Target, valid: Sequence[bytes], fall: Random) -> bytes:
        """A mutant."""
        seed = fall.choice(valid)
        if target.packed and fall.random() < 0.4:
            return bent(seed, fall)
        others = valid if fall.random() < 0.8 else fall.choice(self.corpus)
        return changed(seed, others, fall)


@contextmanager
def _open() -> Iterator[Case]:
    yield Decoders().case


FAMILY = Family(
    name="decoder",
    about=f"a mutant for each of the {len(TARGETS)} decoders of bytes from outside; it gives a value or raises one of orch's "
    "errors; none takes 5 CPU seconds, and memory stays flat",
    whole=1_000_000,
    sample=400,
    open=_open,
    flat=True,
    most=5.0,
)
