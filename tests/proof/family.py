"""A family of generated cases: one promise, and a number of cases that try to break it.

A case is made of its number and dice alone; the dice fall by family, seed and number. So the case that failed is the same
case again when it is run alone, whatever ran before it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

Case: TypeAlias = Callable[[int, Random], None]
"""Tries the case of this number with these dice; whatever it raises is a failure of the product (or of the case)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One kind of case.

    Attributes:
        name: for `FAMILY=`.
        about: what one case does, and what must hold; stands in docs/results.md.
        whole: cases of a whole run, the number that an issue names.
        sample: cases that run in `make test`; together the samples of all families take a minute. 0 where the sample is a
            system test.
        open: makes what the cases need and gives the function that runs one; made anew after a failure.
        flat: bytes in resident memory may not grow by more than a twentieth over a run.
        most: CPU seconds that a case may take; 0 for no such promise.
        root: needs root and Debian's own interpreter, as everything does that stands on tests/lab.
        alone: mounts things: it runs in namespaces of its own, in which all processes and mounts go with the first.
    """

    name: str
    about: str
    whole: int
    sample: int
    open: Callable[[], AbstractContextManager[Case]]
    flat: bool = False
    most: float = 0.0
    root: bool = False
    alone: bool = False


def dice(family: str, seed: int, number: int) -> Random:
    """The dice of one case."""
    return Random(f"{family}/{seed}/{number}")
