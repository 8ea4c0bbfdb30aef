"""A machine's clock in virtual time: it may be set wrong, and its boot's own clock begins anew with each boot."""

from __future__ import annotations

from tests.fakes import signed_estate as estate
from tests.sim.agenda import Agenda


class SimClock:
    """One machine's."""

    def __init__(self, agenda: Agenda) -> None:
        """Right."""
        self._agenda = agenda
        self._booted = 0.0
        self.wrong = 0  # seconds by which the wall clock is ahead

    def wall(self) -> int:
        return true_time(self._agenda) + self.wrong

    def boottime(self) -> float:
        return self._agenda.now - self._booted

    def boot(self) -> None:
        """The machine starts; it took some seconds to get here."""
        self._booted = self._agenda.now - 20.0

    def at(self, boottime: float) -> float:
        """That moment of the boot's clock as the agenda has it."""
        return self._booted + boottime


def true_time(agenda: Agenda) -> int:
    """What the time is."""
    return estate.NOW + int(agenda.now)
