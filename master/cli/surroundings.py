"""What the commands take from outside: the time, chance, the way to the centre, the folder of keys.

`__main__` gives the real ones; a test gives a fake centre and a clock that it turns. Nothing in master/cli looks at the
environment except here, in homes.py and in terminal.py.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from orch.common.clock import Chance, Clock, SystemChance, SystemClock
from orch.master.cli import homes
from orch.master.cli.line import Centre, Dialling


def _dial(dialling: Dialling) -> Centre:
    # Imported here: commands that need no line must not pay for ZeroMQ.
    from orch.master.cli.wireline import WireLine

    return WireLine(dialling)


def _reach(address: str, seconds: float) -> str:
    from orch.master.adapters import reach

    return reach.problem(address, seconds=seconds)


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The world as a command sees it."""

    clock: Clock = field(default_factory=SystemClock)
    chance: Chance = field(default_factory=SystemChance)
    dial: Callable[[Dialling], Centre] = _dial
    reach: Callable[[str, float], str] = _reach  # why nobody can be reached at an address; empty: somebody listens
    home: Callable[[], Path] = homes.home
    cache: Callable[[], Path] = homes.cache
    pause: Callable[[float], None] = _pause
    interactive: Callable[[], bool] = lambda: os.isatty(0)
    key_cost: int = 15  # of new key files, as a power of two (crypto.COST); a test takes a cheap one
