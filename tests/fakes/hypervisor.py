"""A hypervisor in memory: what minion/hypervisor.py's `Hypervisor` promises, without libvirt and without waiting.

Its guests are as good as real ones: they say their sign on their console and answer with the number of their life, unless
they are `mute`; they crash when they are told to. The real ones pass the same contract (tests/contract/guests_contract.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from orch.common.errors import Impossible, StepFailed
from orch.common.guest import Disk, DiskKind, Guest, Kind
from orch.common.hypervisor import Ability, Hypervisor, objections
from orch.minion.hypervisor import Answer
from orch.states.hypervisor import Difference, Ending, GuestFacts, Life, differences

SIGN = "GUEST-ALIVE"
UP = {Life.RUNNING, Life.PAUSED}
XEN = Ability(
    hypervisor=Hypervisor.XEN,
    version="4.17.7",
    kinds=(Kind.PV,),
    disks=(DiskKind.FILE, DiskKind.BLOCK, DiskKind.OVERLAY),
    saves=True,
    crashes=True,
    memory=4096,
    cpus=2,
)


@dataclass
class Room:
    """A guest and how it is."""

    guest: Guest
    life: Life = Life.OFF
    ending: Ending = Ending.UNKNOWN
    runs_as: Guest | None = None
    number: int = 0  # of its life
    console: str = ""


@dataclass
class FakeHypervisor:
    """`strangers` are guests of somebody else; `files` are disks and bases that are there; `mute` guests say nothing."""

    able: Ability = XEN
    strangers: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    mute: set[str] = field(default_factory=set)
    deaf: set[str] = field(default_factory=set)  # to being asked to end
    rooms: dict[str, Room] = field(default_factory=dict)
    lives: int = 0

    # --- as a guest -----------------------------------------------------------------------------------

    def answer(self, name: str) -> str | None:
        """What a guest answers from inside: the number of its life."""
        room = self.rooms.get(name)
        if room is None or room.life is not Life.RUNNING or name in self.mute or self.able.simulated:
            return None
        return str(room.number)

    def crash(self, name: str) -> None:
        """Have a guest crash."""
        self._end(self.rooms[name], Ending.CRASHED if self.able.crashes else Ending.SHUT_DOWN)

    # --- the port -------------------------------------------------------------------------------------

    def ability(self) -> Ability:
        return self.able

    def guests(self) -> tuple[GuestFacts, ...]:
        return tuple(self._facts(room) for _, room in sorted(self.rooms.items()))

    def guest(self, name: str) -> GuestFacts | None:
        return self._facts(self.rooms[name]) if name in self.rooms else None

    def console(self, name: str) -> str:
        return self._room(name).console

    def define(self, guest: Guest) -> tuple[Difference, ...]:
        against = objections(guest, self.able)
        if against:
            raise Impossible(f"the guest {guest.name}: {'; '.join(against)}")
        if guest.name in self.strangers:
            self._room(guest.name)
        missing = () if self.able.simulated else self._missing(guest)
        self.files |= {disk.path for disk in missing}
        room = self.rooms.get(guest.name)
        changed = differences(None if room is None else room.guest, guest)
        if room is None:
            self.rooms[guest.name] = Room(guest)
        else:
            room.guest = guest
        return (*changed, *(Difference(f"disk {disk.path}", "", "made") for disk in missing))

    def start(self, name: str) -> bool:
        room = self._room(name)
        if room.life is Life.RUNNING:
            return False
        if room.life is Life.OFF:
            self.lives += 1
            room.number, room.runs_as = self.lives, room.guest
            room.console = "" if name in self.mute or self.able.simulated else f"{SIGN} {room.number}\n"
        room.life, room.ending = Life.RUNNING, Ending.UNKNOWN
        return True

    def wait_for_life(self, name: str, sign: str, *, within: float) -> Answer:
        room = self._room(name)
        if self.able.simulated:
            return Answer.SIMULATED
        if room.life not in UP:
            return Answer.ENDED
        return Answer.ALIVE if sign in room.console else Answer.SILENT

    def suspend(self, name: str) -> bool:
        return self._turn(name, Life.PAUSED)

    def resume(self, name: str) -> bool:
        return self._turn(name, Life.RUNNING)

    def save(self, name: str) -> bool:
        room = self._room(name)
        if not self.able.saves:
            raise Impossible(f"the guest {name}: it cannot be saved")
        if room.life is Life.SAVED:
            return False
        self._must_be_up(room)
        room.life, room.ending = Life.SAVED, Ending.SAVED
        return True

    def restore(self, name: str) -> bool:
        if self._room(name).life is Life.OFF:
            raise StepFailed(f"the guest {name} was not saved: there is nothing to go on from")
        return self.start(name)

    def shut_down(self, name: str, *, within: float) -> bool:
        room = self._room(name)
        if room.life not in UP:
            return False
        if name in self.deaf:
            raise StepFailed(f"the guest {name} did not end within {within:.0f} s")
        self._end(room, Ending.SHUT_DOWN)
        return True

    def destroy(self, name: str) -> bool:
        room = self._room(name)
        if room.life is Life.OFF:
            return False
        self._end(room, Ending.DESTROYED)
        return True

    def undefine(self, name: str) -> tuple[str, ...]:
        if name not in self.rooms and name not in self.strangers:
            return ()
        room = self._room(name)
        gone = [disk.path for disk in room.guest.disks if _made(disk) and not disk.keep and disk.path in self.files]
        self.files -= set(gone)
        del self.rooms[name]
        return (*gone, name)

    def close(self) -> None:
        if self.able.simulated:
            self.rooms.clear()

    # --- parts ----------------------------------------------------------------------------------------

    def _room(self, name: str) -> Room:
        if name in self.strangers:
            raise StepFailed(f"the guest {name} was not defined by orch, and is left alone")
        if name not in self.rooms:
            raise StepFailed(f"there is no guest {name}")
        return self.rooms[name]

    def _facts(self, room: Room) -> GuestFacts:
        return GuestFacts(
            defined=room.guest,
            life=room.life,
            ending=room.ending,
            outdated=room.life in UP and room.runs_as != room.guest,
            simulated=self.able.simulated,
        )

    def _missing(self, guest: Guest) -> tuple[Disk, ...]:
        brought = [disk.base or disk.path for disk in guest.disks if disk.base or not _made(disk)]
        for path in brought:
            if path not in self.files:
                raise StepFailed(f"{path} is not there", hint="which package brings it? is it listed?")
        return tuple(disk for disk in guest.disks if _made(disk) and disk.path not in self.files)

    def _turn(self, name: str, life: Life) -> bool:
        room = self._room(name)
        self._must_be_up(room)
        changed, room.life = room.life is not life, life
        return changed

    def _must_be_up(self, room: Room) -> None:
        if room.life not in UP:
            raise StepFailed(f"the guest {room.guest.name} does not run")

    def _end(self, room: Room, ending: Ending) -> None:
        room.life, room.ending, room.runs_as = Life.OFF, ending, None


def _made(disk: Disk) -> bool:
    return disk.kind is DiskKind.OVERLAY or (disk.kind is DiskKind.FILE and disk.size > 0)
