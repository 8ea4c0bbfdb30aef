"""What a host has around it: the world's time, the centre, and whom its life concerns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orch.common.events import RELEASE_TAKEN, Event, Value
from tests.sim.agenda import Agenda
from tests.sim.centre import SimCentre
from tests.sim.errand import Errands
from tests.sim.ledger import Ledger
from tests.sim.machine import Act

if TYPE_CHECKING:
    from tests.sim.host import SimHost


class Crashed(BaseException):
    """Raised in the middle of whatever a host does."""


@dataclass(frozen=True, slots=True)
class Told:
    """Whom a host's life concerns: the history of the world."""

    acted: Callable[[SimHost, Act], None]
    made: Callable[[SimHost, int, bytes], None]
    taken: Callable[[SimHost, int, int], None]
    died: Callable[[SimHost, str], None]  # at a durable step, by its name


@dataclass(frozen=True, slots=True)
class Around:
    """What a host has around it."""

    agenda: Agenda
    errands: Errands
    centre: SimCentre
    told: Told
    spool: Path  # contents as rsync would bring them
    ledger: type[Ledger] = Ledger


class HostLog:
    """Checks events as the real one does, keeps none, and tells the history of those that concern it."""

    def __init__(self, taken: Callable[[int, int], None]) -> None:
        """Nothing is written down."""
        self._taken = taken

    def write(self, event: Event, **values: Value) -> None:
        if not values.keys() <= set(event.fields):
            raise ValueError(f"{event.name} has no field {', '.join(values.keys() - set(event.fields))}")
        if event is RELEASE_TAKEN:
            epoch, number = values["epoch"], values["number"]
            assert isinstance(epoch, int)
            assert isinstance(number, int)
            self._taken(epoch, number)
