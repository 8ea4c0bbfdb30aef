"""One world: a centre, its operator, fifty hosts and their trouble, all from one seed. `run(seed)` is the whole of it.

Weeks go by in episodes: some minutes of work and trouble, then hours or days in which hosts are off, asleep or alone.
Some episodes end in a calm, in which everything that is broken is mended, and then what must be true soon, is judged.
"""

from __future__ import annotations

import gc
import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orch.common.session import BEAT
from orch.master.store import Store
from tests.sim.agenda import Agenda, Dice
from tests.sim.around import Around, Told
from tests.sim.centre import SimCentre
from tests.sim.errand import Errands
from tests.sim.founding import founded, knocking, lay
from tests.sim.history import History
from tests.sim.host import SimHost
from tests.sim.ledger import Ledger
from tests.sim.memory import remembering
from tests.sim.operator import SimOperator
from tests.sim.thief import Thief
from tests.sim.weather import Weather

HOSTS = 50
MINUTE, HOUR, DAY = 60, 3600, 86_400
HEARTBEATS = 2 * 1.2 * BEAT
CONTACT = 60.0
"""Seconds in which every host that can dial has a connection: its longest pause, and attempts that fail."""
WORK = 90.0
"""Seconds that a machine may take for the steps of a release, with one kill in the middle of them."""
PATIENCE = 900.0
"""Seconds until what was blocked or has failed is tried again, at the latest, with one more release's work."""
SLICE = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What may be wrong with orch itself: each must be noticed, or the simulator judges nothing."""

    ledger: type[Ledger] = Ledger
    store: type[Store] = Store
    forgetful: tuple[str, ...] = ()  # files that a host's disk only pretends to sync
    thief_signs_as: str = ""


NO_FAULTS = Faults()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a seed."""

    seed: int
    wrong: tuple[str, ...]
    lines: tuple[str, ...] = field(repr=False)  # the history, for people
    events: int
    days: float  # of virtual time
    releases: int
    acts: int
    again: int  # reports that came to the centre more than once
    places: Mapping[str, int]  # durable steps at which hosts died, and how often
    digest: str  # of the history: the same for the same seed


def run(seed: int, *, faults: Faults = NO_FAULTS, hosts: int = HOSTS, days: float = 0) -> Verdict:
    """Let a world live, for at least so many days, and judge it."""
    with remembering():
        return run_slowly(seed, faults=faults, hosts=hosts, days=days)


def run_slowly(seed: int, *, faults: Faults = NO_FAULTS, hosts: int = HOSTS, days: float = 0) -> Verdict:
    """The same, with everything worked out again each time (memory.py)."""
    folder = Path(tempfile.mkdtemp(prefix="orch-sim-", dir=_memory()))
    errands = Errands()
    collecting = gc.isenabled()
    gc.disable()  # a world lives for seconds and is dropped whole
    gc.freeze()  # and whoever looks for what can be dropped then, looks at nothing that was there before
    try:
        world = World(seed, folder, errands, faults=faults, hosts=hosts)
        world.live(days * DAY)
        return world.verdict()
    finally:
        errands.close()
        shutil.rmtree(folder)
        gc.unfreeze()
        if collecting:
            gc.enable()


def _memory() -> Path | None:
    memory = Path("/dev/shm")
    return memory if memory.is_dir() else None


class World:
    """A seed's."""

    def __init__(self, seed: int, folder: Path, errands: Errands, *, faults: Faults, hosts: int) -> None:
        """Founded; nothing runs yet."""
        self.seed = seed
        self.dice = Dice(f"orch {seed}")
        self.agenda = Agenda()
        self.history = History(self.agenda)
        self.errands = errands
        spool = folder / "spool"
        spool.mkdir()
        found = founded(hosts)
        lay(found, folder / "centre")
        self.centre = SimCentre(folder / "centre", self.agenda, self.dice.own("centre"))
        self.centre.makes_store = faults.store
        self.centre.crashed = lambda: self.history.note("centre is killed")
        self.operator = SimOperator(self.centre, self.history, self.dice.own("operator"), spool)
        history = self.history
        told = Told(acted=history.acted, made=history.made, taken=history.taken, died=history.died)
        around = Around(self.agenda, errands, self.centre, told, spool, faults.ledger)
        self.hosts = [SimHost(name, around, self.dice.own(name), image) for name, image in found.disks.items()]
        for host in self.hosts:
            host.disk.forgetful = faults.forgetful
        self.centre.came_up = self._centre_came_up
        thief = Thief(self.operator, self.dice.own("thief"))
        thief.signer = faults.thief_signs_as or thief.signer
        self.weather = Weather(self, thief, self.dice.own("weather"))

    def live(self, least: float) -> None:
        """From the first day to the last: two to four episodes, and as many more as `least` seconds take."""
        self.centre.start()
        self.operator.admit(self.hosts[-knocking(len(self.hosts)) :])
        self._power(self.hosts)
        left = self.dice.randint(2, 4)
        while left > 0 or self.agenda.now < least:
            left -= 1
            self.weather.episode(seconds=self.dice.between(1, 4) * MINUTE)
            if self.dice.chance(0.5):
                self._calm()
            self._gap(self._span())
        self._gather()
        self.operator.publish(self.living, seconds=30 * DAY)
        self._calm(last=True)
        self.history.count_reports(self.hosts, self.centre.folder / "store.db")
        for line in self.centre.log.lines:
            if "code=mistake" in line:
                self.history.broken(f"the centre made a mistake: {line}")
        self._end()

    @property
    def living(self) -> list[SimHost]:
        """Hosts that still belong to the estate."""
        return [host for host in self.hosts if not host.is_revoked]

    def verdict(self) -> Verdict:
        """What there is to say."""
        history = self.history
        digest = hashlib.sha256("\n".join(history.lines).encode()).hexdigest()[:16]
        return Verdict(
            seed=self.seed,
            wrong=tuple(history.wrong),
            lines=tuple(history.lines),
            events=self.agenda.done,
            days=self.agenda.now / DAY,
            releases=len(self.operator.releases),
            acts=history.acts,
            again=self.centre.again,
            places=history.places,
            digest=digest,
        )

    # --- time passes --------------------------------------------------------------------------------

    def _pass(self, seconds: float) -> None:
        self.agenda.run(self.agenda.now + seconds)

    def _power(self, hosts: Iterable[SimHost]) -> None:
        for host in hosts:
            self.agenda.after(self.dice.between(0, 20), host.power_on)

    def _centre_came_up(self) -> None:
        self.history.note("centre runs")
        for host in self.hosts:
            host.centre_came_up()

    def _span(self) -> float:
        """Ten minutes to ten days; short ones as often as long ones."""
        return float(10 * MINUTE * (10 * DAY / (10 * MINUTE)) ** self.dice.random())

    def _gap(self, seconds: float) -> None:
        """Most of the estate is off, asleep or cut off; then it comes back, bit by bit."""
        self.history.note(f"--- {seconds / HOUR:.1f} hours go by")
        self.weather.clear()
        for host in self.hosts:
            match self.dice.randrange(10) if host.is_on else 0:
                case 0 | 1 | 2 | 3:
                    host.go_away()
                    if self.dice.chance(0.1):
                        host.rot_a_slot()
                case 4:
                    host.road.cut(to_host=True, to_centre=True)
                case _:
                    host.sleep()
        self._pass(MINUTE)
        self.centre.rest()
        self._pass(seconds)
        self.centre.stir()
        self._gather(spread=30)

    def _gather(self, *, spread: float = 10) -> None:
        """Everything that is broken is mended, everybody comes back."""
        self.weather.clear()
        if not self.centre.is_up:
            self.agenda.after(self.dice.between(0, 5), self.centre.start)
        for host in self.hosts:
            self.agenda.after(self.dice.between(0, spread), host.come_back)
        self._pass(spread + 5)

    def _calm(self, *, last: bool = False) -> None:
        """Nothing is broken any more: soon the centre must know how the newest release ended everywhere."""
        self.history.note("--- calm")
        self._gather()
        end = self.agenda.now + CONTACT + HEARTBEATS + WORK + PATIENCE
        self._pass(HEARTBEATS)
        while (left := self._unsettled(strictly=last)) and self.agenda.now < end:
            self._pass(SLICE)
        for text in left:
            self.history.broken(f"after {PATIENCE + WORK:.0f} s of calm: {text}")
        for host in self.living:
            self.history.is_true(host, self.centre)
        if last and not self.operator.is_idle:
            self.history.broken("the operator has no answer")

    def _unsettled(self, *, strictly: bool) -> list[str]:
        reasons = ((host.name, self.history.unsettled(host, self.centre, strictly=strictly)) for host in self.living)
        return [f"{name}: {why}" for name, why in reasons if why]

    def _end(self) -> None:
        for host in self.hosts:
            host.power_cut()
        self.centre.kill()
        gc.collect()
