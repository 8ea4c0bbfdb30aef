"""The part of a change that hurts nobody: as much as possible of what is wanted, without anything that is not allowed.

Refuses to do: know what is wanted or why something is not allowed; its caller asks and answers.

Called by packages.py, where a host may heal and may remove nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")
TRIES: Final = 40
"""Questions at most: with one name of 500 in the way about twenty are enough."""


def most(names: tuple[str, ...], ask: Callable[[tuple[str, ...]], T | None]) -> T | None:
    """The answer for as many of the names as fit together; None where not even no name at all does.

    Halves are tried, so that few names in the way cost few questions. When TRIES are used up, the names that were not
    asked about are left out.

    Args:
        names: in the order in which they are preferred.
        ask: what comes of these names; None where they do not fit.
    """
    left = TRIES

    def asked(some: tuple[str, ...]) -> T | None:
        nonlocal left
        left -= 1
        return ask(some) if left >= 0 else None

    if (best := asked(names)) is not None:
        return best
    kept: tuple[str, ...] = ()
    if (best := asked(kept)) is None:
        return None
    waiting = [names[len(names) // 2 :], names[: len(names) // 2]] if len(names) > 1 else []
    while waiting:
        part = waiting.pop()
        found = asked((*kept, *part)) if part else None
        if found is not None:
            best, kept = found, (*kept, *part)
        elif len(part) > 1:
            waiting += [part[len(part) // 2 :], part[: len(part) // 2]]
    return best
