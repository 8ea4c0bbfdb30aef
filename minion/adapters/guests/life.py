"""Guests through libvirt, from their definition to their end: satisfies minion/hypervisor.py.

Invariants:
- objections come before libvirt: what the machine cannot do is refused, and nothing was changed;
- what goes with a guest goes before the guest: when `undefine` is killed in its middle, doing it again ends it;
- every deed looks first, and does nothing where there is nothing to do.

Called by the executor; opened by finding.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from orch.common.errors import Impossible, StepFailed
from orch.common.guest import Guest
from orch.common.hypervisor import Ability, objections
from orch.minion.adapters.guests import domain
from orch.minion.adapters.guests.consoles import Consoles
from orch.minion.adapters.guests.disks import Disks
from orch.minion.adapters.guests.door import CRASHED, Domain, Door
from orch.minion.adapters.guests.drivers import Driver, able
from orch.minion.adapters.process import ProcessRunner, Runner
from orch.minion.hypervisor import Answer
from orch.states.hypervisor import Difference, GuestFacts, Life, differences

LOGS: Final = Path("/var/log/orch/guests")
_LOOK: Final = 0.2
_UP: Final = {Life.RUNNING, Life.PAUSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where this machine keeps things, if not where they usually are."""

    uri: str = ""  # of the hypervisor; empty: the driver's own
    logs: Path = LOGS
    runner: Runner | None = None


class LibvirtGuests:
    """The guests of one hypervisor."""

    def __init__(self, driver: Driver, place: Place) -> None:
        """Open the hypervisor.

        Raises:
            NoHypervisor: it does not answer.
        """
        self._driver = driver
        self._door = Door(place.uri or driver.uri)
        self._consoles = Consoles(driver.console, place.logs)
        self._disks = Disks(place.runner or ProcessRunner())

    # --- questions ------------------------------------------------------------------------------------

    def ability(self) -> Ability:
        """What it can here."""
        return able(self._driver, self._door.said())

    def guests(self) -> tuple[GuestFacts, ...]:
        """All that orch defined."""
        return tuple(facts for found in self._door.domains() if (facts := self._facts(found)) is not None)

    def guest(self, name: str) -> GuestFacts | None:
        """One of them."""
        found = self._door.domain(name)
        return None if found is None else self._facts(found)

    def console(self, name: str) -> str:
        """What it showed."""
        found = self._known(name)
        return self._consoles.text(name, domain.terminal(found.xml(running=True)) if found.active else "")

    # --- deeds ----------------------------------------------------------------------------------------

    def define(self, guest: Guest) -> tuple[Difference, ...]:
        """Make it known, with its disks."""
        said = self._door.said()
        against = objections(guest, able(self._driver, said))
        if against:
            raise Impossible(f"the guest {guest.name}: {'; '.join(against)}")
        known = self._door.domain(guest.name)
        if known is not None:
            known = self._known(guest.name)
        before = None if known is None else self._defined(known)
        changed = differences(before, guest)
        missing = () if self._driver.simulated else self._disks.missing(guest)
        for disk in missing:
            self._disks.make(disk)
        if before is None or known is None or replace(before, autostart=guest.autostart) != guest:
            self._consoles.prepare()
            identity = "" if known is None else known.identity
            log = self._consoles.file(guest.name)
            known = self._door.define(
                domain.write(guest, self._driver, arch=said.arch, log=log, identity=identity), guest.name
            )
        if known.autostart != guest.autostart:
            known.set_autostart(wanted=guest.autostart)
        return (*changed, *(Difference(f"disk {disk.path}", "", "made") for disk in missing))

    def start(self, name: str) -> bool:
        """See to it that it runs."""
        found = self._known(name)
        condition = found.condition(saves=self._driver.saves)
        if condition.life is Life.RUNNING:
            return False
        if condition.life is Life.PAUSED:
            found.resume()
            return True
        if condition.word == CRASHED:
            found.destroy()
        if condition.life is not Life.SAVED:
            self._consoles.begin(name)
        found.create()
        return True

    def wait_for_life(self, name: str, sign: str, *, within: float) -> Answer:
        """Wait for its own word."""
        found = self._known(name)
        if self._driver.simulated:
            return Answer.SIMULATED
        ended = False

        def told() -> bool:
            nonlocal ended
            ended = self._life(found) not in _UP  # before reading: what it said at its end counts
            return sign in self.console(name) or ended

        if not _until(told, within):
            return Answer.SILENT
        return Answer.ENDED if ended else Answer.ALIVE

    def suspend(self, name: str) -> bool:
        """Hold it."""
        found = self._known(name)
        self._must_be_up(found)
        if self._life(found) is Life.PAUSED:
            return False
        found.suspend()
        return True

    def resume(self, name: str) -> bool:
        """Let it go on."""
        found = self._known(name)
        self._must_be_up(found)
        if self._life(found) is Life.RUNNING:
            return False
        found.resume()
        return True

    def save(self, name: str) -> bool:
        """Write it to disk."""
        found = self._known(name)
        if not self._driver.saves:
            raise Impossible(f"the guest {name}: {self._driver.hypervisor.value} cannot save guests")
        if self._life(found) is Life.SAVED:
            return False
        self._must_be_up(found)
        found.save()
        return True

    def restore(self, name: str) -> bool:
        """Let it go on from where it was saved."""
        found = self._known(name)
        life = self._life(found)
        if life is Life.OFF:
            raise StepFailed(f"the guest {name} was not saved: there is nothing to go on from")
        return self.start(name)

    def shut_down(self, name: str, *, within: float) -> bool:
        """Ask it to end, and wait."""
        found = self._known(name)
        if self._life(found) not in _UP:
            return False
        if self._life(found) is Life.PAUSED:
            found.resume()  # it could not hear
        found.ask_to_end(signal=self._driver.signals)
        if not _until(lambda: not found.active, within):
            hint = "it may still be busy with ending; or take its power away"
            raise StepFailed(f"the guest {name} did not end within {within:.0f} s", hint=hint)
        return True

    def destroy(self, name: str) -> bool:
        """Take its power away."""
        return self._destroy(self._known(name))

    def undefine(self, name: str) -> tuple[str, ...]:
        """Forget it, with all that was made for it."""
        if self._door.domain(name) is None:
            return ()
        found = self._known(name)
        guest = self._defined(found)
        self._destroy(found)
        gone = () if guest is None or self._driver.simulated else self._disks.remove(guest)
        if self._consoles.drop(name):
            gone = (*gone, str(self._consoles.file(name)))
        found.undefine()
        return (*gone, name)

    def close(self) -> None:
        """Let go of libvirt."""
        self._door.close()

    # --- parts ----------------------------------------------------------------------------------------

    def _destroy(self, found: Domain) -> bool:
        active = found.active
        if active:
            found.destroy()
        saved = self._driver.saves and found.saved
        if saved:
            found.forget_saved()
        return active or saved

    def _known(self, name: str) -> Domain:
        """A guest of ours.

        Raises:
            StepFailed: there is none, or it is somebody else's.
        """
        found = self._door.domain(name)
        if found is None:
            raise StepFailed(f"there is no guest {name}")
        if self._defined(found) is None:
            raise StepFailed(
                f"the guest {name} was not defined by orch, and is left alone",
                hint=f"give the service another name, or remove that guest: virsh undefine {name}",
            )
        return found

    def _defined(self, found: Domain) -> Guest | None:
        return domain.read(found.xml(), autostart=found.autostart)

    def _life(self, found: Domain) -> Life:
        return found.condition(saves=self._driver.saves).life

    def _must_be_up(self, found: Domain) -> None:
        if self._life(found) not in _UP:
            raise StepFailed(f"the guest {found.name} does not run")

    def _facts(self, found: Domain) -> GuestFacts | None:
        defined = self._defined(found)
        if defined is None:
            return None
        condition = found.condition(saves=self._driver.saves)
        outdated = False
        if condition.life in _UP:
            outdated = domain.read(found.xml(running=True), autostart=defined.autostart) != defined
        return GuestFacts(
            defined=defined,
            life=condition.life,
            ending=condition.ending,
            outdated=outdated,
            simulated=self._driver.simulated,
        )


def _until(happened: Callable[[], bool], within: float) -> bool:
    end = time.monotonic() + within
    while not happened():
        if time.monotonic() > end:
            return False
        time.sleep(_LOOK)
    return True
